"""Correcting a violation rate measured through a fallible judge.

At low rates the judge's error dominates: one with sensitivity .90 and specificity .95 reads 1 % as 5.9
%. Rates are corrected with human labels on a sample of the judge's verdicts (`two_phase`), or by
auditing flags and planting known failures (`planted_recall`), or from measured error rates
(`rogan_gladen`). `ppi_plus_plus` is here for comparison: its normal interval covers only 65 % at a rate
of 0.5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_counts, require_probability
from safecase.stats.design import zero_failure_floor
from safecase.stats.intervals import Interval, Side, clopper_pearson, clopper_pearson_limits, split_confidence


@dataclass(frozen=True)
class JudgeQuality:
    """How often a judge is right, each with an exact interval; None where nothing was there to measure it on.

    `sensitivity`: flagged among violations. `specificity`: not flagged among the others. `precision`:
    violations among flagged. `false_omission`: violations among not flagged. The last two hold only at the
    prevalence of the labelled sample.
    """

    sensitivity: Interval | None
    specificity: Interval | None
    precision: Interval | None
    false_omission: Interval | None


def judge_quality(
    true_positive: int, false_positive: int, false_negative: int, true_negative: int, confidence: float = 0.95
) -> JudgeQuality:
    """Exact (Clopper-Pearson, two-sided) error rates of a judge from its confusion table with human labels.

    Positive means "violation". Raises `EmptyDenominatorError` for an empty table, `StatisticsError` for
    negative counts.
    """
    counts = (true_positive, false_positive, false_negative, true_negative)
    if min(counts) < 0:
        raise StatisticsError("counts of a confusion table must not be negative")
    if sum(counts) == 0:
        raise EmptyDenominatorError("the confusion table is empty: no labelled verdicts")

    def rate(events: int, others: int) -> Interval | None:
        n = events + others
        return clopper_pearson(events, n, confidence) if n else None

    return JudgeQuality(
        sensitivity=rate(true_positive, false_negative),
        specificity=rate(true_negative, false_positive),
        precision=rate(true_positive, false_positive),
        false_omission=rate(false_negative, true_negative),
    )


def label_floor(theta0: float, alpha: float = 0.05) -> int:
    """Fewest independent human-verified negatives that certify "rate <= theta0" without trusting the judge.

    149 for 2 %, 59 for 5 %, at 95 %, whatever the judge. Going under it needs a declared recall assumption.
    """
    return zero_failure_floor(theta0, alpha)


def rogan_gladen(
    flagged: int,
    n: int,
    *,
    sensitivity_hits: int,
    sensitivity_n: int,
    specificity_hits: int,
    specificity_n: int,
    confidence: float = 0.95,
) -> Interval:
    """True rate from the judged rate `flagged` / `n` and labelled error rates; Lang & Reiczigel 2014.

    Sensitivity is `sensitivity_hits` / `sensitivity_n` on labelled violations, specificity likewise on
    labelled non-violations. Two-sided, approximate. `value` is the truncated Rogan-Gladen estimate.
    Raises `EmptyDenominatorError` for an empty sample and `StatisticsError` if the judge is no better than
    chance (sensitivity + specificity <= 1), where the rate is not identified.
    """
    require_counts(flagged, n)
    require_counts(sensitivity_hits, sensitivity_n)
    require_counts(specificity_hits, specificity_n)
    alpha = 1.0 - require_probability("confidence", confidence)
    z = _z(alpha / 2)
    size, se_size, sp_size = n + z * z, sensitivity_n + 2, specificity_n + 2
    apparent = (flagged + z * z / 2) / size
    se, sp = (sensitivity_hits + 1) / se_size, (specificity_hits + 1) / sp_size
    youden = se + sp - 1
    raw_youden = sensitivity_hits / sensitivity_n + specificity_hits / specificity_n - 1
    if youden <= 0 or raw_youden <= 0:
        raise StatisticsError("the judge is no better than chance (sensitivity + specificity <= 1)")
    rate = (apparent + sp - 1) / youden
    se_var, sp_var = se * (1 - se) / se_size, sp * (1 - sp) / sp_size
    shift = 2 * z * z * (rate * se_var - (1 - rate) * sp_var)
    spread = (
        z * math.sqrt(apparent * (1 - apparent) / size + rate**2 * se_var + (1 - rate) ** 2 * sp_var) / youden
    )
    value = (flagged / n + specificity_hits / specificity_n - 1) / raw_youden
    value = min(1.0, max(0.0, value))
    lower, upper = max(0.0, rate + shift - spread), min(1.0, rate + shift + spread)
    return Interval(value, min(lower, value), max(upper, value), confidence, "lang-reiczigel", n, flagged)


def two_phase(
    *,
    n: int,
    flagged: int,
    flagged_labelled: int,
    flagged_violations: int,
    clean_labelled: int,
    clean_violations: int,
    confidence: float = 0.95,
    method: Literal["mover", "bonferroni"] = "mover",
    side: Side = "both",
) -> Interval:
    """Violation rate from verdict-stratified human labels: no assumption on the judge at all.

    Of `n` judged outcomes `flagged` were judged violations. Random samples of each stratum were labelled:
    `flagged_violations` of `flagged_labelled` flagged ones are violations, `clean_violations` of
    `clean_labelled` others. Estimate w1 p1 + w0 p0. ``mover`` combines Clopper-Pearson limits by MOVER
    (coverage measured 96-98 %); ``bonferroni`` is guaranteed and wider. Raises `EmptyDenominatorError` if a
    stratum that occurs has no label, `StatisticsError` for counts out of range or an unknown method.
    """
    require_counts(flagged, n)
    if flagged_labelled > flagged or clean_labelled > n - flagged:
        raise StatisticsError("more labels than outcomes in a stratum")
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    share = flagged / n
    precision = _stratum(flagged_violations, flagged_labelled, flagged, "flagged")
    omission = _stratum(clean_violations, clean_labelled, n - flagged, "clean")
    value = share * precision + (1 - share) * omission

    def limits(events: int, labelled: int, lo: float, up: float) -> tuple[float, float]:
        return clopper_pearson_limits(events, labelled, lo, up) if labelled else (0.0, 1.0)

    if method == "mover":
        l1, u1 = limits(flagged_violations, flagged_labelled, lower_alpha, upper_alpha)
        l0, u0 = limits(clean_violations, clean_labelled, lower_alpha, upper_alpha)
        between = (precision - omission) ** 2 * share * (1 - share) / n

        def spread(d1: float, d0: float, alpha: float) -> float:
            return math.sqrt((share * d1) ** 2 + ((1 - share) * d0) ** 2 + _z(alpha) ** 2 * between)

        lower = value - spread(precision - l1, omission - l0, lower_alpha) if lower_alpha else 0.0
        upper = value + spread(u1 - precision, u0 - omission, upper_alpha) if upper_alpha else 1.0
    elif method == "bonferroni":
        l1, u1 = limits(flagged_violations, flagged_labelled, 0.45 * lower_alpha, 0.45 * upper_alpha)
        l0, u0 = limits(clean_violations, clean_labelled, 0.45 * lower_alpha, 0.45 * upper_alpha)

        def shares(alpha: float) -> tuple[float, float]:
            return clopper_pearson_limits(flagged, n, 0.05 * alpha, 0.05 * alpha)

        lower = min(w * l1 + (1 - w) * l0 for w in shares(lower_alpha)) if lower_alpha else 0.0
        upper = max(w * u1 + (1 - w) * u0 for w in shares(upper_alpha)) if upper_alpha else 1.0
    else:
        raise StatisticsError(f"method must be 'mover' or 'bonferroni', got {method!r}")
    return Interval(
        value, max(0.0, lower), min(1.0, upper), confidence, f"two-phase-{method}", n, effective_n=None
    )


def planted_recall(
    *,
    n: int,
    flagged: int,
    flagged_labelled: int,
    flagged_violations: int,
    planted: int,
    planted_found: int,
    confidence: float = 0.95,
    side: Side = "both",
    recall_share: float = 0.2,
) -> Interval:
    """Violation rate from audited flags and the judge's recall on `planted` known failures.

    Limit = U(confirmed flags / n) / L(recall), the error split `recall_share` to the recall and the rest to
    the flags; where only `flagged_labelled` of the `flagged` were audited, the flags' error is split again.
    ASSUMPTION to print beside the number: the judge finds this system's failures as often as the planted
    ones; if its recall there is really .70, coverage measured 75 %. Raises `EmptyDenominatorError` if nothing
    was judged, planted, or audited though flagged, and `StatisticsError` for counts out of range.
    """
    require_counts(flagged, n)
    require_counts(planted_found, planted)
    require_probability("recall_share", recall_share)
    if planted_found == 0:
        raise StatisticsError(
            "the judge found none of the planted failures: the rate is not bounded by its flags"
        )
    if flagged_labelled > flagged:
        raise StatisticsError("more flags audited than flagged")
    precision = _stratum(flagged_violations, flagged_labelled, flagged, "flagged")
    lower_alpha, upper_alpha = split_confidence(confidence, side)

    def detected(lo: float, up: float) -> tuple[float, float]:
        if flagged_labelled == flagged:
            return clopper_pearson_limits(flagged_violations, n, lo, up)
        # First bound the violations among all flags of this batch, then the rate they came from.
        fewest, most = _violations_in_batch(flagged, flagged_labelled, flagged_violations, lo / 2, up / 2)
        return (
            clopper_pearson_limits(fewest, n, lo / 2, 0.0)[0],
            clopper_pearson_limits(most, n, 0.0, up / 2)[1],
        )

    rest = 1.0 - recall_share
    flags_low, flags_up = detected(rest * lower_alpha, rest * upper_alpha)
    recall_low, recall_up = clopper_pearson_limits(
        planted_found, planted, recall_share * upper_alpha, recall_share * lower_alpha
    )
    value = min(1.0, flagged / n * precision / (planted_found / planted))
    lower = flags_low / recall_up if lower_alpha else 0.0
    upper = min(1.0, flags_up / recall_low) if upper_alpha else 1.0
    return Interval(value, min(lower, value), max(upper, value), confidence, "planted-recall", n)


def ppi_plus_plus(
    labels: npt.ArrayLike, judged: npt.ArrayLike, unlabelled_judged: npt.ArrayLike, confidence: float = 0.95
) -> Interval:
    """PPI++ mean (arXiv:2311.01453) with its normal interval: for comparison, never for a gate.

    `labels` and `judged`, shape (m,): human and judge verdicts on the same outcomes; `unlabelled_judged`,
    shape (N,): the judge alone. Zero counts give zero width. Raises `EmptyDenominatorError`,
    `StatisticsError`.
    """
    y, f = np.asarray(labels, dtype=np.float64), np.asarray(judged, dtype=np.float64)
    rest = np.asarray(unlabelled_judged, dtype=np.float64)
    if y.size < 2 or rest.size < 2:
        raise EmptyDenominatorError("PPI++ needs at least two labelled and two unlabelled outcomes")
    if y.shape != f.shape:
        raise StatisticsError("labels and judged must have the same shape")
    m, size = y.size, rest.size
    both = np.concatenate([f, rest])
    variance = float(np.var(both, ddof=1))
    tuning = float(np.cov(y, f)[0, 1]) / ((1 + m / size) * variance) if variance > 0 else 0.0
    tuning = min(1.0, max(0.0, tuning))
    value = tuning * float(rest.mean()) + float((y - tuning * f).mean())
    error = math.sqrt(tuning**2 * float(np.var(rest)) / size + float(np.var(y - tuning * f)) / m)
    z = _z((1.0 - require_probability("confidence", confidence)) / 2)
    return Interval(value, value - z * error, value + z * error, confidence, "ppi++", m + size)


def _violations_in_batch(
    size: int, labelled: int, violations: int, lower_alpha: float, upper_alpha: float
) -> tuple[int, int]:
    """Exact limits on the violations among `size`, from a random sample without replacement."""
    from scipy.stats import hypergeom

    totals = np.arange(violations, size - (labelled - violations) + 1)
    fewest, most = int(totals[0]), int(totals[-1])
    if lower_alpha:
        fewest = int(totals[hypergeom.sf(violations - 1, size, totals, labelled) > lower_alpha].min())
    if upper_alpha:
        most = int(totals[hypergeom.cdf(violations, size, totals, labelled) > upper_alpha].max())
    return fewest, most


def _stratum(events: int, labelled: int, size: int, name: str) -> float:
    """The rate in one stratum, 0 for an empty one. Raises EmptyDenominatorError where nothing is labelled."""
    if size == 0:
        return 0.0
    if labelled == 0:
        raise EmptyDenominatorError(f"{size} outcomes were judged {name} but none of them has a human label")
    require_counts(events, labelled)
    return events / labelled


def _z(alpha: float) -> float:
    """The normal quantile that leaves ``alpha`` above it; 0 where no error is given to this side."""
    from scipy.special import ndtri

    return float(-ndtri(alpha)) if alpha else 0.0
