"""Mixture e-processes for a rate: the evidence that ships, stops or blocks a release.

An e-process is a non-negative process that starts at 1 and, under its null hypothesis, has expectation at
most 1 at every stopping time; reaching ``1 / alpha`` has probability at most ``alpha`` under the null however
often one looks (Ville's inequality). Three are used, all on a draw order fixed before any result is seen:

* ship: against "violation rate >= theta0", so that large evidence means the rate is below the limit;
* futility: against "violation rate <= theta1" (the rate of a good system), so that large evidence means that
  the system is not good enough to be worth more calls;
* block: against "violation rate <= theta0", large evidence proves that the limit is exceeded.

Each is a mixture over alternatives p_j of betting products
``prod_i (1 + (p_j - theta) / (theta * (1 - theta)) * (X_i - theta))``, which equals
``prod_i ((1 - X_i) * (1 - p_j) / (1 - theta) + X_i * p_j / theta)``: a likelihood ratio for 0/1 data, and
still an e-process for any X_i in [0, 1] whose conditional mean obeys the null (Waudby-Smith & Ramdas,
arXiv:2010.09686). Everything is kept in logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from safecase.base import StatisticsError
from safecase.stats._requirements import require_probability

TIE_EPSILON = 1e-12
"""Slack of every comparison of a log e-value with a log threshold: within it, the threshold is reached.

Convention for ties: nulls are closed ("rate >= theta0", "rate <= theta1"), claims are "rate <= theta0", and a
threshold met exactly is a decision.
"""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixture:
    """A weighted family of point alternatives bet against one null rate.

    `null` is the boundary rate of the null hypothesis; `alternatives` are rates all below it (evidence for a
    low rate) or all above it (evidence for a high rate); `weights` are positive and sum to 1. Raises
    `StatisticsError` otherwise.
    """

    null: float
    alternatives: tuple[float, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        require_probability("null rate", self.null)
        if not self.alternatives or len(self.alternatives) != len(self.weights):
            raise StatisticsError("a mixture needs one weight for each of at least one alternative")
        if min(self.weights) <= 0 or abs(sum(self.weights) - 1.0) > 1e-9:
            raise StatisticsError(f"mixture weights must be positive and sum to 1, got {self.weights}")
        below = all(0 <= p < self.null for p in self.alternatives)
        above = all(self.null < p <= 1 for p in self.alternatives)
        if not (below or above):
            raise StatisticsError(
                f"alternatives {self.alternatives} must all lie below or all above the null rate {self.null}"
            )

    @property
    def direction(self) -> Literal["below", "above"]:
        """Whether large evidence says that the rate is below or above `null`."""
        return "below" if self.alternatives[0] < self.null else "above"

    @cached_property
    def _log_weights(self) -> FloatArray:
        return np.log(np.asarray(self.weights, dtype=np.float64))

    @cached_property
    def _log_failure(self) -> FloatArray:
        """log(p_j / null) per alternative; -inf where p_j = 0."""
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(self.alternatives, dtype=np.float64)) - math.log(self.null)

    @cached_property
    def _log_success(self) -> FloatArray:
        """log((1 - p_j) / (1 - null)) per alternative; -inf where p_j = 1."""
        with np.errstate(divide="ignore"):
            return np.log1p(-np.asarray(self.alternatives, dtype=np.float64)) - math.log1p(-self.null)

    def log_e(self, n: npt.ArrayLike, failures: npt.ArrayLike) -> FloatArray:
        """Log e-value after `n` 0/1 draws with `failures` ones.

        `n` and `failures` broadcast against each other; the result has their common shape. An alternative
        with p_j = 0 contributes fully while failures = 0 and nothing after (never ``0 * -inf``).
        """
        draws = np.asarray(n, dtype=np.float64)[..., None]
        ones = np.asarray(failures, dtype=np.float64)[..., None]
        zeros = draws - ones
        with np.errstate(invalid="ignore"):
            terms = np.where(ones > 0, ones * self._log_failure, 0.0) + np.where(
                zeros > 0, zeros * self._log_success, 0.0
            )
        result: FloatArray = np.logaddexp.reduce(terms + self._log_weights, axis=-1)
        return result

    def log_factors(self, x: npt.ArrayLike) -> FloatArray:
        """Log betting factor of each alternative for observations `x` in [0, 1]: shape ``x.shape + (J,)``."""
        values = np.asarray(x, dtype=np.float64)
        if values.size and not (np.all(values >= 0) and np.all(values <= 1)):
            raise StatisticsError("observations of an e-process must lie in [0, 1] and be numbers")
        p = np.asarray(self.alternatives, dtype=np.float64)
        column = values[..., None]
        with np.errstate(divide="ignore"):
            return np.asarray(
                np.log((1.0 - column) * (1.0 - p) / (1.0 - self.null) + column * p / self.null), np.float64
            )

    def log_e_path(self, x: npt.ArrayLike) -> FloatArray:
        """Log e-value after each of the observations `x` (shape (T,), values in [0, 1], draw order)."""
        logs = np.cumsum(self.log_factors(np.asarray(x, dtype=np.float64).ravel()), axis=0)
        result: FloatArray = np.logaddexp.reduce(logs + self._log_weights, axis=-1)
        return result

    def combine(self, log_wealth: npt.ArrayLike) -> float:
        """Log e-value of the mixture from the log wealth of each alternative, shape (J,)."""
        return float(np.logaddexp.reduce(np.asarray(log_wealth, dtype=np.float64) + self._log_weights))

    def to_dict(self) -> dict[str, Any]:
        """Plain data from which `from_dict` rebuilds an equal mixture."""
        return {"null": self.null, "alternatives": list(self.alternatives), "weights": list(self.weights)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Mixture:
        """The inverse of `to_dict`."""
        return cls(float(data["null"]), tuple(data["alternatives"]), tuple(data["weights"]))


def crosses(log_e: npt.ArrayLike, log_threshold: float) -> npt.NDArray[np.bool_]:
    """Whether each log e-value reaches `log_threshold`, ties included (see `TIE_EPSILON`)."""
    return np.asarray(np.asarray(log_e, dtype=np.float64) >= log_threshold - TIE_EPSILON)


def log_threshold(error_rate: float) -> float:
    """log(1 / error_rate): Ville's threshold, valid at every stopping time. Raises outside (0, 1)."""
    return -math.log(require_probability("error rate", error_rate))


