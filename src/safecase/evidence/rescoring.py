"""Every answer of a run scored again, from its transcript, by the scorers that its case asks for.

A rule needs nothing but the transcript. A judge's answers stand in the score, and are read again by the code
that read them first. What cannot be scored again is counted with its reason, never passed over: code of the
workspace (it is not in a pack, and nobody runs a stranger's code to check it), a scorer of another version,
what rests on the secrets of the target, and what rests on text that is masked in the pack.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safecase.base import CheckFailed, SafecaseError, canonical_json
from safecase.model import (
    Attempt,
    BuildContext,
    Case,
    CaseSource,
    Expectation,
    OutcomeKind,
    RunManifest,
    Score,
    Scorer,
    ScorerReference,
    Transcript,
)
from safecase.scorers import RecordedJudges, build_scorer, recorded_replies
from safecase_verify import SCORED_AGAIN

_MASK = b"[redacted:"
_REPLACED = "\ufffd".encode()
"""What stands for a lone surrogate, which no file can hold: the scorer saw something else there."""
_ADD_NOTHING = frozenset({"contains", "canary_leak"})
"""Scorers that look for given texts: what they find beside a mask stood there without it too."""


class _Surroundings(BuildContext):
    """The surroundings without the target's secrets; notes which of them a scorer reads as it is built."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("canaries", "system_prompt"):
            object.__getattribute__(self, "__dict__").setdefault("_read", set()).add(name)
        return super().__getattribute__(name)

    @property
    def read(self) -> frozenset[str]:
        """What was read so far."""
        return frozenset(self.__dict__.get("_read", ()))


@dataclass
class _Prepared:
    """The scorer behind one expectation, or why it cannot be run."""

    name: str
    """What its scores are signed with."""
    version: str
    reason: str = ""
    scorer: Scorer | None = None
    judges: RecordedJudges | None = None
    lacks: frozenset[str] = field(default_factory=frozenset)
    """Secrets of the target that it reads, and that the target had."""
    judged: bool = False


