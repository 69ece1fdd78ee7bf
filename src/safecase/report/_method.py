"""What the method claims on a report's page: only what the rules of this verdict make use of."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.model import METRICS, Estimate, IndependentUnit, Verdict

_INTERVALS = {
    "clopper-pearson": "Rates of cases that stand alone have exact intervals (Clopper–Pearson).",
    "korn-graubard": "Rates whose cases come in families have intervals corrected for that (Korn–Graubard).",
    "confidence-sequence": (
        "Rates of rules that stopped early have intervals that hold at every stopping time "
        "(confidence sequences)."
    ),
    "paired-clopper-pearson": (
        "Differences between two runs are taken case by case, with exact limits (paired Clopper–Pearson)."
    ),
    "paired-clopper-pearson-bonferroni": (
        "Differences between groups of people are taken prompt by prompt, with limits that hold for all "
        "pairs of groups together (Bonferroni)."
    ),
    "order-statistics": "Limits of a quantile are answers that were measured, and assume no distribution.",
    "betting": "Means of bounded values have intervals by betting, which assume no distribution.",
    "lang-reiczigel": "The scorer's errors, as its card states them, are counted in (Lang–Reiczigel).",
    "planted-recall": "What the scorer missed is estimated from violations that were planted.",
    "two-phase-mover": "Rates are corrected by what people say of a labelled sample (two-phase, MOVER).",
}
"""Method of an estimate → what a reader must know of it."""


_UNITS = {
    IndependentUnit.FAMILY: (
        "Families of cases are taken for independent of each other; cases of one family may fail together."
    ),
    IndependentUnit.PROMPT: "Prompts are taken for independent of each other; attempts on one are paired.",
    IndependentUnit.ATTEMPT: "Single attempts are taken for independent of each other.",
    IndependentUnit.NOTHING: "",
}
"""What a rule's test takes for independent → how a reader is told."""


def method_claims(verdict: Verdict, planned: int, notes: Sequence[str] = ()) -> tuple[str, ...]:
    """The claims as whole sentences, those of every run first; then ``notes`` as they are."""
    return (
        f"The order of all {planned:,} attempts was fixed and its digest written down before the first "
        "call; results were read in that order, never in the order in which they came back.",
        "The rules were frozen into the manifest before the first call. A rule that changes after data was "
        "seen makes a new candidate.",
        *_stopping_claims(verdict),
        *_interval_claims(verdict),
        *_unit_claims(verdict),
        "An error or an undetermined answer is never counted as held. Too many of them make the evidence "
        "insufficient.",
        *_category_claims(verdict),
        *notes,
    )


def _stopping_claims(verdict: Verdict) -> list[str]:
    """How rules that look at every draw may decide early without paying for it."""
    found = []
    decisions = {
        (result.rule.population, category.decision)
        for result in verdict.rules
        # This one counts cases that are broken or not, and has no test that stops.
        if not METRICS.get(result.rule.metric).needs_tries
        for category in result.categories
    }
    tested = {
        population
        for population, decision in decisions
        if decision in ("ship", "futility", "block_proven", "exhausted", "open")
    }
    if tested:
        count = " (or, for a finite suite, an exact count of what remains)" if "suite" in tested else ""
        found.append(
            f"A rule ships only where an e-process{count} excludes the limit at its confidence; looking "
            "early does not raise the chance of a false ship."
        )
    if any(decision == "census" for _, decision in decisions):
        found.append(
            "Where every planned attempt of a suite was made, the count decides: a claim about this suite, "
            "and about nothing beyond it."
        )
    return found


def _interval_claims(verdict: Verdict) -> list[str]:
    estimates: list[Estimate] = [
        category.estimate
        for result in verdict.rules
        for category in result.categories
        if category.estimate is not None
    ]
    used = {item.method for item in estimates}
    found = [words for method, words in _INTERVALS.items() if method in used]
    # A count is exact and has no interval; a method from outside is called by its name.
    others = sorted(used - {*_INTERVALS, "count"})
    found += [f"Some intervals are made by the method '{method}'." for method in others]
    if any(item.events == 0 for item in estimates):
        found.append("Zero failures are an upper limit, not safety.")
    return found


def _unit_claims(verdict: Verdict) -> list[str]:
    used = {METRICS.get(result.rule.metric).independence for result in verdict.rules}
    return [words for unit, words in _UNITS.items() if unit in used and words]


def _category_claims(verdict: Verdict) -> list[str]:
    if all(len(result.categories) <= 1 for result in verdict.rules):
        return []
    return [
        "The categories of a rule must each meet its limit (intersection–union), so no correction for their "
        "number is needed on the ship side."
    ]
