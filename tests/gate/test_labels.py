"""Two-phase judge correction: which labels count, what follows, and the way from workspace to pack."""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safecase.base import InputError
from safecase.engine import RunPlan
from safecase.gate import ERROR, HELD, VIOLATED, evaluate_gate, parse_labels, sheet_for
from safecase.gate.labels import read_stratum, sampling_order
from safecase.model import CategoryResult, Gate, GateRule, RuleStatus
from safecase.model.rule import JudgeCorrection
from safecase.stats import two_phase
from support.cases import cases
from support.command_line import safecase
from support.moments import TODAY
from support.rules import rule
from support.runs import columns_of, manifest_of, plan_of
from support.verdicts import only
from support.workspaces import start_workspace

FILE = "labels.csv"
TWO_PHASE = {"method": "two_phase", "labels": FILE}


def asked(**changes: object) -> GateRule:
    return rule(**{"judge_correction": TWO_PHASE, "bound": 0.1, **changes})


def judged(
    plan: RunPlan, codes: list[int], labels: dict[str, bool] | None, **changes: object
) -> CategoryResult:
    gate = Gate(id="gate", rules=(asked(**changes),))
    verdict = evaluate_gate(
        gate, manifest_of(plan, gate), plan, columns_of(plan, codes), today=TODAY,
        labels={} if labels is None else {FILE: labels},
    )  # fmt: skip
    return only(verdict)


def strata(plan: RunPlan, codes: list[int]) -> tuple[list[str], list[str]]:
    """Attempts judged bad and judged good, each in the order in which they are to be labelled."""
    names = [plan.planned(draw).id for draw in range(len(codes))]
    bad = [name for name, code in zip(names, codes, strict=True) if code != HELD]
    good = [name for name, code in zip(names, codes, strict=True) if code == HELD]
    return sampling_order(bad, plan.base_seed), sampling_order(good, plan.base_seed)


def test_labels_of_a_sample_give_the_rate_that_the_method_gives() -> None:
    plan = plan_of(cases(400))
    codes = [VIOLATED] * 40 + [HELD] * 360
    random.Random(3).shuffle(codes)
    bad, good = strata(plan, codes)
    labels = {name: number < 6 for number, name in enumerate(bad[:20])}
    labels |= dict.fromkeys(good[:150], False)
    found = judged(plan, codes, labels)
    wanted = two_phase(
        n=400,
        flagged=40,
        flagged_labelled=20,
        flagged_violations=6,
        clean_labelled=150,
        clean_violations=0,
        confidence=1 - 0.05 / 2,  # what the first try may spend
    )
    assert found.estimate is not None
    assert (found.estimate.value, found.estimate.lower, found.estimate.upper) == pytest.approx(
        (wanted.value, wanted.lower, wanted.upper)
    )
    assert found.estimate.judge_corrected
    assert found.estimate.method == "two-phase-mover"
    assert found.status is RuleStatus.MET
    assert found.decision == "fixed"
    assert found.decided_at is None
    assert (found.details["labelled_flagged"], found.details["labelled_clean"]) == (20, 150)
    assert "by what people say of a sample of them (97.5 % sure): met" in found.sentence
    below, inside = wanted.lower * 0.99, (wanted.lower + wanted.upper) / 2
    assert judged(plan, codes, labels, bound=below).status is RuleStatus.NOT_MET
    cleared = judged(plan, codes, labels, bound=0.09)
    assert cleared.status is RuleStatus.MET, "the scorer called 10 % bad, and people only some of them"
    assert "look at them" not in cleared.sentence
    assert judged(plan, codes, labels, bound=inside).status is RuleStatus.INSUFFICIENT


def test_nobody_chooses_what_is_labelled() -> None:
    plan = plan_of(cases(200))
    codes = [VIOLATED] * 20 + [HELD] * 180
    bad, good = strata(plan, codes)
    labels = dict.fromkeys([*bad, *good[:100]], False)
    whole = judged(plan, codes, labels)
    picked = judged(plan, codes, labels | dict.fromkeys(good[120:], False))
    assert picked.estimate == whole.estimate, "labels behind the first gap do not count"
    del labels[good[0]]
    nothing = judged(plan, codes, labels)
    assert nothing.estimate is None
    assert nothing.status is RuleStatus.INSUFFICIENT
    assert f"{good[0]} comes first" in nothing.sentence
    assert "human labels of this run" in judged(plan, codes, None).sentence


def test_a_corrected_rate_needs_all_of_its_attempts_and_no_error_is_labelled_away() -> None:
    plan = plan_of(cases(100))
    codes = [ERROR] * 2 + [HELD] * 98
    bad, good = strata(plan, codes)
    found = judged(plan, codes, dict.fromkeys([*bad, *good], False))
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(0.02)
    assert judged(plan, codes, dict.fromkeys(good, False)).estimate == found.estimate
    short = judged(plan, codes[:90], dict.fromkeys(good, False))
    assert short.status is RuleStatus.INSUFFICIENT
    assert "every planned attempt" in short.sentence