class Rescoring:
    """Scores the attempts of a packed run again. Built before the work is shared out among processes."""

    def __init__(self, manifest: RunManifest, cases: Sequence[Case]) -> None:
        """Raises CheckFailed where a case asks for a scorer that the manifest does not name."""
        self._cases = cases
        self._manifest = manifest
        self._references = {item.name: item for item in manifest.scorers}
        self._prepared: dict[bytes, _Prepared] = {}
        self._of_case: list[tuple[_Prepared, ...]] = []
        shared: dict[bytes, tuple[_Prepared, ...]] = {}
        for case in cases:
            key = canonical_json([(item.scorer, item.parameters) for item in case.expect])
            if key not in shared:
                shared[key] = tuple(self._prepare(item) for item in case.expect)
            self._of_case.append(shared[key])
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self, attempt: Attempt, line: bytes, case_index: int) -> Counter[str]:
        """Score one attempt again; what came of it, counted by reason.

        ``line`` is the attempt as the pack has it. Raises CheckFailed, without its place, where a score is
        not what its scorer says of this transcript.
        """
        found: Counter[str] = Counter()
        if not attempt.scores:
            return found
        case, prepared = self._cases[case_index], self._of_case[case_index]
        asked = [(item.name, item.version) for item in prepared]
        told = [(score.scorer, score.scorer_version) for score in attempt.scores]
        if [name for name, _ in asked] != [name for name, _ in told]:
            names = ", ".join(name for name, _ in asked)
            raise CheckFailed(f"this attempt was not scored by what its case asks for ({names})")
        touched = _MASK in line or _REPLACED in line
        masked_case = case.source is CaseSource.PRODUCTION
        for item, score, (name, version) in zip(prepared, attempt.scores, told, strict=True):
            if item.version and version != item.version:
                raise CheckFailed(f"this score is by {name} {version}, and the manifest names {item.version}")
            found[self._again(item, case, attempt.transcript, score, touched or masked_case)] += 1
        return found

    def _prepare(self, expectation: Expectation) -> _Prepared:
        reference = self._references.get(expectation.scorer)
        if reference is None:
            raise CheckFailed(
                f"a case asks for the scorer {expectation.scorer}, which the manifest does not name",
                where="run/manifest.json",
            )
        if reference.own_code:
            return _Prepared(
                reference.name, reference.version, "by code of the workspace, which no pack holds"
            )
        return self._built(reference, expectation)

    def _built(self, reference: ScorerReference, expectation: Expectation) -> _Prepared:
        kind = reference.kind or reference.name
        parameters = {**reference.parameters, **expectation.parameters}
        several = parameters.get("judges")
        names = [parameters.get("judge"), *(several if isinstance(several, (list, tuple)) else ())]
        judges = RecordedJudges([str(name) for name in names if name])
        model = self._manifest.target_fingerprint.get("model", "")
        context = _Surroundings(root=Path("/nonexistent"), judges=judges, target_model=model)
        prepared = _Prepared(kind, reference.version)
        try:
            scorer = build_scorer(kind, parameters, context)
        except SafecaseError as error:
            prepared.reason = f"by a scorer that cannot be built here ({error.message[:120]})"
            return prepared
        prepared.name = scorer.name
        if scorer.version != reference.version:
            prepared.reason = f"by version {reference.version}, and here is {scorer.version}"
        prepared.scorer, prepared.judges = scorer, judges
        prepared.judged = inspect.iscoroutinefunction(scorer.score)
        prepared.lacks = context.read & frozenset(reference.surroundings)
        return prepared

    def _again(self, item: _Prepared, case: Case, transcript: Transcript, score: Score, touched: bool) -> str:
        """The reason why a score was not made again, or `SCORED_AGAIN`."""
        if item.scorer is None or item.reason:
            return f"{item.name}: {item.reason}"
        if score.outcome is OutcomeKind.ERROR:
            return f"{item.name}: ended in an error of the scorer"
        if item.judged and not recorded_replies(score) and score.outcome in _VERDICTS:
            return f"{item.name}: by a model whose answer was not recorded"
        found = self._score(item, case, transcript, score)
        if found is not None and _same(found, score):
            return SCORED_AGAIN
        outcome = found.outcome if found is not None else None
        shown = outcome is OutcomeKind.VIOLATED and score.outcome is not OutcomeKind.VIOLATED
        if touched:
            if outcome is score.outcome:
                return SCORED_AGAIN
            if not (
                shown and item.scorer.name in _ADD_NOTHING and found is not None and _beside_masks(found)
            ):
                return f"{item.name}: on text that is masked in the pack, recorded as {score.outcome.value}"
        elif item.lacks and not shown:
            if outcome is score.outcome:
                return SCORED_AGAIN
            lacking = " and ".join(sorted(item.lacks)).replace("_", " ")
            return f"{item.name}: by the target's {lacking}, which no pack holds"
        said = f"{found.outcome.value}: {found.explanation}" if found is not None else "that it fails"
        if outcome is score.outcome:
            said = f"{said} (label '{found.label}')" if found is not None else said
            raise CheckFailed(
                f"the score of {item.name} is not what it says of this transcript, {said[:300]}"
            )
        raise CheckFailed(
            f"recorded as {score.outcome.value}, but {item.name} {item.version} says of this transcript "
            f"{said[:300]}"
        )

    def _score(self, item: _Prepared, case: Case, transcript: Transcript, score: Score) -> Score | None:
        """What the scorer says now; None where it raises."""
        if item.scorer is None:
            return None
        try:
            if item.judges is not None:
                item.judges.play(score)
            result = item.scorer.score(case, transcript)
            if not isinstance(result, Score):
                self._loop = self._loop or asyncio.new_event_loop()
                result = self._loop.run_until_complete(_awaited(result))
        except Exception:  # noqa: BLE001 - a hostile transcript may break a scorer; then it confirms nothing
            return None
        return result


_VERDICTS = (OutcomeKind.HELD, OutcomeKind.VIOLATED)


async def _awaited(result: Any) -> Score:
    found: Score = await result
    return found


def _same(found: Score, score: Score) -> bool:
    """Whether two scores say the same; what a judge cost is told by nobody but the provider."""
    wanted = score.model_copy(update={"usage": None})
    mine = found.model_copy(update={"usage": None})
    return mine == wanted or mine.model_dump(mode="json") == wanted.model_dump(mode="json")


def _beside_masks(found: Score) -> bool:
    """Whether what a scorer found is text in which nothing is masked."""
    return bool(found.evidence) and all(
        span.start >= 0 and _MASK.decode() not in span.text for span in found.evidence
    )
