"""Tries, open families and a team that mends what it is shown: through the gate that decides releases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from safecase.gate import HELD, VIOLATED, StreamingEvaluation, evaluate_gate
from safecase.gate._tries.error import rule_of_try
from safecase.model import Case, DrawOrder, Gate, RuleStatus, RunPurpose, Verdict, VerdictKind
from support.cases import cases
from support.ledgers import LedgerInMemory
from support.moments import TODAY
from support.rules import gate, rule
from support.runs import columns_of, manifest_of, plan_of, summary

POPULATION = gate(rule(population="families"))
CENSUS = gate(rule(population="suite"))
SUITE = cases(200)
HALF = frozenset(case.family for case in SUITE[:100])


def judge(
    of: Gate, suite: tuple[Case, ...], codes: list[int], opened: frozenset[str], number: int = 1
) -> Verdict:
    plan = plan_of(suite)
    manifest = manifest_of(plan, of, open_families=tuple(sorted(opened)), try_number=number)
    return evaluate_gate(of, manifest, plan, columns_of(plan, codes), today=TODAY)


def test_the_try_decides_how_sure_a_rule_must_be() -> None:
    assert rule_of_try(rule(), 1).confidence == pytest.approx(0.975)
    assert rule_of_try(rule(), 3).confidence == pytest.approx(1 - 0.05 / 12)
    first, tenth = (judge(POPULATION, SUITE, [HELD] * 200, frozenset(), number) for number in (1, 10))
    assert [item.kind for item in (first, tenth)] == [VerdictKind.GO] * 2
    assert "97.5 % sure" in first.rules[0].sentence
    assert "99.9545 % sure" in tenth.rules[0].sentence
    decided = [item.rules[0].categories[0].decided_at or 0 for item in (first, tenth)]
    assert decided[0] < 100 < 151 <= decided[1]


def test_the_gate_takes_the_larger_of_what_the_manifest_says_and_what_it_recounts() -> None:
    plan = plan_of(SUITE)
    manifest = manifest_of(plan, POPULATION, try_number=2)
    columns = columns_of(plan, [HELD] * 200)
    verdicts = [
        evaluate_gate(POPULATION, manifest, plan, columns, try_number=number, today=TODAY)
        for number in (1, 4)
    ]
    assert [verdict.try_number for verdict in verdicts] == [2, 4]


def test_only_families_that_nobody_had_seen_speak_for_the_population() -> None:
    whole = judge(POPULATION, SUITE, [HELD] * 200, frozenset())
    half = judge(POPULATION, SUITE, [HELD] * 200, HALF)
    none = judge(POPULATION, SUITE, [HELD] * 200, HALF | {case.family for case in SUITE})
    assert [item.kind for item in (whole, half, none)] == [
        VerdictKind.GO, VerdictKind.GO, VerdictKind.INSUFFICIENT_EVIDENCE,
    ]  # fmt: skip
    assert half.rules[0].categories[0].attempts <= 100
    assert "This run is development" in none.reasons[0]
    assert "`safecase certify`" in none.reasons[0]
    assert "all 200 of its families are open" in none.rules[0].sentence


def test_failures_on_open_families_prove_nothing_about_the_population() -> None:
    plan = plan_of(SUITE)
    codes = [VIOLATED if plan.cases[index].family in HALF else HELD for index in plan.case_index]
    assert judge(POPULATION, SUITE, codes, HALF).kind is VerdictKind.GO


def test_a_census_of_cases_that_somebody_had_seen_takes_all_of_them() -> None:
    fresh = judge(CENSUS, SUITE, [HELD] * 199, frozenset())
    seen = judge(CENSUS, SUITE, [HELD] * 199, frozenset([SUITE[0].family]))
    whole = judge(CENSUS, SUITE, [HELD] * 200, frozenset([SUITE[0].family]))
    assert fresh.kind is VerdictKind.GO
    assert seen.rules[0].status is RuleStatus.INSUFFICIENT
    assert whole.kind is VerdictKind.GO
    assert whole.rules[0].categories[0].decision == "census"
    over = judge(CENSUS, SUITE, [VIOLATED] * 11, frozenset([SUITE[0].family]))
    assert over.kind is VerdictKind.NO_GO, "what was seen already exceeds the limit, whatever else comes"


@pytest.mark.parametrize("of", [POPULATION, CENSUS])
@pytest.mark.parametrize("opened", [frozenset(), HALF, frozenset(case.family for case in SUITE)])
@pytest.mark.parametrize("number", [1, 7])
def test_a_run_stops_where_it_is_judged(of: Gate, opened: frozenset[str], number: int) -> None:
    plan = plan_of(SUITE)
    stream = StreamingEvaluation([of], plan, try_number=number, open_families=opened)
    draws = []
    for draw in range(len(plan)):
        if stream.finished:
            break
        if stream.wants(plan.planned(draw), plan.cases[plan.case_index[draw]]):
            stream.observe(summary(plan, draw, HELD))
            draws.append(draw)
    manifest = manifest_of(plan, of, open_families=tuple(opened), try_number=number)
    stopped = evaluate_gate(of, manifest, plan, columns_of(plan, [HELD] * len(draws), draws), today=TODAY)
    complete = evaluate_gate(of, manifest, plan, columns_of(plan, [HELD] * 200), today=TODAY)
    assert stopped.kind is complete.kind
    shown = [draw for draw in draws if plan.cases[plan.case_index[draw]].family in opened]
    if opened:
        assert len(shown) == len(opened), "who works on open families sees all of them"


def test_an_earlier_block_of_the_same_candidate_stands() -> None:
    plan = plan_of(SUITE)
    verdict = evaluate_gate(
        POPULATION,
        manifest_of(plan, POPULATION),
        plan,
        columns_of(plan, [HELD] * 200),
        blocked_before=("run-0",),
        today=TODAY,
    )
    assert verdict.kind is VerdictKind.NO_GO
    assert "was blocked before (run run-0)" in verdict.reasons[0]


@dataclass
class Team:
    """A team with one suite, its ledger, and a system whose outcomes on each family are drawn once.

    Every false *go* is counted: the true rate in the population never falls.
    """

    rng: np.random.Generator
    rate: float
    families: int = 320
    ledger: LedgerInMemory = field(default_factory=LedgerInMemory)

    def __post_init__(self) -> None:
        self.suite = cases(self.families)
        self.fails = {case.family: bool(self.rng.random() < self.rate) for case in self.suite}
        self.mended: set[str] = set()

    def run(self, purpose: RunPurpose, *, began: str = "") -> Verdict:
        """One run through the gate; ``began``: its id where it stands in the ledger already, so that others
        began before it ended and nothing was mended in between."""
        run_id = began or self.begin(purpose)
        past = self.ledger.past(run_id)
        opened = past.exposure.open_families(self.suite)
        number = past.try_number("main", self.suite)
        # Seeds are drawn, never chosen: each run has an order of its own.
        plan = plan_of(self.suite, seed=int(self.rng.integers(2**53)), order=DrawOrder.UNIFORM)
        bad = np.array([self.fails[case.family] and case.family not in self.mended for case in self.suite])
        codes = np.where(bad[plan.case_index], VIOLATED, HELD)
        manifest = manifest_of(
            plan, POPULATION, run_id=run_id, purpose=purpose, open_families=tuple(opened), try_number=number
        )
        verdict = evaluate_gate(POPULATION, manifest, plan, columns_of(plan, codes.tolist()), today=TODAY)
        made = self._made(plan.case_index, opened, verdict)
        self.ledger.finish(run_id, made)
        if purpose is RunPurpose.OPEN and not began:
            self.mended |= {case.family for case in made if self.fails[case.family]}
        return verdict

    def begin(self, purpose: RunPurpose) -> str:
        """A run that stands in the ledger and has no result yet."""
        run_id = f"run-{len(self.ledger.events)}"
        self.ledger.start(run_id, purpose)
        return run_id

    def _made(self, order: np.ndarray, opened: frozenset[str], verdict: Verdict) -> list[Case]:
        """The cases that a run tries: sealed ones until it is decided, open ones all."""
        decided = verdict.rules[0].categories[0].decided_at
        sealed = [self.suite[index] for index in order if self.suite[index].family not in opened]
        return [*sealed[:decided], *(case for case in self.suite if case.family in opened)]

    def change(self, share: float = 0.1) -> None:
        """A change of the system: a tenth of the outcomes fall anew, and none is better than before."""
        for family in self.fails:
            if self.rng.random() < share:
                self.fails[family] = bool(self.rng.random() < self.rate)


def teams(count: int, rate: float, seed: int) -> Iterator[Team]:
    for number in range(count):
        yield Team(np.random.default_rng([seed, number]), rate)


@pytest.mark.parametrize("start", [0.10, 0.15, 0.30])
def test_who_mends_all_that_is_shown_ships_no_bad_system(start: float) -> None:
    """Ten rounds of open runs, each failure that was shown mended before the next (finding A1)."""
    shipped = 0
    for team in teams(20, start, 1):
        for _ in range(10):
            verdict = team.run(RunPurpose.OPEN)
            shipped += verdict.kind is VerdictKind.GO
            if verdict.kind is VerdictKind.GO or "This run is development" in verdict.reasons[0]:
                break
    assert shipped <= 0.05 * 20


def test_four_runs_at_once_are_four_tries() -> None:
    """A system at its limit and a little above, four runs that begin before one of them ends (finding A6)."""
    shipped = 0
    for team in teams(40, 0.055, 2):
        began = [team.begin(RunPurpose.OPEN) for _ in range(4)]
        numbers = [team.ledger.past(run_id).try_number("main", team.suite) for run_id in began]
        assert numbers == [1, 2, 3, 4]
        shipped += any(team.run(RunPurpose.OPEN, began=run_id).kind is VerdictKind.GO for run_id in began)
    assert shipped <= 0.05 * 40


def test_twenty_certifications_together_spend_no_more_than_one() -> None:
    """Twenty candidates, none better than the first, tried one after another on the same sealed families."""
    shipped = 0
    for team in teams(20, 0.06, 3):
        for _ in range(20):
            if team.run(RunPurpose.CERTIFICATION).kind is VerdictKind.GO:
                shipped += 1
                break
            team.change()
    assert shipped <= 0.05 * 20


def test_a_good_system_still_ships_on_its_first_and_third_try() -> None:
    shipped = [0, 0]
    for team in teams(20, 0.005, 4):
        shipped[0] += team.run(RunPurpose.CERTIFICATION).kind is VerdictKind.GO
        team.run(RunPurpose.CERTIFICATION)
        shipped[1] += team.run(RunPurpose.CERTIFICATION).kind is VerdictKind.GO
    assert min(shipped) >= 0.9 * 20
