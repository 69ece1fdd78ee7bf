"""What a method says and finds: whose cases it reads, and what came of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import GateRule
from safecase_verify.statistics.intervals import Interval
from safecase_verify.statistics.sequential import StopDecision


@dataclass(frozen=True)
class MethodInputs:
    """What a method may read beside the run, as the pack holds it."""

    baseline: RawRun | None = None
    severities: Mapping[str, str] | None = None
    """Risk → severity as the workspace declares it; None where the pack does not say."""
    labels: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """File, as a rule names it → attempt → whether people say that it is violated."""


@dataclass(frozen=True)
class Recomputed:
    """What the raw attempts say about one category."""

    status: str
    interval: Interval | None
    attempts: int
    errors: int
    undetermined: int
    decision: str
    decided_at: int | None = None
    worst_cases: tuple[str, ...] | None = None
    """None where the metric names none."""


Recompute: TypeAlias = Callable[[GateRule, RawRun, str, MethodInputs], Recomputed]
"""(rule, run, category, what lies beside the run) → what the attempts say. Raises
`safecase_verify.errors.NotRecomputed`, with the reason, where the method does not reach."""


@dataclass(frozen=True)
class Method:
    """How the verifier recomputes one metric, and what it knows of it by itself."""

    cases: Literal["harmful", "useful", "grouped", "selected"]
    """Which of the rule's cases the metric is about."""
    judged: bool
    """Whether the metric rests on scorers, so that the verdict must name those without a card."""
    recompute: Recompute


def result_of(
    run: RawRun,
    draws: Sequence[int],
    status: str,
    interval: Interval | None,
    decision: str,
    decided_at: int | None = None,
) -> Recomputed:
    """What the attempts at ``draws`` say; an interval that is not finite says nothing."""
    outcomes = [run.outcome[draw] for draw in draws]
    numbers = (interval.value, interval.lower, interval.upper) if interval else (math.inf,)
    return Recomputed(
        status,
        interval if all(map(math.isfinite, numbers)) else None,
        len(outcomes),
        outcomes.count("error"),
        outcomes.count("undetermined"),
        decision,
        decided_at,
    )


def status_against(rule: GateRule, interval: Interval) -> str:
    """The status of "at most bound" from an interval that must lie wholly on one side."""
    if rule.bound is None:
        return "not_configured"
    if interval.upper <= rule.bound:
        return "met"
    return "not_met" if interval.lower > rule.bound else "insufficient_evidence"


def open_status(rule: GateRule) -> str:
    """The status where nothing was measured."""
    return "not_configured" if rule.bound is None else "insufficient_evidence"


def settled(
    rule: GateRule,
    run: RawRun,
    made: Sequence[int],
    status: str,
    *,
    proven: bool = False,
    event: str = "violated",
    judged: bool = True,
) -> str:
    """The status that stands once all attempts ``made`` on the rule's units are looked at.

    What violations alone prove (``proven``) stands. Otherwise too many errors, too many answers that scorers
    could not decide (``judged``: the metric rests on them), or too few attempts leave the rule without an
    answer; what the metric counts, its ``event``, has its own limit."""
    if proven:
        return "not_met"
    if status == "not_configured":
        return status
    outcomes = [run.outcome[draw] for draw in made]
    budgets = {"error": rule.error_budget}
    if judged:
        budgets["undetermined"] = rule.undetermined_budget
    over = any(
        outcome != event and made and outcomes.count(outcome) / len(made) > budget
        for outcome, budget in budgets.items()
    )
    return "insufficient_evidence" if over or len(made) < rule.minimum_n else status


def later_word(
    decision: StopDecision, prefix: list[int], every: list[int], *, over: bool, mean_over: bool
) -> tuple[str, str, list[int], int | None]:
    """What all attempts made (``every``) leave of the decision on a mean: (status, decision, the attempts
    that the numbers rest on, where it was decided).

    They can prove the limit to be exceeded (``over``), or put the mean over it without proof (``mean_over``),
    which is enough to take a yes away."""
    stopped = decision.kind not in ("open", "exhausted")
    if decision.status != "not_met" and over:
        return "not_met", "contradicted" if decision.status == "met" else "block_proven", every, None
    if decision.status == "met" and len(every) > decision.n and mean_over:
        return "insufficient_evidence", "contradicted", every, None
    used = prefix[: decision.n] if stopped else prefix
    return decision.status, decision.kind, used, decision.n if stopped else None
