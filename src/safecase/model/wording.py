"""Words and numbers for people, of what the vocabulary names: one hand for page, terminal and sentence."""

from __future__ import annotations

from decimal import Decimal

from safecase.model.estimate import Estimate
from safecase.model.verdict import RuleResult
from safecase.model.vocabulary import RuleClass, RuleStatus, VerdictKind

VERDICT_WORDS = {
    VerdictKind.GO: "Go",
    VerdictKind.GO_WITH_CONDITIONS: "Go, with conditions",
    VerdictKind.NO_GO: "No-go",
    VerdictKind.INSUFFICIENT_EVIDENCE: "Insufficient evidence",
    VerdictKind.NOT_CONFIGURED: "Not configured",
}
"""What the tool recommends, at the head of a page."""

STATUS_WORDS = {
    RuleStatus.MET: "met",
    RuleStatus.NOT_MET: "not met",
    RuleStatus.INSUFFICIENT: "not enough evidence",
    RuleStatus.NOT_CONFIGURED: "not configured",
}
"""What the records say about one rule: beside it, and as the end of its sentence."""

CLASS_WORDS = {
    RuleClass.FLOOR: "floor: no exception",
    RuleClass.BOUNDED: "bounded: an exception must be signed",
    RuleClass.ADVISORY: "advisory",
}
"""What a missed rule of that class means."""


def rule_name(result: RuleResult) -> str:
    """What to call a rule in front of people."""
    return result.rule.title or result.rule.id.replace("-", " ").replace("_", " ")


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 attempt``, ``2 attempts``; ``plural`` where an s does not make one."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, never in powers of ten."""
    text = format(Decimal(f"{value:.{digits}g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(rate: float, digits: int = 3) -> str:
    """A rate as people say it: ``2 %``, ``0.5 %``, ``1.02 %``, with so many significant digits."""
    return f"{number(100 * rate, digits)} %"


def points(share: float, *, signed: bool = True) -> str:
    """A difference of two rates in percentage points: ``+1.3 points``, or ``1.3 points``."""
    return f"{100 * share:+.1f} points" if signed else f"{100 * share:.1f} points"


def quantity(value: float, unit: str) -> str:
    """A number with its unit, in columns that compare: ``1.3 %``, ``240 ms``, ``$0.0021``.

    Unlike `percent`, a rate keeps a fixed number of decimal places.
    """
    if unit == "rate":
        share = 100 * value
        # 0 % and 100 % are exact or nearly so; small rates need the second place to differ from nothing.
        digits = 0 if share == 0 or abs(share) >= 99.95 else 1 if abs(share) >= 1 else 2
        return f"{share:.{digits}f} %"
    if unit == "points":
        return points(value)
    if unit == "ms":
        return f"{value:,.0f} ms" if abs(value) >= 10 else f"{value:.2g} ms"
    if unit == "usd":
        return f"${value:.4g}"
    return f"{value:.3g} {unit}".strip()


def with_interval(estimate: Estimate, *, signed: bool = True) -> str:
    """A value and its interval: ``95.0 % (90.1 % to 98.0 %)``, ``+1.3 points (+0.2 to +2.4)``.

    ``signed``: differences in points carry their sign.
    """
    if estimate.unit == "points":
        value, lower, upper = (
            points(item, signed=signed) for item in (estimate.value, estimate.lower, estimate.upper)
        )
        return f"{value} ({lower.removesuffix(' points')} to {upper.removesuffix(' points')})"
    value, lower, upper = (
        quantity(item, estimate.unit) for item in (estimate.value, estimate.lower, estimate.upper)
    )
    return f"{value} ({lower} to {upper})"
