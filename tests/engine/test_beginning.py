"""How a run gets its order: everything is on the disk before the nonce is asked for, and it is asked once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from safecase.base import InfrastructureError, InputError
from safecase.engine import (
    Nonce,
    PlanDraft,
    RunFolder,
    begin_run,
    derive_seed,
    has_derived_order,
    is_active,
    resume_run,
    run_begun,
    run_plan,
)
from safecase.engine.run_folder import DRAFT_NAME
from safecase.model import DrawOrder, NonceSource, Predecessor, RunManifest, RunPurpose
from support.cases import cases
from support.run_requests import request
from support.targets import FakeTarget

NONCE = "5a" * 32
DRAFT = PlanDraft(cases(12, families=5), repeats=2, order=DrawOrder.UNIFORM)


async def test_the_order_follows_from_the_plan_on_the_disk_and_the_nonce(tmp_path: Path) -> None:
    asked: list[str] = []

    def draw(digest: str) -> Nonce:
        asked.append(digest)
        (file,) = tmp_path.glob(f"*/{DRAFT_NAME}")
        assert RunManifest.model_validate_json(file.read_bytes()).draft_digest == digest
        return Nonce(NONCE)

    folder = await run_plan(request(tmp_path, DRAFT, draw_nonce=draw))
    manifest = RunFolder.open(folder.path).manifest
    assert asked == [manifest.draft_digest]
    assert manifest.seed == derive_seed(manifest.draft_digest, NONCE) == folder.plan.base_seed
    assert manifest.plan_digest == DRAFT.ordered(manifest.seed).plan_digest
    assert (manifest.purpose, manifest.nonce_source) == (RunPurpose.OPEN, NonceSource.OWN)
    assert has_derived_order(manifest)
    assert not (folder.path / DRAFT_NAME).exists()
    for changed in ({"selection": "x"}, {"line": "other"}, {"try_number": 2}, {"cases_digest": "x"}):
        assert not has_derived_order(manifest.model_copy(update=changed)), changed


async def test_each_run_has_an_order_of_its_own_and_a_result_before_it_changes_it(tmp_path: Path) -> None:
    first, second = [(await run_plan(request(tmp_path / name, DRAFT))).manifest for name in "ab"]
    assert first.nonce != second.nonce
    assert first.draw_order_digest != second.draw_order_digest
    seeds = set()
    for result in ("", "sha256:a", "sha256:b"):
        before = Predecessor(run_id="r", manifest_digest="sha256:0", result_digest=result)
        asked = request(
            tmp_path / f"c{result[-1:]}", DRAFT, draw_nonce=lambda _: Nonce(NONCE), predecessors=(before,)
        )
        begun = begin_run(replace(asked, run_id="20260101T000000Z-aaaaaa"))
        begun.lock.release()
        seeds.add(begun.folder.manifest.seed)
    assert len(seeds) == 3


async def test_an_order_of_ones_own_makes_the_run_exploratory(tmp_path: Path) -> None:
    folder = await run_plan(request(tmp_path, DRAFT.ordered(4), purpose=RunPurpose.OPEN))
    assert folder.manifest.purpose is RunPurpose.EXPLORATORY
    assert (folder.manifest.nonce, folder.manifest.seed) == ("", 4)
    assert not has_derived_order(folder.manifest)


async def test_a_resumed_run_keeps_its_order_and_asks_for_no_other_nonce(tmp_path: Path) -> None:
    def never(digest: str) -> Nonce:
        raise AssertionError("a second nonce")

    asked = request(tmp_path, DRAFT, draw_nonce=lambda _: Nonce(NONCE))
    begun = begin_run(asked)
    assert is_active(begun.folder.path)
    begun.lock.release()
    assert not is_active(begun.folder.path)
    done = await resume_run(begun.folder.path, replace(asked, draw_nonce=never))
    assert done.status.recorded == len(DRAFT) == 24
    assert done.status.sessions == 1
    undisturbed = begin_run(request(tmp_path / "b", DRAFT, draw_nonce=lambda _: Nonce(NONCE)))
    await run_begun(undisturbed, asked)


def test_what_a_kill_leaves_before_there_is_an_order_is_no_run(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def killed(digest: str) -> Nonce:
        raise Killed

    target = FakeTarget()
    with pytest.raises(Killed):
        begin_run(request(tmp_path, DRAFT, draw_nonce=killed, target=target))
    assert list(tmp_path.iterdir()) == [], "an orderly end leaves nothing"
    left = tmp_path / "20260101T000000Z-aaaaaa"
    left.mkdir()
    (left / DRAFT_NAME).write_text(json.dumps({}))
    with pytest.raises(InputError, match="start a new run"):
        RunFolder.open(left)
    assert target.calls == 0


def test_a_nonce_that_does_not_come_says_that_nothing_was_called(tmp_path: Path) -> None:
    def silent(digest: str) -> Nonce:
        raise InfrastructureError("no answer")

    with pytest.raises(InfrastructureError, match="start the run again"):
        begin_run(request(tmp_path, DRAFT, draw_nonce=silent))
    assert list(tmp_path.iterdir()) == []


def test_one_case_of_each_family_is_tried_with_all_its_repeats() -> None:
    draft = PlanDraft(cases(40, families=7), repeats=3, one_per_family=True)
    chosen = set()
    for seed in range(30):
        plan = draft.ordered(seed)
        assert len(plan) == len(draft) == 21
        tried = {plan.cases[index].id for index in plan.case_index}
        assert len({plan.cases[index].family for index in plan.case_index}) == len(tried) == 7
        assert sorted(plan.repeat.tolist()) == sorted([0, 1, 2] * 7)
        chosen |= tried
    assert len(chosen) > 30, "another member each time"
    with pytest.raises(InputError, match="one number"):
        PlanDraft(cases(3), repeats={"suite": 2}, one_per_family=True)
