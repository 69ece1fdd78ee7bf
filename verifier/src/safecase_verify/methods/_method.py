"""What a method says and finds: whose cases it reads, and what came of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from safecase.model import GateRule
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.statistics.intervals import Interval


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
    contradicted: bool = False
    """The limit was met, and attempts that came in after the decision put the suite over it."""


Recompute: TypeAlias = Callable[[GateRule, RawRun, str, MethodInputs], Recomputed]
"""(rule, run, category, what lies beside the run) → what the attempts say. Raises
`safecase_verify.statistics.sequential.NotRecomputed`, with the reason, where the method does not reach."""


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