def ship_mixture(theta0: float, theta1: float) -> Mixture:
    """The e-process against "rate >= theta0", tuned to ship a system whose rate is theta1 or lower.

    Alternatives 0, theta1/2, theta1 and min(2 theta1, (theta0 + theta1)/2), with weights .25, .25, .30 and
    .20; the point above theta1 keeps evidence growing for a system slightly worse than the design rate.
    Raises `StatisticsError` unless 0 < theta1 < theta0 < 1.
    """
    require_probability("theta0", theta0)
    _require_design_rate(theta0, theta1)
    above = min(2 * theta1, (theta0 + theta1) / 2)
    return Mixture(theta0, (0.0, theta1 / 2, theta1, above), (0.25, 0.25, 0.30, 0.20))


def futility_mixture(theta0: float, theta1: float) -> Mixture:
    """The e-process against "rate <= theta1": large evidence says that the design rate is not met.

    Alternatives theta0 times 1, 1.5, 2.5, 5 and 10 (those that stay below 1), equally weighted.
    Raises `StatisticsError` unless 0 < theta1 < theta0 < 1.
    """
    require_probability("theta0", theta0)
    _require_design_rate(theta0, theta1)
    rates = _rates_above(theta0, (1.0, 1.5, 2.5, 5.0, 10.0))
    return Mixture(theta1, rates, _equal_weights(len(rates)))


def block_mixture(theta0: float) -> Mixture:
    """The e-process against "rate <= theta0": large evidence proves that the limit is exceeded.

    Alternatives theta0 times 1.5, 2.5, 5 and 10 (those that stay below 1), equally weighted. Raises
    `StatisticsError` unless 0 < theta0 < 1.
    """
    require_probability("theta0", theta0)
    rates = _rates_above(theta0, (1.5, 2.5, 5.0, 10.0))
    return Mixture(theta0, rates, _equal_weights(len(rates)))


def severity_mixture(theta0: float) -> Mixture:
    """The e-process against "mean severity >= theta0" for X in [0, 1] of unknown shape.

    Bets lambda in {.3, .6, .98} / (1 - theta0), equally weighted, that is alternatives (1 - c) theta0: milder
    than `ship_mixture`, because severities far from 0 and 1 carry less evidence than 0/1 data. Raises
    `StatisticsError` unless 0 < theta0 < 1.
    """
    require_probability("theta0", theta0)
    return Mixture(theta0, tuple((1.0 - c) * theta0 for c in (0.3, 0.6, 0.98)), _equal_weights(3))


def _require_design_rate(theta0: float, theta1: float) -> None:
    if not 0 < theta1 < theta0:
        raise StatisticsError(
            f"the design rate theta1 must satisfy 0 < theta1 < theta0 = {theta0}, got {theta1}; "
            "it is the violation rate of a system that deserves to ship"
        )


def _rates_above(theta0: float, multiples: Sequence[float]) -> tuple[float, ...]:
    rates = [m * theta0 for m in multiples if m * theta0 < 1.0]
    if rates and rates[-1] > theta0:
        return tuple(rates)
    return (*rates, (1.0 + theta0) / 2.0)


def _equal_weights(count: int) -> tuple[float, ...]:
    return (1.0 / count,) * count
