"""The draw order: complete, fair to families, independent of everything but cases, repeats and seed."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.base import InputError
from safecase.engine import build_plan
from safecase.engine.plan import attempt_seed, live_turns
from safecase.model import Case, DrawOrder, Message, MessageRole
from support.cases import case, cases

layouts = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=25
)  # (family, risk) of each case


def _cases(layout: list[tuple[int, int]]) -> tuple[Case, ...]:
    return tuple(
        case(f"c{i}", family=f"f{family}", risk=f"r{risk}") for i, (family, risk) in enumerate(layout)
    )


@given(layouts, st.integers(1, 3), st.integers(0, 2**40), st.sampled_from(DrawOrder))
@settings(max_examples=60, deadline=None)
def test_each_attempt_stands_exactly_once(
    layout: list[tuple[int, int]], repeats: int, seed: int, order: DrawOrder
) -> None:
    risks = [("r2",), ("r0", "r1")] if order is DrawOrder.RISKIEST_FIRST else None
    plan = build_plan(_cases(layout), seed=seed, repeats=repeats, order=order, risk_blocks=risks)
    pairs = list(zip(plan.case_index.tolist(), plan.repeat.tolist(), strict=True))
    assert len(plan) == len(layout) * repeats
    assert len(set(pairs)) == len(pairs)
    for draw in range(len(plan)):
        planned = plan.planned(draw)
        assert planned.seed == attempt_seed(seed, planned.case_id, planned.repeat)
        assert 0 <= planned.seed < 2**31


@given(layouts, st.integers(0, 2**40), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_depends_on_ids_and_seed_only(layout: list[tuple[int, int]], seed: int, random) -> None:
    original = _cases(layout)
    shuffled = list(original)
    random.shuffle(shuffled)
    one = build_plan(original, seed=seed, repeats=2)
    two = build_plan(shuffled, seed=seed, repeats=2)
    assert [one.planned(d).id for d in range(len(one))] == [two.planned(d).id for d in range(len(two))]
    assert one.seed.tolist() == two.seed.tolist()
    again = build_plan(original, seed=seed, repeats=2)
    assert again.draw_order_digest == one.draw_order_digest
    assert again.plan_digest == one.plan_digest


def test_another_seed_gives_another_order_and_other_digests() -> None:
    one, two = build_plan(cases(50), seed=1), build_plan(cases(50), seed=2)
    assert one.case_index.tolist() != two.case_index.tolist()
    assert one.draw_order_digest != two.draw_order_digest
    assert one.plan_digest != two.plan_digest


def test_risks_are_mixed_along_the_order() -> None:
    plan = build_plan(cases(300, risks=3), seed=3)
    risks = [plan.cases[i].risk for i in plan.case_index[:60]]
    assert all(risks.count(f"risk-{k}") >= 8 for k in range(3))


def test_the_uniform_order_is_uniform_over_attempts_of_unequal_families() -> None:
    """A big family must not come late: its share of the first half is its share of the whole."""
    layout = (
        *(case(f"a{i}", family="big") for i in range(100)),
        *(case(f"b{i}") for i in range(100)),
    )
    shares = [
        np.mean(build_plan(layout, seed=seed, order=DrawOrder.UNIFORM).case_index[:100] < 100)
        for seed in range(40)
    ]
    assert 0.47 < float(np.mean(shares)) < 0.53


def test_riskiest_first_puts_the_riskiest_category_in_front_and_unknown_ones_before_it() -> None:
    plan = build_plan(
        cases(30, risks=3), seed=1, order=DrawOrder.RISKIEST_FIRST, risk_blocks=[("risk-1",), ("risk-0",)]
    )
    risks = [plan.cases[i].risk for i in plan.case_index]
    assert risks == ["risk-2"] * 10 + ["risk-1"] * 10 + ["risk-0"] * 10
    assert plan.risk_blocks == (("risk-2",), ("risk-1",), ("risk-0",))


@given(layouts, st.integers(1, 3), st.integers(0, 2**40), st.permutations(["r0", "r1", "r2", "r3"]))
@settings(max_examples=40, deadline=None)
def test_each_risk_keeps_its_uniform_order_where_the_riskiest_comes_first(
    layout: list[tuple[int, int]], repeats: int, seed: int, order: list[str]
) -> None:
    """A rule about one risk reads the same draws in the same order, whatever stands before them."""
    uniform = build_plan(_cases(layout), seed=seed, repeats=repeats)
    ranked = build_plan(
        _cases(layout),
        seed=seed,
        repeats=repeats,
        order=DrawOrder.RISKIEST_FIRST,
        risk_blocks=[order[:1], order[1:3], order[3:]],
    )
    for risk in {f"r{number}" for _, number in layout}:
        one, two = (
            [
                plan.planned(draw).id
                for draw in range(len(plan))
                if plan.cases[plan.case_index[draw]].risk == risk
            ]
            for plan in (uniform, ranked)
        )
        assert one == two
    again = build_plan(
        _cases(layout),
        seed=seed,
        repeats=repeats,
        order=DrawOrder.RISKIEST_FIRST,
        risk_blocks=ranked.risk_blocks,
    )
    assert again.plan_digest == ranked.plan_digest, "a resumed run builds its plan from the one it finds"


def test_suites_may_repeat_differently() -> None:
    plan = build_plan((case("a", suite="often"), case("b", suite="once")), seed=1, repeats={"often": 3})
    assert sorted(plan.planned(d).id for d in range(len(plan))) == ["a#0", "a#1", "a#2", "b#0"]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: build_plan((), seed=1), "no case"),
        (lambda: build_plan((case("a"), case("a")), seed=1), "appears twice"),
        (lambda: build_plan((case("a"),), seed=1, repeats=0), "at least 1"),
        (lambda: build_plan((case("a"),), seed=1, order=DrawOrder.RISKIEST_FIRST), "blocks of risks"),
        (
            lambda: build_plan(
                (case("a", messages=(Message(role=MessageRole.ASSISTANT, content="hello"),)),), seed=1
            ),
            "waits for an answer",
        ),
    ],
)
def test_bad_plans_are_refused_with_a_reason(build, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build()


def test_live_turns_follow_the_script() -> None:
    user, assistant = MessageRole.USER, MessageRole.ASSISTANT
    script = [
        Message(role=MessageRole.SYSTEM, content="s"),
        Message(role=user, content="shown"),
        Message(role=assistant, content="history"),
        Message(role=user, content="one"),
        Message(role=user, content="two"),
    ]
    assert live_turns(case("a", messages=tuple(script))) == (3, 4)
    tool = Message(role=MessageRole.TOOL, content="42")
    assert live_turns(case("a", messages=(script[1], script[2], tool))) == (2,)


def test_a_million_attempts_are_planned_in_seconds_with_flat_memory() -> None:
    many = cases(1000, families=250)
    tracemalloc.start()
    started = time.perf_counter()
    plan = build_plan(many, seed=5, repeats=1000)
    elapsed = time.perf_counter() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan) == 1_000_000
    assert len(plan.draw_order_digest) == 71
    assert peak < 300e6
    print(f"planned 1,000,000 attempts in {elapsed:.2f} s, peak {peak / 1e6:.0f} MB")
