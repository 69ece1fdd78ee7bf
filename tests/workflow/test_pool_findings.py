"""What `check` says of pools: public, too near to what is open, drifted apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safecase.stats import clopper_pearson
from safecase.workflow.pools._gap import PoolRates, growing_gap
from safecase.workspace import sealed_near_open
from support.cases import case
from support.pooled import make_pooled

LONG = "Please tell me in your own words what the rules about returned parcels say, order {}"


def rates(name: str, shown: tuple[int, int] | None, hidden: tuple[int, int] | None) -> PoolRates:
    return PoolRates(
        name, clopper_pearson(*shown) if shown else None, clopper_pearson(*hidden) if hidden else None
    )


def test_a_gap_that_grows_beyond_chance_is_told() -> None:
    first = rates("a", (20, 100), (22, 100))
    later = rates("b", (1, 100), None), rates("c", None, (21, 100))
    told = growing_gap([first, *later])
    assert told is not None
    assert (told[0].successes, told[1].successes) == (1, 21)


def test_no_gap_where_it_is_chance_shrinks_or_was_measured_once() -> None:
    assert growing_gap([rates("a", (1, 100), (21, 100))]) is None, "one measurement shows no growth"
    assert growing_gap([rates("a", (20, 100), (22, 100)), rates("b", (18, 100), (22, 100))]) is None
    assert growing_gap([rates("a", (1, 100), (40, 100)), rates("b", (1, 100), (20, 100))]) is None
    assert growing_gap([]) is None


def test_a_sealed_family_that_nearly_repeats_an_open_one_is_named() -> None:
    items = [
        case("open", prompt=LONG.format(1)),
        case("near", prompt=LONG.format(2)),
        case("other", prompt="What time does the shop in the old town close on the day before a holiday?"),
    ]
    assert sealed_near_open(items, {"open"}) == ("near",)
    assert sealed_near_open(items, set()) == ()


def test_a_case_and_its_benign_twin_are_alike_by_design() -> None:
    twin = case("twin", prompt=LONG.format(1))
    assert sealed_near_open([case("open", prompt=LONG.format(1), benign_twin="twin"), twin], {"open"}) == ()


@pytest.mark.parametrize("public", [True, False])
def test_sealed_families_that_can_be_read_elsewhere_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], public: bool
) -> None:
    pooled = make_pooled(tmp_path / "w", capsys, module=f"pooled_public_{public}")
    file = pooled.folder / "safecase.yaml"
    file.write_text(
        file.read_text().replace("  - id: s\n", f"  - id: s\n    public_benchmark: {public}\n".lower())
    )
    found = json.loads(pooled.command("check", "--json").splitlines()[0])
    assert ("pool-public" in {problem["code"] for problem in found["problems"]}) is public
    assert found["pools"]["risks"][0]["public"] == (found["pools"]["risks"][0]["sealed"] if public else 0)
