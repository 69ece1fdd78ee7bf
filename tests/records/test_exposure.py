"""What somebody has seen of families, and which try of a line a run is."""

from __future__ import annotations

import pytest

from safecase.model import RunPurpose
from support.cases import case, cases
from support.ledgers import LedgerInMemory

SEALED = RunPurpose.CERTIFICATION
SUITE = cases(6)


def test_nobody_has_seen_a_family_before_the_first_run() -> None:
    past = LedgerInMemory().past()
    assert past.exposure.open_families(SUITE) == frozenset()
    assert past.try_number("main", SUITE) == 1


def test_an_open_run_opens_what_it_tried_and_nothing_else() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE[:2])
    assert ledger.past().exposure.open_families(SUITE) == {"family-0", "family-1"}
    assert ledger.past("a").exposure.open_families(SUITE) == frozenset(), "when it began"


def test_a_certification_keeps_its_families_sealed_until_a_person_opens_them() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE[:3], SEALED)
    exposure = ledger.past().exposure
    assert exposure.open_families(SUITE) == frozenset()
    assert [exposure.was_used(item) for item in SUITE] == [True] * 3 + [False] * 3
    ledger.open(["family-0"])
    assert ledger.past().exposure.open_families(SUITE) == {"family-0"}
    assert ledger.past("a").exposure.open_families(SUITE) == frozenset()


def test_exposure_goes_by_content_whatever_a_family_is_called() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE[:1])
    renamed = SUITE[0].model_copy(update={"id": "fresh", "family": "fresh", "title": "New!", "risk": "other"})
    spaced = case("spaced", prompt="Please  do\ncase-00000")
    sibling = case("sibling", family="spaced")
    other = case("other", prompt="please do something else")
    shown = ledger.past().exposure.open_families([renamed, spaced, sibling, other])
    assert shown == {"fresh", "spaced"}


@pytest.mark.parametrize("purpose", [RunPurpose.OPEN, SEALED])
def test_each_run_that_learnt_something_about_sealed_families_is_a_try(purpose: RunPurpose) -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE[:2], purpose)
    ledger.run("b", SUITE[2:4], purpose)
    assert ledger.past().try_number("main", SUITE) == 3
    assert ledger.past("b").try_number("main", SUITE) == 2


def test_runs_on_open_families_without_an_answer_or_to_explore_are_no_tries() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE)
    ledger.run("again", SUITE)
    ledger.run("down", [])
    ledger.run("seeded", SUITE, RunPurpose.EXPLORATORY)
    assert ledger.past().try_number("main", SUITE) == 2


def test_a_run_that_has_no_end_may_have_learnt_something() -> None:
    ledger = LedgerInMemory()
    ledger.start("under-way")
    assert ledger.past().try_number("main", SUITE) == 2


def test_a_new_name_for_the_line_makes_no_new_families() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE[:3], SEALED)
    assert ledger.past().try_number("next", SUITE[:3]) == 2
    assert ledger.past().try_number("next", SUITE[3:]) == 1
    assert ledger.past().try_number("main", SUITE[3:]) == 2


def test_runs_side_by_side_count_for_each_other() -> None:
    ledger = LedgerInMemory()
    ledger.run("before", SUITE[:1], SEALED)
    ends = ledger.history.heads
    ledger.start("left", SEALED, previous=ends)
    ledger.start("right", SEALED, previous=ends)
    assert [ledger.past(name).try_number("main", SUITE) for name in ("left", "right")] == [3, 3]


def test_what_comes_after_a_run_never_changes_its_number() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE, SEALED)
    ledger.run("b", SUITE, SEALED)
    ledger.open([item.family for item in SUITE])
    assert ledger.past("a").try_number("main", SUITE) == 1
    assert ledger.past("b").exposure.open_families(SUITE) == frozenset()


def test_a_run_is_set_aside_only_before_somebody_read_it() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE, SEALED)
    ledger.set_aside("a")
    ledger.run("b", SUITE, SEALED)
    ledger.read("b")
    ledger.set_aside("b")
    assert ledger.past().set_aside == {"a"}
    assert ledger.past().try_number("main", SUITE) == 2


def test_the_tries_of_a_candidate_are_its_own() -> None:
    ledger = LedgerInMemory()
    ledger.run("a", SUITE, SEALED, candidate="sha256:one")
    ledger.run("b", SUITE, SEALED, candidate="sha256:two")
    assert [record.start.run_id for record in ledger.past().tries_of("sha256:one")] == ["a"]


def test_a_run_that_was_stopped_lost_what_others_showed_before_it_went_on() -> None:
    """Else a run could begin early, wait until its families were mended, and count them as unseen."""
    ledger = LedgerInMemory()
    ledger.start("slow")
    ledger.finish("slow", SUITE[:1], complete=False)
    ledger.run("quick", SUITE[:3])
    assert ledger.past("slow").exposure_of_run.open_families(SUITE) == frozenset()
    ledger.finish("slow", SUITE)
    assert ledger.past("slow").exposure.open_families(SUITE) == frozenset()
    assert ledger.past("slow").exposure_of_run.open_families(SUITE) >= {"family-1", "family-2"}
    assert "family-5" not in ledger.past("slow").exposure_of_run.open_families(SUITE)
