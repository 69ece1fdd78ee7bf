"""From a transcript to scores: the scorers of a run, and what becomes of their mistakes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence

from safecase.base import canonical_json
from safecase.model import (
    AttemptError,
    Case,
    ErrorOrigin,
    Expectation,
    FailureKind,
    OutcomeKind,
    Score,
    Scorer,
    TargetFailure,
    Transcript,
)

ScorerBuilder = Callable[[Expectation], Scorer]
"""Builds the scorer of an expectation; called once per distinct (scorer, parameters)."""

# A judge that hangs must not hold a run for ever; five minutes are more than any model takes to answer.
_JUDGE_TIMEOUT_SECONDS = 300.0
# What a scorer says of its own failure goes into every record: enough to find the fault, not a whole page.
_LONGEST_MESSAGE = 500


class ScorerSet:
    """The scorers of a run, each built once. Raises what the builder raises (InputError), before any call."""

    def __init__(self, cases: Sequence[Case], build: ScorerBuilder, *, concurrency: int = 32) -> None:
        """``concurrency``: asynchronous scorers (judges) at work at once."""
        self._scorers: dict[bytes, Scorer] = {}
        self._of_case: list[tuple[Scorer, ...]] = []
        self._slots = asyncio.Semaphore(concurrency)
        shared: dict[tuple[bytes, ...], tuple[Scorer, ...]] = {}
        for case in cases:
            keys = tuple(canonical_json((item.scorer, item.parameters)) for item in case.expect)
            if keys not in shared:
                for key, expectation in zip(keys, case.expect, strict=True):
                    if key not in self._scorers:
                        self._scorers[key] = build(expectation)
                shared[keys] = tuple(self._scorers[key] for key in keys)
            self._of_case.append(shared[keys])
        asynchronous = any(inspect.iscoroutinefunction(scorer.score) for scorer in self._scorers.values())
        self.waiting = concurrency if asynchronous else 0
        """Attempts that may wait for a judge at once; 0 where no scorer is one."""

    async def score(
        self, case_index: int, case: Case, transcript: Transcript
    ) -> tuple[tuple[Score, ...], AttemptError | None]:
        """The scores of one attempt, in the order of the case's expectations, and the first error in them.

        A scorer that raises gives a score with outcome ``error``: its mistake spoils one score.
        """
        scores: list[Score] = []
        error: AttemptError | None = None
        for scorer in self._of_case[case_index]:
            try:
                result = scorer.score(case, transcript)
                if not isinstance(result, Score) and inspect.isawaitable(result):
                    async with self._slots, asyncio.timeout(_JUDGE_TIMEOUT_SECONDS):
                        result = await result
                if not isinstance(result, Score):
                    raise TypeError(f"returned {type(result).__name__} instead of a score")
                score = result
            except Exception as problem:  # noqa: BLE001  a scorer's mistake spoils one score, never the run
                text = f"scorer {scorer.name}: {type(problem).__name__}: {str(problem)[:_LONGEST_MESSAGE]}"
                score = Score(
                    scorer=scorer.name,
                    scorer_version=scorer.version,
                    outcome=OutcomeKind.ERROR,
                    explanation=text,
                )
                kind = _failure_kind(problem)
                error = error or AttemptError(origin=ErrorOrigin.SCORER, kind=kind, message=text)
            if score.outcome is OutcomeKind.ERROR and error is None:
                text = score.explanation or f"scorer {scorer.name} reported an error"
                error = AttemptError(
                    origin=ErrorOrigin.SCORER,
                    kind=FailureKind.BAD_RESPONSE,
                    message=text[:_LONGEST_MESSAGE],
                )
            scores.append(score)
        return tuple(scores), error


def _failure_kind(problem: Exception) -> FailureKind:
    if isinstance(problem, TargetFailure):
        return problem.kind
    return FailureKind.TIMEOUT if isinstance(problem, TimeoutError) else FailureKind.CRASH
