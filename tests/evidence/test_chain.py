"""The chain of manifests in a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from safecase.evidence import chain_for
from safecase.model import OutcomeKind, Predecessor, RunManifest
from safecase_verify import CheckFailed
from safecase_verify.checks import chain
from support.cases import case

from .as_read import manifest_as_read
from .run_folders import write_run


def check_chain(manifest: RunManifest, predecessors: tuple[RunManifest, ...]) -> int:
    """The verifier's check, on the manifests as it reads them."""
    before = chain.check_chain(manifest_as_read(manifest), tuple(map(manifest_as_read, predecessors)))
    return len(before)


def manifests(store: Path, count: int) -> list[RunManifest]:
    found: list[RunManifest] = []
    for number in range(count):
        before = found[-1] if found else None
        run_id = f"20260101T000000Z-{number:06x}"
        run = write_run(store, [case("a")], {0: OutcomeKind.HELD}, run_id=run_id, predecessor=before)
        found.append(run.manifest)
    return found


def test_predecessors_come_nearest_first_as_far_as_the_store_holds_them(tmp_path: Path) -> None:
    first, second, third = manifests(tmp_path, 3)
    assert chain_for(third, [first, third, second]) == (second, first)
    assert chain_for(third, [first, third]) == ()
    assert check_chain(third, (second, first)) == 2
    assert check_chain(first, ()) == 0


def test_a_changed_or_skipped_manifest_breaks_the_chain(tmp_path: Path) -> None:
    first, second, third = manifests(tmp_path, 3)
    with pytest.raises(CheckFailed, match="names another predecessor"):
        check_chain(third, (second.model_copy(update={"seed": 9}), first))
    with pytest.raises(CheckFailed, match="is no link of the run's chain"):
        check_chain(third, (first,))


def test_a_circle_ends(tmp_path: Path) -> None:
    (only,) = manifests(tmp_path, 1)
    circle = only.model_copy(
        update={"predecessors": (Predecessor(run_id=only.run_id, manifest_digest=only.digest),)}
    )
    assert len(chain_for(circle, [circle])) <= 200
