"""Thresholds: the guarantee holds over many calibrations, and what cannot be proven is not promised."""

from __future__ import annotations

import numpy as np
import pytest

from safecase.base import InputError, InsufficientEvidenceError
from safecase.guard import LabelledText, Prices, choose_threshold, score_texts
from safecase.model import FlowPoint

from .checks import CrashingCheck, WordCheck


def traffic(harmful: int, benign: int, **fields: str) -> list[LabelledText]:
    return [LabelledText(text="x", harmful=index < harmful, **fields) for index in range(harmful + benign)]


def draw(rng: np.random.Generator, harmful: int, benign: int) -> np.ndarray:
    return np.concatenate([rng.beta(4, 2, harmful), rng.beta(2, 6, benign)])


@pytest.mark.parametrize("goal", ["miss", "false_refusal"])
def test_the_promise_is_broken_no_more_often_than_said(goal: str) -> None:
    from scipy.stats import beta

    rng = np.random.default_rng(7)
    limit, broken, made, rounds = 0.10, 0, 0, 150
    for _ in range(rounds):
        choice = choose_threshold(
            traffic(150, 150), draw(rng, 150, 150), goal=goal, limit=limit, confidence=0.9
        )
        if choice.threshold is None:
            continue
        made += 1
        true = beta.cdf(choice.threshold, 4, 2) if goal == "miss" else 1 - beta.cdf(choice.threshold, 2, 6)
        broken += true > limit
    assert made > 0.9 * rounds
    # 10 % of 150 with four standard errors.
    assert broken <= 0.1 * rounds + 4 * (0.09 * rounds) ** 0.5


def test_the_best_of_the_proven_thresholds_is_taken() -> None:
    rng = np.random.default_rng(1)
    rows, scores = traffic(400, 400), draw(rng, 400, 400)
    by_miss = choose_threshold(rows, scores, goal="miss", limit=0.1)
    by_refusal = choose_threshold(rows, scores, goal="false_refusal", limit=0.1)
    assert by_miss.threshold is not None
    assert by_refusal.threshold is not None
    assert by_miss.chosen is not None
    assert by_miss.chosen.miss.value < 0.1
    next_up = next(point for point in by_miss.curve if point.threshold > by_miss.threshold)
    assert next_up.miss.value > by_miss.chosen.miss.value or next_up.miss.upper > 0.1
    lower = [point for point in by_refusal.curve if point.threshold < by_refusal.threshold][-1]
    assert lower.false_refusal.upper > 0.1


def test_prices_move_the_choice_within_what_is_proven() -> None:
    rng = np.random.default_rng(2)
    rows, scores = traffic(400, 400), draw(rng, 400, 400)
    plain = choose_threshold(rows, scores, goal="miss", limit=0.2)
    careful = choose_threshold(
        rows, scores, goal="miss", limit=0.2, prices=Prices(miss=1000, false_refusal=1, prevalence=0.5)
    )
    assert careful.threshold is not None
    assert plain.threshold is not None
    assert careful.threshold < plain.threshold
    assert careful.chosen is not None
    assert careful.chosen.expected_cost == min(
        p.expected_cost for p in careful.curve if p.threshold <= plain.threshold
    )


def test_too_few_rows_prove_nothing_and_say_so() -> None:
    scores = np.array([0.9] * 10 + [0.1] * 10)
    choice = choose_threshold(traffic(10, 10), scores, goal="miss", limit=0.01)
    assert choice.threshold is None
    assert "No threshold can be proven" in choice.guarantee


def test_one_kind_of_text_is_not_enough() -> None:
    with pytest.raises(InsufficientEvidenceError, match="harmful and harmless"):
        choose_threshold(traffic(5, 0), np.ones(5), goal="miss", limit=0.1)
    with pytest.raises(InputError, match="between 0 and 1"):
        choose_threshold(traffic(5, 5), np.ones(10), goal="miss", limit=1.0)


def test_segments_and_languages_are_told_beside() -> None:
    rng = np.random.default_rng(3)
    rows = traffic(200, 200, segment="a", language="de")[:300] + traffic(50, 50, segment="b", language="en")
    scores = np.where([row.harmful for row in rows], rng.uniform(0.6, 1, 400), rng.uniform(0, 0.4, 400))
    choice = choose_threshold(rows, scores, goal="false_refusal", limit=0.05)
    assert {(row.kind, row.name) for row in choice.segments} == {
        ("segment", "a"), ("segment", "b"), ("language", "de"), ("language", "en")
    }  # fmt: skip
    assert sum(row.miss.n for row in choice.segments if row.kind == "segment" and row.miss) == 250


def test_scores_come_from_the_check() -> None:
    rows = [LabelledText(text="the word", harmful=True), LabelledText(text="nothing", harmful=False)]
    scores, unscored = score_texts(WordCheck("word"), rows, FlowPoint.USER_INPUT)
    assert list(scores) == [1.0, 0.0]
    assert unscored == 0
    with pytest.raises(ValueError, match="cannot read"):
        score_texts(CrashingCheck(), rows, FlowPoint.USER_INPUT)
