"""Has the violation rate in production risen? Detectors whose mean time to a false alarm is guaranteed.

Mixture e-Shiryaev-Roberts: ``R_t = (1 + R_{t-1}) * L_t`` per alternative, alarm when the weighted sum
reaches the target average run length; then the expected time to a false alarm is at least that target,
whatever the distribution of X in [0, 1] with conditional mean <= p0 (e-detectors, arXiv:2203.03532).
Kept in logs: ``log R = logaddexp(0, log R) + log L``. The e-CUSUM variant restarts at 1 and needs a
calibrated threshold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from safecase.base import StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.sequential.eprocess import FloatArray, Mixture, crosses

Recursion = Literal["shiryaev-roberts", "cusum"]


def drift_mixture(baseline: float) -> Mixture:
    """Alternatives 2, 3, 5 and 10 times the `baseline` rate (those below 1), equally weighted.

    Raises `StatisticsError` unless 0 < baseline < 1.
    """
    require_probability("baseline", baseline)
    rates = tuple(m * baseline for m in (2.0, 3.0, 5.0, 10.0) if m * baseline < 1) or ((1 + baseline) / 2,)
    return Mixture(baseline, rates, (1.0 / len(rates),) * len(rates))


@dataclass(frozen=True)
class DriftDetector:
    """State of a drift detector after `n` observations; `alarm_at` is the observation that raised the alarm.

    `threshold`: for ``shiryaev-roberts`` the guaranteed mean number of observations to a false alarm.
    """

    mixture: Mixture
    threshold: float
    recursion: Recursion = "shiryaev-roberts"
    n: int = 0
    log_statistics: tuple[float, ...] = ()
    alarm_at: int | None = None

    def __post_init__(self) -> None:
        if self.mixture.direction != "above":
            raise StatisticsError("a drift detector needs alternatives above the baseline rate")
        if not self.threshold > 1:
            raise StatisticsError(f"threshold must exceed 1, got {self.threshold!r}")
        if self.recursion not in ("shiryaev-roberts", "cusum"):
            raise StatisticsError(f"recursion must be 'shiryaev-roberts' or 'cusum', got {self.recursion!r}")

    def update(self, x: float) -> DriftDetector:
        """The state after observing `x` in [0, 1]. Goes on after an alarm; `alarm_at` keeps the first."""
        factors = self.mixture.log_factors(x).tolist()
        before = self.log_statistics or self._start
        after = tuple(self._carry(r) + f for r, f in zip(before, factors, strict=True))
        n = self.n + 1
        alarm = self.alarm_at
        if alarm is None and crosses(self.mixture.combine(after), math.log(self.threshold)):
            alarm = n
        return replace(self, n=n, log_statistics=after, alarm_at=alarm)

    def run(self, observations: Iterable[float]) -> DriftDetector:
        """The state after all `observations`, in order."""
        state = self
        for x in observations:
            state = state.update(x)
        return state

    def path(self, observations: npt.ArrayLike) -> FloatArray:
        """Log statistic after each observation of fresh streams; argument and result: shape (..., T)."""
        x = np.asarray(observations, dtype=np.float64)
        state = np.broadcast_to(np.asarray(self._start), (*x.shape[:-1], len(self._start))).astype(np.float64)
        weights = np.log(np.asarray(self.mixture.weights))
        zero, one = self.mixture.log_factors([0.0, 1.0])
        binary = bool(np.all((x == 0) | (x == 1)))
        result = np.empty(x.shape)
        for t in range(x.shape[-1]):
            column = x[..., t]
            factor = (
                np.where(column[..., None] > 0, one, zero) if binary else self.mixture.log_factors(column)
            )
            carried = (
                np.logaddexp(0.0, state) if self.recursion == "shiryaev-roberts" else np.maximum(0.0, state)
            )
            state = carried + factor
            result[..., t] = np.logaddexp.reduce(state + weights, axis=-1)
        return result

    @property
    def log_statistic(self) -> float:
        """Log of the weighted sum; an alarm is due at log(threshold)."""
        return self.mixture.combine(self.log_statistics or self._start)

    @property
    def _start(self) -> tuple[float, ...]:
        """Log-values before the first observation: Shiryaev-Roberts begins at 0, CUSUM at 1."""
        first = -math.inf if self.recursion == "shiryaev-roberts" else 0.0
        return (first,) * len(self.mixture.alternatives)

    def _carry(self, log_value: float) -> float:
        """What the next observation multiplies: CUSUM restarts at 1, Shiryaev-Roberts adds a new start."""
        if self.recursion == "cusum":
            return max(0.0, log_value)
        return float(np.logaddexp(0.0, log_value))

    def to_dict(self) -> dict[str, Any]:
        """Plain data from which `from_dict` rebuilds an equal state."""
        return {
            "mixture": self.mixture.to_dict(),
            "threshold": self.threshold,
            "recursion": self.recursion,
            "n": self.n,
            "log_statistics": [None if v == -math.inf else v for v in self.log_statistics],
            "alarm_at": self.alarm_at,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DriftDetector:
        """The inverse of `to_dict`."""
        values = tuple(-math.inf if v is None else float(v) for v in data["log_statistics"])
        return cls(
            Mixture.from_dict(data["mixture"]),
            float(data["threshold"]),
            data["recursion"],
            int(data["n"]),
            values,
            data["alarm_at"],
        )


def drift_detector(baseline: float, average_run_length: float = 10_000.0) -> DriftDetector:
    """Mixture e-Shiryaev-Roberts detector against a rise over `baseline`, ready for `update`.

    `average_run_length`: guaranteed mean number of observations before a false alarm. At 1 % and 10,000 it
    notices 5 % after about 120 observations. Raises `StatisticsError` for arguments out of range.
    """
    return DriftDetector(drift_mixture(baseline), average_run_length)