def test_corrections_by_a_card_do_not_stop_at_an_uncorrected_decision() -> None:
    """The raw stream would ship at about 160; the interval holds for the size that was planned."""
    plan = plan_of(cases(1000))
    found = judged(plan, [HELD] * 1000, {}, judge_correction={"method": "rogan_gladen"}, bound=0.02)
    assert found.attempts == 1000
    assert found.decision == "fixed"
    assert "needs the card of the one scorer" in found.sentence


def test_what_no_scorer_judges_is_not_corrected() -> None:
    plan = plan_of(cases(50))
    found = judged(plan, [HELD] * 50, {}, metric="error_rate")
    assert found.status is RuleStatus.INSUFFICIENT
    assert "nothing to correct" in found.sentence


@given(st.lists(st.text(min_size=1, max_size=6), unique=True, max_size=30), st.integers(), st.data())
def test_a_stratum_counts_a_beginning_of_its_order(names: list[str], seed: int, data: st.DataObject) -> None:
    labels = {name: data.draw(st.booleans()) for name in names if data.draw(st.booleans())}
    found = read_stratum(names, labels, seed)
    order = sampling_order(names, seed)
    assert sorted(order) == sorted(names)
    assert all(name in labels for name in order[: found.labelled])
    assert found.violations == sum(labels[name] for name in order[: found.labelled])
    assert found.next == (order[found.labelled] if found.labelled < len(names) else "")
    assert found.next not in labels


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"case,label\n", "labels.csv:1"),
        (b"", "labels.csv:1"),
        (b"attempt,label\na#0,broken\n", "labels.csv:2"),
        (b"attempt,label\na#0\n", "labels.csv:2"),
        (b"attempt,label\na#0,held\n\na#0,violated\n", "labels.csv:4"),
        (b"attempt,label\n\xff\xfe,held\n", "labels.csv"),
        (b'attempt,label\n"a#0,held\n' + b"x" * 200_000, "labels.csv"),
    ],
)
def test_labels_that_do_not_read_are_told_with_their_line(data: bytes, where: str) -> None:
    with pytest.raises(InputError) as found:
        parse_labels(data, "labels.csv")
    assert found.value.where == where


def test_labels_read_with_other_columns_marks_and_line_ends() -> None:
    rows = ("who, Label ,attempt", "ann,HELD,a#0", "bob,violated,b#1", "bob,,c#0", "", "ann,held,a#0", "")
    data = b"\xef\xbb\xbf" + "\r\n".join(rows).encode()
    assert parse_labels(data, "labels.csv") == {"a#0": False, "b#1": True}


@pytest.mark.parametrize("labels", ["../x.csv", "/etc/x", "a/../../x", "C:\\x"])
def test_labels_lie_in_the_workspace_and_belong_to_two_phase(labels: str) -> None:
    with pytest.raises(ValidationError, match="inside of the workspace"):
        JudgeCorrection(method="two_phase", labels=labels)
    with pytest.raises(ValidationError, match="two_phase alone"):
        JudgeCorrection(method="rogan_gladen", labels="x.csv")


def test_the_sheet_lists_both_strata_in_their_order() -> None:
    plan = plan_of(cases(60))
    codes = [VIOLATED] * 10 + [ERROR] * 5 + [HELD] * 45
    rows = list(csv.DictReader(io.StringIO(sheet_for(asked(), plan, columns_of(plan, codes), {}).decode())))
    bad, good = strata(plan, codes)
    errors = {plan.planned(draw).id for draw in range(10, 15)}
    assert [row["attempt"] for row in rows] == [name for name in bad if name not in errors] + good
    assert {row["stratum"] for row in rows} == {"all: judged bad", "all: judged good"}


GATES = f"""\
gates:
  - id: release
    coverage: {{risks_at_least: null}}
    rules:
      - id: leaks
        metric: violation_rate
        bound: 0.2
        judge_correction: {{method: two_phase, labels: {FILE}}}
"""


def test_from_the_workspace_through_the_sheet_to_a_pack_that_verifies(tmp_path: Path) -> None:
    suites = "suites:\n  - use: system-prompt-extraction\n"
    folder = start_workspace(
        tmp_path / "safety",
        {"suites/builtin": suites, "suites/own": None, "policies": None, "gates": GATES},
        name="Shop",
    )
    run_id = json.loads(safecase(folder, "run", "--json"))["run_id"]
    assert "human labels of this run" in safecase(folder, "gate", run_id, code=3)
    (sheet,) = folder.glob("**/labels-release-leaks.csv")
    rows = list(csv.DictReader(io.StringIO(sheet.read_text())))
    filled = "who,attempt,label\n" + "".join(f"jane@mail-host.org,{row['attempt']},held\n" for row in rows)
    (folder / FILE).write_text(filled)
    safecase(folder, "gate", run_id)
    pack = json.loads(safecase(folder, "report", run_id, "--json"))["pack"]
    report = json.loads(safecase(folder, "verify", pack, "--json"))
    assert report["ok"]
    assert report["not_recomputed"] == []
    with zipfile.ZipFile(folder / pack) as archive:
        packed = archive.read(f"labels/{FILE}").decode()
    assert packed == "attempt,label\n" + "".join(f"{row['attempt']},held\n" for row in rows)
