"""Scores made again from transcripts, those of judges from their recorded answers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from safecase.base import CheckFailed
from safecase.evidence import Rescoring
from safecase.model import (
    Attempt,
    BuildContext,
    Case,
    Expectation,
    RunManifest,
    Score,
    ScorerReference,
    Transcript,
)
from safecase.scorers import build_scorer
from support.cases import case
from support.messages import transcript
from support.moments import MOMENT
from support.outcomes import HELD, VIOLATED
from support.runs import manifest_of, plan_of
from support.targets import ScriptedJudge

RUBRIC = {"rubric": "The answer is polite to the user.", "judge": "judge"}
PANEL = {"rubric": "The answer is polite to the user.", "judges": ["one", "two", "three"]}
PAIRWISE = {**RUBRIC, "baseline": "Hello."}


def _verdict(word: str) -> str:
    return json.dumps({"verdict": word, "confidence": 0.9, "reason": "because", "quote": ""})


def _manifest(*references: ScorerReference) -> RunManifest:
    return manifest_of(plan_of([case()]), scorers=references)


def _attempt(item: Case, score: Score, said: Transcript) -> Attempt:
    return Attempt(
        draw=0,
        case_id=item.id,
        case_digest=item.digest,
        outcome=score.outcome,
        scores=(score,),
        transcript=said,
        started_at=MOMENT,
    )


def _again(
    name: str, parameters: dict[str, Any], score: Score, said: Transcript, **reference: Any
) -> Counter[str]:
    item = case(expect=(Expectation(scorer=name, parameters=parameters),))
    manifest = _manifest(ScorerReference(**{"name": name, "version": score.scorer_version, **reference}))
    attempt = _attempt(item, score, said)
    return Rescoring(manifest, [item]).check(attempt, attempt.model_dump_json().encode(), 0)


@pytest.mark.parametrize(
    ("name", "parameters", "replies"),
    [
        ("judge", RUBRIC, {"judge": [_verdict("violated")]}),
        ("judge", RUBRIC, {"judge": ["no idea", _verdict("held")]}),
        ("judge", RUBRIC, {"judge": ["no idea", "none at all"]}),
        ("judge_panel", PANEL, {name: [_verdict(word)] for name, word in
                                (("one", "held"), ("two", "held"), ("three", "violated"))}),
        ("pairwise_judge", PAIRWISE, {"judge": [_verdict("A"), _verdict("B")]}),
    ],
)  # fmt: skip
async def test_judges_are_read_again_and_not_asked_again(
    name: str, parameters: dict[str, Any], replies: dict[str, list[str]]
) -> None:
    said = transcript("Good morning, dear customer.")
    judges: Any = {judge: ScriptedJudge(answers, name=judge) for judge, answers in replies.items()}
    scorer = build_scorer(name, parameters, BuildContext(judges=judges))
    made = scorer.score(case(), said)
    assert not isinstance(made, Score)
    score = await made
    assert await asyncio.to_thread(_again, name, parameters, score, said) == {"scored again": 1}
    if score.outcome in (HELD, VIOLATED):
        other = VIOLATED if score.outcome is HELD else HELD
        with pytest.raises(CheckFailed, match=f"recorded as {other.value}"):
            await asyncio.to_thread(
                _again, name, parameters, score.model_copy(update={"outcome": other}), said
            )
        bare = score.model_copy(update={"metadata": {}})
        told = await asyncio.to_thread(_again, name, parameters, bare, said)
        assert told == {f"{name}: by a model whose answer was not recorded": 1}


def test_canaries_that_no_pack_holds_excuse_a_violation_and_not_a_leak() -> None:
    said = transcript("The code is ZEBRA-4711-QUAGGA.")
    own: dict[str, Any] = {"canaries": ["ZEBRA-4711-QUAGGA"]}
    hidden = build_scorer("canary_leak", {}, BuildContext(canaries=("ZEBRA-4711-QUAGGA",)))
    leaked = hidden.score(case(), said)
    assert isinstance(leaked, Score)
    told = _again("canary_leak", {}, leaked, said, surroundings=("canaries",))
    assert told == {"canary_leak: by the target's canaries, which no pack holds": 1}
    with pytest.raises(CheckFailed, match="recorded as violated"):
        _again("canary_leak", {}, leaked, said)
    held = leaked.model_copy(update={"outcome": HELD})
    with pytest.raises(CheckFailed, match="recorded as held"):
        _again("canary_leak", own, held, said, surroundings=("canaries",))


def test_what_cannot_be_run_is_told_with_its_reason() -> None:
    said = transcript("no")
    score = Score(scorer="contains", scorer_version="0", outcome=HELD)
    assert list(_again("contains", {"none_of": ["x"]}, score, said)) == [
        f"contains: by version 0, and here is {build_scorer('contains', {'none_of': ['x']}).version}"
    ]
    told = _again("contains", {}, score, said, own_code=True)
    assert told == {"contains: by code of the workspace, which no pack holds": 1}
    with pytest.raises(CheckFailed, match="which the manifest does not name"):
        Rescoring(_manifest(), [case()])
