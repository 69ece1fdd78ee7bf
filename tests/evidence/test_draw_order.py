"""The draw order follows from the seed, whoever signs the digest of another one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.engine import RunPlan, build_plan
from safecase.model import Case, DrawOrder, OutcomeKind
from safecase_verify import CheckFailed, verify_pack
from safecase_verify.checks.draw_order import check_draw_order
from support.cases import case
from support.rules import gate, rule

from .as_read import cases_as_read
from .packs import failed, pack
from .run_folders import write_run


def mixed_cases(size: int, families: int, generator: random.Random) -> list[Case]:
    return [
        case(
            f"case-{number}",
            family=f"family-{generator.randrange(families)}",
            suite=f"suite-{number % 2}",
            risk=f"risk-{generator.randrange(3)}",
        )
        for number in range(size)
    ]


def check(plan: RunPlan, **changes: object) -> None:
    fields: dict[str, object] = {
        "seed": plan.base_seed, "repeats": plan.repeats, "order": plan.order.value, "place": "draws.csv",
    }  # fmt: skip
    check_draw_order(
        cases_as_read(plan.cases), plan.case_index.tolist(), plan.repeat.tolist(), plan.seed.tolist(),
        **{**fields, **changes},  # type: ignore[arg-type]
    )  # fmt: skip


def swapped(plan: RunPlan, first: int, second: int) -> RunPlan:
    """The plan with two draws exchanged."""
    order = np.arange(len(plan))
    order[[first, second]] = order[[second, first]]
    return replace(plan, case_index=plan.case_index[order], repeat=plan.repeat[order], seed=plan.seed[order])


@given(
    seed=st.integers(-(2**40), 2**70),
    size=st.integers(1, 60),
    families=st.integers(1, 30),
    order=st.sampled_from(list(DrawOrder)),
    repeats=st.one_of(st.integers(1, 4), st.fixed_dictionaries({"suite-0": st.integers(1, 3)})),
    draw=st.integers(0, 10**9),
)
@settings(max_examples=150, deadline=None)
def test_every_honest_order_is_derived_and_every_exchange_is_found(
    seed: int, size: int, families: int, order: DrawOrder, repeats: int | Mapping[str, int], draw: int
) -> None:
    generator = random.Random(size * 31 + families)
    cases = mixed_cases(size, families, generator)
    risks = [f"risk-{number}" for number in generator.sample(range(3), 2)]
    plan = build_plan(
        cases, seed=seed, repeats=repeats, order=order,
        risk_blocks=[risks] if order is DrawOrder.RISKIEST_FIRST else None,
    )  # fmt: skip
    check(plan)
    if len(plan) < 2 or order is DrawOrder.RISKIEST_FIRST:
        return
    first = draw % (len(plan) - 1)
    with pytest.raises(CheckFailed, match="not derived from the seed") as found:
        check(swapped(plan, first, first + 1))
    assert found.value.where == f"draws.csv:{first + 2}"


def test_the_risks_come_one_after_another_where_the_riskiest_comes_first() -> None:
    cases = mixed_cases(40, 10, random.Random(3))
    plan = build_plan(
        cases, seed=5, repeats=2, order=DrawOrder.RISKIEST_FIRST, risk_blocks=[("risk-1",), ("risk-0",)]
    )
    risks = [cases[index].risk for index in plan.case_index]
    first_of_block = next(at for at in range(1, len(risks)) if risks[at] != risks[at - 1])
    with pytest.raises(CheckFailed):
        check(swapped(plan, 0, first_of_block))
    with pytest.raises(CheckFailed):
        check(swapped(plan, 0, 1))
    with pytest.raises(CheckFailed):
        check(plan, order="uniform")


def test_what_the_manifest_says_of_the_order_is_held_against_it() -> None:
    plan = build_plan(mixed_cases(12, 4, random.Random(1)), seed=5, repeats=2, order=DrawOrder.UNIFORM)
    for changes, words in (
        ({"seed": 6}, "not derived from the seed"),
        ({"repeats": 3}, "says 3 repeats"),
        ({"order": "as_it_pleases"}, "does not exist"),
        ({"order": "family_rounds"}, "does not exist"),
    ):
        with pytest.raises(CheckFailed, match=words):
            check(plan, **changes)
    other_seeds = plan.seed.copy()
    other_seeds[3] += 1
    with pytest.raises(CheckFailed, match="follows from the run's seed") as found:
        check(replace(plan, seed=other_seeds))
    assert found.value.where == "draws.csv:5"
    rest = slice(0, len(plan) - 1)
    shorter = replace(plan, case_index=plan.case_index[rest], repeat=plan.repeat[rest], seed=plan.seed[rest])
    with pytest.raises(CheckFailed, match=r"planned|repeats"):
        check(shorter)
    unplanned = replace(plan, cases=(*plan.cases, case("left-out", suite="suite-9")))
    with pytest.raises(CheckFailed, match="left-out has no place"):
        check(unplanned)


def test_a_pack_with_an_order_that_somebody_chose_does_not_verify(tmp_path: Path) -> None:
    """Everything else agrees: the digests, the manifest and the signature are all of the chosen order."""
    cases = [case(f"case-{number}") for number in range(30)]
    held = dict.fromkeys(range(30), OutcomeKind.HELD)
    first = write_run(tmp_path / "a", cases, held, [gate(rule("harm", bound=0.1))])
    honest, path = first.plan, pack(first, tmp_path / "a.zip")
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert "as the seed gives them" in next(item.detail for item in report.checks if item.name == "plan")
    chosen = swapped(honest, 4, 20)
    run = write_run(tmp_path / "b", cases, held, [gate(rule("harm", bound=0.1))], plan=chosen)
    report = verify_pack(pack(run, tmp_path / "b.zip"))
    assert "run/draws.csv:6: draw 4 is" in failed(report)
