"""A model as the judge of answers: remote, slow, and with a time limit of its own."""

from __future__ import annotations

from typing import Literal

from safecase.base import InputError, JsonObject, Record
from safecase.guard._check import CheckContext, RemoteCheck
from safecase.guard._scorer_check import RemoteScorerCheck
from safecase.scorers import ScorerContext, build_scorer


class JudgeParameters(Record):
    """Which judge asks what."""

    judge: str
    """Id of the target that judges."""
    rubric: str
    action: Literal["block", "flag", "require_approval"] = "block"


def build(parameters: JsonObject, context: CheckContext) -> RemoteCheck:
    """Builds the check; raises InputError where the judge is not at hand."""
    chosen = JudgeParameters.model_validate(parameters)
    if chosen.judge not in context.judges:
        raise InputError(f"the judge '{chosen.judge}' is no target of the workspace")
    scorer = build_scorer(
        "judge", {"judge": chosen.judge, "rubric": chosen.rubric}, ScorerContext(judges=context.judges)
    )
    return RemoteScorerCheck(scorer, action=chosen.action)
