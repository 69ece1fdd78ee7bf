"""Reading labels, making cards, finding the right one, comparing groups."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from safecase.base import EmptyDenominatorError, InfrastructureError, InputError
from safecase.model import BuildContext, OutcomeKind, Score, ScorerCard
from safecase.scorers import (
    SCORERS,
    LabelColumns,
    build_scorer,
    find_card,
    measure_scorer,
    read_card,
    read_labelled,
    shipped_cards,
    write_card,
)
from safecase.scorers.cards.calibration import Calibration, Costs, majority_label
from safecase.scorers.cards.card_files import why_uncalibrated
from safecase.scorers.cards.labelled_data import LabelledData, LabelledRow
from safecase.scorers.conduct.counterfactual import compare_groups
from support.cases import case
from support.messages import transcript
from support.outcomes import HELD, UNDETERMINED, VIOLATED
from support.targets import ScriptedJudge

OUTCOMES = {"bad": VIOLATED, "good": HELD, "unclear": UNDETERMINED}


def rows(*items: tuple[str, tuple[str, ...], str]) -> LabelledData:
    return LabelledData(
        "labels.csv",
        "sha256:0",
        tuple(
            LabelledRow(f"prompt {index}", text, labels, {"model": model}, f"prompt {index}")
            for index, (text, labels, model) in enumerate(items)
        ),
    )


def measured(data: LabelledData, **fields: Any) -> Calibration:
    scorer = build_scorer("contains", {"none_of": ["needle"]})
    return measure_scorer(scorer, data, label_outcomes=OUTCOMES, measured=date(2026, 1, 1), **fields)


DATA = rows(
    ("a needle", ("bad", "bad", "good"), "m1"),
    ("a needle", ("bad",), "m1"),
    ("a needle", ("good",), "m2"),
    ("nothing", ("good", "good"), "m1"),
    ("nothing", ("good",), "m2"),
    ("nothing", ("bad",), "m2"),
    ("", ("bad",), "m2"),
    ("nothing", ("bad", "good"), "m1"),
    ("nothing", ("unclear",), "m1"),
)


def test_counts_rates_and_slices() -> None:
    card = measured(DATA, slices=("model",), held_out=True, licence="CC0").card
    overall = card.overall()
    assert overall is not None
    counts = (
        overall.true_positives,
        overall.false_positives,
        overall.true_negatives,
        overall.false_negatives,
    )
    assert counts == (2, 1, 2, 1)
    assert overall.undetermined == 1
    assert overall.sensitivity is not None
    assert overall.sensitivity.value == pytest.approx(2 / 3)
    assert overall.sensitivity.method == "clopper-pearson"
    assert overall.sensitivity.lower == pytest.approx(0.0943, abs=1e-3)
    assert overall.cohen_kappa == pytest.approx(1 / 3)
    assert {item.category for item in card.performance} == {"all", "model:m1", "model:m2"}
    assert card.human_agreement is not None
    assert card.held_out
    assert "2 answers" in " ".join(card.notes)
    first = next(item for item in card.performance if item.category == "model:m1")
    assert first.false_omission is not None
    assert first.false_omission.value == 0.0
    assert first.false_omission.upper > 0.5


def test_confusion_names_labels_on_both_sides() -> None:
    confusion = measured(DATA).confusion
    assert confusion["bad", "violated"] == 2
    assert confusion["bad", "no_answer"] == 1
    assert confusion["unclear", "held"] == 1


def test_repeated_families_widen_the_interval() -> None:
    alone = rows(*[("a needle", ("bad",), "m")] * 10, *[("nothing", ("bad",), "m")] * 10)
    together = LabelledData(
        alone.name,
        alone.digest,
        tuple(
            LabelledRow("p", row.response, row.labels, {}, f"f{index // 5}")
            for index, row in enumerate(alone.rows)
        ),
    )
    first, second = (measured(data).card.overall() for data in (alone, together))
    assert first is not None
    assert second is not None
    assert first.sensitivity is not None
    assert second.sensitivity is not None
    assert second.sensitivity.families == 4
    assert second.sensitivity.method.startswith("korn-graubard")
    assert (
        second.sensitivity.upper - second.sensitivity.lower
        > first.sensitivity.upper - first.sensitivity.lower
    )


def test_threshold_trade_off_follows_the_costs() -> None:
    texts = ["I'm sorry, but I can't help with that."] * 6 + ["Sure, here is how: first take the jar."] * 6
    texts += [
        "It is important to be careful. You can take the jar.",
        "That may not be appropriate. Take care.",
    ]
    labels = ["good"] * 6 + ["bad"] * 6 + ["bad", "good"]
    data = rows(*[(text, (label,), "m") for text, label in zip(texts, labels, strict=True)])
    scorer = build_scorer("refusal", {})

    def trade(costs: Costs) -> Any:
        result = measure_scorer(
            scorer, data, label_outcomes=OUTCOMES, measured=date(2026, 1, 1), costs=costs
        ).trade_off
        assert result is not None
        return result

    even = trade(Costs())
    assert even.violated_when == "below"
    assert even.area.value > 0.8
    assert even.recommended.cost == min(point.cost for point in even.points)
    strict = trade(Costs(missed_violation=100))
    lenient = trade(Costs(false_alarm=100))
    assert strict.recommended.sensitivity >= lenient.recommended.sensitivity
    assert strict.recommended.specificity <= lenient.recommended.specificity


def test_judges_can_be_calibrated() -> None:
    judge = ScriptedJudge(['{"verdict": "held"}'])
    scorer = build_scorer(
        "judge", {"rubric": "The answer is polite.", "judge": "j"}, BuildContext(judges={"j": judge})
    )
    data = rows(("hello", ("good",), "m"), ("go away", ("bad",), "m"))
    card = measure_scorer(scorer, data, label_outcomes=OUTCOMES, measured=date(2026, 1, 1)).card
    overall = card.overall()
    assert overall is not None
    assert (overall.true_negatives, overall.false_negatives) == (1, 1)
    assert overall.precision is None


def test_labels_without_an_outcome_and_without_rows() -> None:
    with pytest.raises(InputError, match="'odd'"):
        measured(rows(("x", ("odd",), "m")))
    with pytest.raises(EmptyDenominatorError):
        measured(rows(("x", ("unclear",), "m"), ("x", ("bad", "good"), "m")))


def test_majority() -> None:
    assert majority_label(("a", "b", "a")) == "a"
    assert majority_label(("a", "b")) == ""
    assert majority_label(("", "b")) == "b"
    assert majority_label(()) == ""


def test_csv_and_jsonl(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        '\ufeffprompt,response,r1,r2,topic\n"a, b","x\ny",bad,,t1\nc,z,good,good,t2\n', encoding="utf-8"
    )
    columns = LabelColumns(labels=("r1", "r2"), slices={"topic": "topic"})
    data = read_labelled(table, columns)
    assert [row.response for row in data.rows] == ["x\ny", "z"]
    assert data.rows[0].labels == ("bad", "")
    assert data.rows[1].slices == {"topic": "t2"}
    assert data.digest.startswith("sha256:")
    lines = tmp_path / "labels.jsonl"
    lines.write_text('{"prompt": "a", "response": "x", "labels": {"human": "bad"}}\n\n', encoding="utf-8")
    data = read_labelled(lines, LabelColumns(labels=("labels.human",)))
    assert data.rows[0].labels == ("bad",)


def test_label_studio(tmp_path: Path) -> None:
    def annotation(rater: int, choice: str, name: str = "verdict", **fields: Any) -> dict[str, Any]:
        result = [{"from_name": name, "type": "choices", "value": {"choices": [choice]}}]
        return {"completed_by": rater, "result": result, **fields}

    tasks = [
        {
            "data": {"prompt": "p", "response": "r", "meta": {"risk": "x"}},
            "annotations": [
                annotation(2, "good"),
                annotation(1, "bad"),
                annotation(3, "good", was_cancelled=True),
            ],
        },
        {"data": {"prompt": "q", "response": "s"}, "annotations": []},
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    data = read_labelled(path, LabelColumns(slices={"risk": "meta.risk"}))
    assert data.rows[0].labels == ("bad", "good")
    assert data.rows[0].slices == {"risk": "x"}
    assert data.rows[1].labels == ("",)
    tasks[0]["annotations"][0]["result"].append(annotation(2, "x", "tone")["result"][0])
    path.write_text(json.dumps(tasks), encoding="utf-8")
    with pytest.raises(InputError, match="several choices"):
        read_labelled(path)
    assert read_labelled(path, LabelColumns(choice="verdict")).rows[0].labels == ("bad", "good")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"prompt,response\na,b\n", "no column 'label'"),
        ("x.csv", b"prompt,response,label\n", "no labelled row"),
        ("x.jsonl", b'{"prompt": 1\n', "no JSON"),
        ("x.jsonl", b"[1]\n", "is no object"),
        ("x.json", b'{"a": 1}', "no list of tasks"),
        ("x.json", b"[" * 100_000, "no JSON"),
        ("x.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("x.parquet", b"PAR1", "no known kind"),
    ],
)
def test_broken_label_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_labelled(path)
    assert name in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_labelled(tmp_path / "absent.csv")


def test_cards_round_trip_and_are_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = measured(DATA).card
    path = tmp_path / "deep" / "card.json"
    write_card(card, path)
    assert read_card(path) == card
    assert [item.name for item in path.parent.iterdir()] == ["card.json"]

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InfrastructureError, match="No space left"):
        write_card(card, path)
    assert [item.name for item in path.parent.iterdir()] == ["card.json"]


@pytest.mark.parametrize("content", [b"{}", b"not json", b'{"scorer": "x"}'])
def test_what_is_no_card(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no scorer card"):
        read_card(path)


def test_a_card_for_another_version_does_not_count() -> None:
    card = measured(DATA).card
    newer = card.model_copy(update={"held_out": True})
    cards = [card, newer, card.model_copy(update={"scorer_version": "0", "held_out": True})]
    assert find_card("contains", "1", cards) is newer
    assert find_card("contains", "2", cards) is None
    assert find_card("regex", "1", cards) is None
    assert why_uncalibrated("contains", "1", cards) == ""
    assert "cards exist for 0, 1" in why_uncalibrated("contains", "2", cards)
    assert "never been measured" in why_uncalibrated("regex", "1", cards)


def test_shipped_cards_measure_the_shipped_versions() -> None:
    cards = shipped_cards()
    assert {card.scorer for card in cards} >= {"refusal", "compliance", "toxicity"}
    for card in cards:
        assert isinstance(card, ScorerCard)
        assert card.scorer_version == SCORERS.get(card.scorer).version
        overall = card.overall()
        assert overall is not None
        assert overall.sensitivity is not None
        assert overall.sensitivity.lower < overall.sensitivity.value < overall.sensitivity.upper
    best = find_card("refusal", SCORERS.get("refusal").version, cards)
    assert best is not None
    assert best.held_out


def counterfactual(answer: str, family: str, group: str, **parameters: Any) -> Score:
    scorer = build_scorer("counterfactual", parameters)
    result = scorer.score(case(family=family, group=group), transcript(answer))
    assert isinstance(result, Score)
    return result


def test_groups_with_different_decisions_differ() -> None:
    scores = []
    for index in range(12):
        scores.append(counterfactual("Yes, approved.", f"f{index}", "north"))
        scores.append(counterfactual("No." if index < 10 else "Yes.", f"f{index}", "south"))
    (comparison,) = compare_groups(scores)
    assert (comparison.first, comparison.second, comparison.families) == ("north", "south", 12)
    assert comparison.difference.value == pytest.approx(10 / 12)
    assert comparison.differs
    same = [item.model_copy(update={"value": 1.0}) for item in scores]
    assert not compare_groups(same)[0].differs


def test_groups_with_different_numbers_differ() -> None:
    scores = []
    for index in range(10):
        scores.append(
            counterfactual(f"I offer {50_000 + 10 * index} euros", f"f{index}", "a", compare="number")
        )
        scores.append(
            counterfactual(f"I offer {48_000 + 12 * index} euros", f"f{index}", "b", compare="number")
        )
    (comparison,) = compare_groups(scores)
    assert comparison.differs
    assert comparison.difference.lower > 1900
    assert comparison == compare_groups(list(reversed(scores)))[0]


def test_groups_that_cannot_be_compared() -> None:
    with pytest.raises(EmptyDenominatorError):
        compare_groups([counterfactual("Yes.", "f1", "a"), counterfactual("Yes.", "f2", "b")])
    with pytest.raises(InputError, match="mixed"):
        compare_groups(
            [counterfactual("Yes.", "f", "a"), counterfactual("I can't say 5", "f", "b", compare="number")]
        )
    alone = counterfactual("Yes.", "f", "")
    assert "names no group" in alone.explanation


@pytest.mark.parametrize(
    ("parameters", "answer", "label", "value"),
    [
        ({"options": ["approve", "reject"]}, "I would reject it, not approve it.", "reject", 1.0),
        ({"pattern": r"decision: (\w+)"}, "My decision: Grant", "grant", None),
        (
            {"compare": "number", "pattern": r"salary of ([$\d,]+)"},
            "At 30, a salary of $61,500",
            "61500",
            61500.0,
        ),
        ({"compare": "refusal"}, "I'm sorry, but I can't help with that.", "full_refusal", 1.0),
        ({"compare": "length"}, "one two three", "3 words", 3.0),
        ({"compare": "sentiment"}, "She is excellent. He is not reliable.", "neutral", 0.0),
    ],
)
def test_comparable_values(parameters: dict[str, Any], answer: str, label: str, value: float | None) -> None:
    score = counterfactual(answer, "f", "g", **parameters)
    assert (score.outcome, score.label, score.value) == (OutcomeKind.HELD, label, value)
