"""A model as the judge of answers: remote, slow, and with a time limit of its own."""

from __future__ import annotations

from typing import Literal

from safecase.guard.check import CheckContext, RemoteCheck
from safecase.guard.output.scorer_check import RemoteScorerCheck
from safecase.model.base import Frozen, JsonObject
from safecase.model.errors import InputError
from safecase.scorers.registry import ScorerContext, build_scorer


class JudgeParameters(Frozen):
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
