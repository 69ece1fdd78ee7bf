"""Many attempts on one prompt: attack@k measured, attack@k forecast, and after how many turns a system
gives in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats.intervals import Interval, clopper_pearson
from safecase.stats.means import betting_mean
from safecase.stats.sequential.eprocess import FloatArray, IntArray

FORECAST_REACH = 10.0
"""A forecast of attack@k is marked out of reach for k beyond this multiple of the attempts per prompt."""


def attack_at_k(successes: npt.ArrayLike, attempts: npt.ArrayLike, k: int) -> FloatArray:
    """P(at least one success in k attempts) per prompt, unbiased: 1 - C(n-c, k) / C(n, k).

    `successes` c and `attempts` n, shape (P,); result likewise. Chen et al. 2021 (pass@k). Raises
    `EmptyDenominatorError` without prompts and `StatisticsError` if k < 1 or k exceeds some prompt's n:
    beyond the attempts made there is no unbiased estimate (see `forecast_attack_at_k`).
    """
    from scipy.special import gammaln

    c, n = _checked_counts(successes, attempts)
    if k < 1 or k > n.min():
        raise StatisticsError(
            f"k must lie between 1 and the fewest attempts on a prompt ({n.min()}), got {k}"
        )
    held = n - c
    possible = held >= k
    left = np.where(possible, held, k)
    logs = gammaln(left + 1.0) - gammaln(left - k + 1.0) - gammaln(n + 1.0) + gammaln(n - k + 1.0)
    return np.where(possible, -np.expm1(np.minimum(logs, 0.0)), 1.0)


def mean_attack_at_k(
    successes: npt.ArrayLike, attempts: npt.ArrayLike, k: int, confidence: float = 0.95
) -> Interval:
    """Mean attack@k over prompts, prompts being independent draws; interval by betting (no normal theory).

    Arguments and errors as `attack_at_k`.
    """
    return betting_mean(attack_at_k(successes, attempts, k), confidence)


@dataclass(frozen=True)
class BetaBinomialFit:
    """A prompt succeeds with probability ~ Beta(a, b); from `prompts` prompts of mean `attempts` attempts."""

    a: float
    b: float
    prompts: int
    attempts: float


@dataclass(frozen=True)
class Forecast:
    """A model's extrapolation, not an estimate with an interval, and never evidence for a gate.

    `label` is always ``forecast``. `within_reach` is False if `k` exceeds `FORECAST_REACH` times the
    attempts.
    """

    value: float
    k: int
    within_reach: bool
    label: Literal["forecast"] = "forecast"


def fit_beta_binomial(successes: npt.ArrayLike, attempts: npt.ArrayLike) -> BetaBinomialFit:
    """Penalised maximum likelihood of a beta-binomial over prompts; shape (P,) each.

    log a is kept in [-6, 4], log b in [-2, 9] with a weak normal prior (s.d. 3 around the middle), without
    which rare or absent successes let the likelihood run away. Raises as `attack_at_k`.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln

    c, n = _checked_counts(successes, attempts)
    pairs, counts = np.unique(np.stack([c, n], axis=1), axis=0, return_counts=True)
    s, size = pairs[:, 0].astype(np.float64), pairs[:, 1].astype(np.float64)

    def loss(parameters: FloatArray) -> float:
        a, b = np.exp(parameters)
        prior = ((parameters[0] + 1) ** 2 + (parameters[1] - 3.5) ** 2) / (2 * 3.0**2)
        return float(prior - np.sum(counts * (betaln(a + s, b + size - s) - betaln(a, b))))

    starts = ((-1.0, 3.5), (-3.0, 1.0), (0.5, 3.0))
    fits = [minimize(loss, x0, method="L-BFGS-B", bounds=[(-6, 4), (-2, 9)]) for x0 in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    return BetaBinomialFit(math.exp(best.x[0]), math.exp(best.x[1]), int(c.size), float(n.mean()))


def forecast_attack_at_k(fit: BetaBinomialFit, k: int) -> Forecast:
    """P(at least one success in k attempts) for a new prompt under `fit`: 1 - B(a, b + k) / B(a, b).

    Errors of -4 to +2 points measured at twice the attempts, of 20 points and more at twenty times. Raises
    `StatisticsError` if k < 1.
    """
    from scipy.special import betaln

    if k < 1:
        raise StatisticsError(f"k must be at least 1, got {k}")
    value = -math.expm1(float(betaln(fit.a, fit.b + k) - betaln(fit.a, fit.b)))
    return Forecast(value, k, k <= FORECAST_REACH * fit.attempts)


@dataclass(frozen=True)
class TurnHazard:
    """Conversations at risk at a turn, failures there, the hazard with its exact interval, survival after."""

    turn: int
    at_risk: int
    failures: int
    hazard: Interval
    survival: float


def turns_to_failure(
    turns: npt.ArrayLike, failed: npt.ArrayLike, confidence: float = 0.95
) -> tuple[TurnHazard, ...]:
    """When multi-turn conversations fail: hazard per turn and Kaplan-Meier survival.

    `turns` (shape (n,), >= 1): the turn of the failure, or the last turn where `failed` (0/1) is 0
    (censored). Hazards have Clopper-Pearson intervals, so turns without failure are not zero width. Raises
    `EmptyDenominatorError` without conversations, `StatisticsError` for other values.
    """
    t = np.asarray(turns).ravel()
    f = np.asarray(failed).ravel()
    if t.size == 0:
        raise EmptyDenominatorError("no conversation given")
    if t.shape != f.shape or not np.all((f == 0) | (f == 1)) or not np.all((t >= 1) & (t == np.floor(t))):
        raise StatisticsError("turns must be whole numbers from 1 and failed 0 or 1, of equal length")
    rows, survival = [], 1.0
    for turn in range(1, int(t.max()) + 1):
        at_risk = int((t >= turn).sum())
        failures = int(((t == turn) & (f == 1)).sum())
        survival *= 1 - failures / at_risk
        rows.append(
            TurnHazard(turn, at_risk, failures, clopper_pearson(failures, at_risk, confidence), survival)
        )
    return tuple(rows)


def _checked_counts(successes: npt.ArrayLike, attempts: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    c = np.atleast_1d(np.asarray(successes)).astype(np.int64)
    n = np.atleast_1d(np.asarray(attempts)).astype(np.int64)
    c, n = np.broadcast_arrays(c, n)
    if c.size == 0:
        raise EmptyDenominatorError("no prompt given")
    if not np.all((c >= 0) & (c <= n) & (n >= 1)):
        raise StatisticsError("each prompt needs at least one attempt and 0 <= successes <= attempts")
    return c, n
