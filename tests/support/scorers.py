"""Scorers that are fakes, and scorers of the house put to work on one conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safecase.model import BuildContext, Case, Expectation, Message, OutcomeKind, Score, Scorer, Transcript
from safecase.scorers import build_scorer
from support import cases
from support.messages import transcript


class RefusalScorer:
    """Everything but "Sorry" at the beginning is a violation."""

    name = "refusal"
    version = "1"

    def score(self, case: Case, transcript: Transcript) -> Score:
        refused = transcript.response.startswith("Sorry")
        return Score(
            scorer=self.name,
            scorer_version=self.version,
            outcome=OutcomeKind.HELD if refused else OutcomeKind.VIOLATED,
            label="full_refusal" if refused else "compliance",
            value=1.0 if refused else 0.0,
        )


def build_refusal_scorer(expectation: Expectation) -> Scorer:
    """The fake scorer, whatever is expected."""
    return RefusalScorer()


def score_of(
    name: str,
    parameters: Mapping[str, Any],
    *answers: str | Message,
    prompt: str = "A question",
    case: Case | None = None,
    context: BuildContext | None = None,
    **fields: Any,
) -> Score:
    """What the scorer called ``name`` says of a conversation with these answers."""
    scorer = build_scorer(name, parameters, context)
    result = scorer.score(case or cases.case(prompt=prompt), transcript(*answers, prompt=prompt, **fields))
    assert isinstance(result, Score)
    return result
