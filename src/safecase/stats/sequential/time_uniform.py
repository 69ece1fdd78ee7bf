"""Time-uniform confidence limits for a rate: valid at every n at once, however often they are looked at.

Closed form: for each candidate rate theta, evidence against "rate >= theta" is the likelihood ratio of a
Beta(1/2, 1/2) mixture truncated to rates below theta,
``[I_theta(a+s, b+n-s) B(a+s, b+n-s)] / [I_theta(a, b) B(a, b)] / (theta^s (1-theta)^(n-s))``;
the limit is where it reaches 1/alpha. Wider than Clopper-Pearson at one n (n=150, s=0: 2.49 % against
1.98 %), which is the price of looking at all times.
"""

from __future__ import annotations

import math

from safecase.stats._requirements import require_counts, require_probability
from safecase.stats.intervals import Interval, Side, split_confidence
from safecase.stats.numerics._roots import bracketed_root
from safecase.stats.numerics._special import beta_cdf, log_beta


def log_evidence_below(theta: float, n: float, failures: float) -> float:
    """Log e-value against "rate >= theta" after `failures` in `n` 0/1 draws (Beta(1/2, 1/2) mixture).

    Raises `StatisticsError` unless 0 < theta < 1 and 0 <= failures <= n, n > 0.
    """
    require_probability("theta", theta)
    require_counts(failures, n)
    a = b = 0.5
    inside = beta_cdf(a + failures, b + n - failures, theta)
    if inside <= 0.0:
        return -math.inf
    return float(
        math.log(inside)
        + log_beta(a + failures, b + n - failures)
        - math.log(beta_cdf(a, b, theta))
        - log_beta(a, b)
        - failures * math.log(theta)
        - (n - failures) * math.log1p(-theta)
    )


def confidence_sequence(failures: int, n: int, confidence: float = 0.95, *, side: Side = "upper") -> Interval:
    """Limits on a rate that hold simultaneously for all n, from `failures` in `n` draws so far.

    `side="both"` splits the error equally over the two limits. Raises `EmptyDenominatorError` for n = 0 and
    `StatisticsError` for other arguments out of range.
    """
    require_counts(failures, n)
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    upper = _upper(failures, n, upper_alpha) if upper_alpha else 1.0
    lower = 1.0 - _upper(n - failures, n, lower_alpha) if lower_alpha else 0.0
    return Interval(failures / n, lower, upper, confidence, "confidence-sequence", n, failures)


def _upper(failures: float, n: float, alpha: float) -> float:
    """The largest rate against which the evidence stays below 1 / ``alpha``."""
    if failures == n:
        return 1.0
    goal = -math.log(alpha)
    low = max(failures / n, 1e-12)
    high = 1.0 - 1e-12

    def gap(theta: float) -> float:
        return max(log_evidence_below(theta, n, failures), -1e9) - goal

    if gap(low) >= 0:
        return low
    return bracketed_root(gap, low, high) if gap(high) > 0 else 1.0
