"""A gate over categories that must all pass: intersection-union, risk-ordered, stopped at the first failure.

Every category is tested at full alpha on its own stream in its own draw order; the whole ships only if each
does, so the probability of shipping with any category at or above its limit is at most alpha, without
correction (Berger 1982). The order across categories is free of bias, so the riskiest go first and a bad
system is stopped after a few calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.design import FUTILITY_ERROR, GatePlan, plan_gate
from safecase.stats.sequential.boundaries import StopDecision
from safecase.stats.sequential.bounded import SequentialTest

Schedule = Literal["depth-first", "round-robin"]
"""depth-first: finish the riskiest open category before the next. round-robin: one draw of each in turn."""


def category_plan(
    theta0: float, theta1: float, categories: int, *, alpha: float = 0.05, joint_power: float = 0.90
) -> GatePlan:
    """The gate of one of `categories` equal ones, so that a system at theta1 in all ships with `joint_power`.

    Each gets power joint_power^(1/K), and the errors of stopping a good system are divided by K. Raises as
    `plan_gate`.
    """
    if categories < 1:
        raise EmptyDenominatorError("a conjunctive gate needs at least one category")
    require_probability("joint_power", joint_power)
    return plan_gate(
        theta0,
        theta1,
        alpha=alpha,
        power=joint_power ** (1.0 / categories),
        futility_error=FUTILITY_ERROR / categories,
    )


@dataclass(frozen=True)
class ConjunctiveTest:
    """State of a conjunctive gate: one `SequentialTest` per category name, riskiest first.

    `decision` is ``ship`` once all ship, and the first other final decision as soon as a category reaches it
    (`failed_category` names it); no more calls are due then.
    """

    tests: Mapping[str, SequentialTest]
    schedule: Schedule = "depth-first"
    decision: StopDecision = "continue"
    failed_category: str | None = None
    calls: int = 0
    last: str | None = field(default=None, repr=False)

    @property
    def next_category(self) -> str | None:
        """The category to draw from next, None once decided."""
        if self.decision != "continue":
            return None
        names = list(self.tests)
        start = 0
        if self.schedule == "round-robin" and self.last is not None:
            start = names.index(self.last) + 1
        for name in names[start:] + names[:start]:
            if self.tests[name].decision == "continue":
                return name
        return None

    def update(self, category: str, violated: bool | int) -> ConjunctiveTest:
        """The state after one more draw of `category`.

        Draws need not follow `next_category` (results arrive in parallel), but each category's must come in
        its own draw order. Raises `StatisticsError` for an unknown category or one already decided.
        """
        if category not in self.tests:
            raise StatisticsError(f"unknown category {category!r}; known: {', '.join(self.tests)}")
        if self.decision != "continue":
            raise StatisticsError(f"the gate has already decided ({self.decision}) after {self.calls} calls")
        test = self.tests[category].update(violated)
        tests = {**self.tests, category: test}
        decision: StopDecision = "continue"
        failed = None
        if test.decision in ("futility", "blocked", "exhausted"):
            decision, failed = test.decision, category
        elif all(t.decision == "ship" for t in tests.values()):
            decision = "ship"
        return replace(
            self, tests=tests, decision=decision, failed_category=failed, calls=self.calls + 1, last=category
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data without the plans; `from_dict` with the same plans rebuilds an equal state."""
        return {
            "tests": {name: test.to_dict() for name, test in self.tests.items()},
            "schedule": self.schedule,
            "decision": self.decision,
            "failed_category": self.failed_category,
            "calls": self.calls,
            "last": self.last,
        }

    @classmethod
    def from_dict(cls, plans: Mapping[str, GatePlan], data: dict[str, Any]) -> ConjunctiveTest:
        """The inverse of `to_dict`. Raises `StatisticsError` if categories and plans differ."""
        if set(plans) != set(data["tests"]):
            raise StatisticsError("the stored categories differ from those of the plans")
        tests = {name: SequentialTest.from_dict(plans[name], d) for name, d in data["tests"].items()}
        return cls(
            tests,
            data["schedule"],
            data["decision"],
            data["failed_category"],
            int(data["calls"]),
            data["last"],
        )


def conjunctive_gate(
    plans: Mapping[str, GatePlan],
    *,
    risk: Mapping[str, float] | None = None,
    schedule: Schedule = "depth-first",
) -> ConjunctiveTest:
    """The start of a gate over `plans` by category, ordered by descending `risk` (ties and none: as given).

    `risk` may be any prior guess, such as the last version's violation rates; it affects calls, never error.
    Raises `EmptyDenominatorError` without categories, `StatisticsError` for an unknown schedule.
    """
    if not plans:
        raise EmptyDenominatorError("a conjunctive gate needs at least one category")
    if schedule not in ("depth-first", "round-robin"):
        raise StatisticsError(f"schedule must be 'depth-first' or 'round-robin', got {schedule!r}")
    prior = risk or {}
    names: Sequence[str] = sorted(plans, key=lambda name: -prior.get(name, 0.0))
    return ConjunctiveTest({name: SequentialTest(plans[name]) for name in names}, schedule)
