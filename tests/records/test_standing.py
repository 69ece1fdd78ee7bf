"""Decide, accept, let expire, get worse, lose the control: whatever the order, the same four things hold."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from safecase.base import Record
from safecase.gate import HELD, VIOLATED, conclude, stakes
from safecase.model import Control, Decision, Exceptions, Gate, Recommendation, Verdict, VerdictKind
from safecase.records import SHIPPING, standing
from safecase_verify.checks.decisions import Decided
from support.cases import cases
from support.decisions import (
    CONTROL,
    chained,
    decision_on,
    exception_on,
    log_bytes,
    people,
    recommended,
    rights,
)
from support.moments import TODAY
from support.rules import rule as rule_of
from support.runs import plan_of
from support.verdicts import decide

RULE = rule_of(bound=0.05)
GATE = Gate(id="gate", rules=(RULE,))
PLAN = plan_of(cases(40))
VERDICTS = {bad: decide(PLAN, [VIOLATED] * bad + [HELD] * (40 - bad), RULE) for bad in (0, 6, 8, 36)}
STAKES = {RULE.id: stakes(RULE, PLAN, ())}
PEOPLE = people(rights(grant_exception=2))
DIRECTORS = st.sampled_from(("dora", "dirk", "dina"))


class Deciding(RuleBasedStateMachine):
    """One release line of one version, whose runs come out differently."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Decision | Recommendation] = []
        self.bad = 8
        self.today: date = TODAY
        self.controls: tuple[Control, ...] = (CONTROL,)

    @property
    def found(self) -> Verdict:
        return VERDICTS[self.bad]

    @initialize()
    def begin(self) -> None:
        self.entries.append(recommended(self.found))

    @rule(bad=st.sampled_from(sorted(VERDICTS)))
    def run_again(self, bad: int) -> None:
        """The next run of the line; somebody recommends what it says."""
        self.bad = bad
        self.entries.append(recommended(self.found))

    @rule(by=DIRECTORS, days=st.sampled_from((10, 90, 400)), line=st.booleans())
    def accept(self, by: str, days: int, line: bool) -> None:
        if self.found.kind is VerdictKind.NO_GO:
            scope: dict[str, Any] = {"system_version": ""} if line else {}
            granted = exception_on(self.found, expires=TODAY + timedelta(days=days), **scope)
            self.entries.append(decision_on(self.found, GATE, granted, signer=by, decided_at=self.at))

    @rule(by=DIRECTORS, kind=st.sampled_from((VerdictKind.GO, VerdictKind.NO_GO)))
    def sign(self, by: str, kind: VerdictKind) -> None:
        """Anybody may write anything into a log; what counts is another matter."""
        self.entries.append(decision_on(self.found, GATE, signer=by, decision=kind, decided_at=self.at))

    @rule(days=st.integers(1, 60))
    def wait(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule(there=st.booleans())
    def keep_the_control(self, there: bool) -> None:
        self.controls = (CONTROL,) if there else ()

    @property
    def at(self) -> Any:
        from support.decisions import DAY

        return DAY + (self.today - TODAY)

    def verdict(self) -> Verdict:
        log = standing(chained(*self.entries, among=PEOPLE))
        exceptions = Exceptions(
            acceptances=log.acceptances("gate", "main"), controls=self.controls, policy=PEOPLE.exceptions
        )
        return conclude(self.found, exceptions, STAKES, self.today)

    @invariant()
    def what_rests_on_an_exception_is_no_plain_go(self) -> None:
        verdict = self.verdict()
        assert (verdict.kind is VerdictKind.GO) == (self.bad == 0)
        assert bool(verdict.acceptances) == (verdict.kind is VerdictKind.GO_WITH_CONDITIONS)

    @invariant()
    def an_exception_that_moves_is_in_force_on_this_very_thing(self) -> None:
        for item in self.verdict().acceptances:
            assert item.expires > self.today
            assert item.control in {control.id for control in self.controls}
            assert item.seen is not None
            now = self.found.rules[0].categories[0].estimate
            assert now is not None
            assert now.value <= item.seen.upper
            assert item.system_version in ("", self.found.system_version)
            signers = {
                entry.signer
                for entry in self.entries
                if isinstance(entry, Decision) and item in entry.acceptances and entry.decision in SHIPPING
            }
            assert len(signers) >= 2

    @invariant()
    def a_refused_verdict_rests_on_nothing(self) -> None:
        log = standing(chained(*self.entries, among=PEOPLE))
        current = log.current("gate", "main")
        if current is not None and current.decision.decision is VerdictKind.NO_GO:
            assert self.verdict().acceptances == ()

    @invariant()
    def the_verifier_says_the_same(self) -> None:
        log = chained(*self.entries, among=PEOPLE)
        decided = Decided()
        found = _as_json(self.found)
        decided.check(log_bytes(log), [found], (), [])
        for item in standing(log).acceptances("gate", "main"):
            wrong = decided.why_not(_as_json(item), found, self.today, "verdict")
            assert bool(wrong) == (item.expires <= self.today)
        verdict = self.verdict()
        for item in verdict.acceptances:
            assert decided.why_not(_as_json(item), _as_json(verdict), self.today, "verdict") == ""


def _as_json(record: Record) -> Any:
    return record.model_dump(mode="json", by_alias=True)


Deciding.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestDeciding = Deciding.TestCase
