"""A model as the judge of answers: remote, slow, and with a time limit of its own."""

from __future__ import annotations

from typing import Literal

from safecase.base import InputError, Record
from safecase.guard._check import RemoteCheck
from safecase.guard._registry import CHECKS
from safecase.guard._scorer_check import RemoteScorerCheck
from safecase.model import BuildContext
from safecase.scorers import build_scorer


class JudgeCheckParameters(Record):
    """Which judge asks what."""

    judge: str
    """Id of the target that judges."""
    rubric: str
    action: Literal["block", "flag", "require_approval"] = "block"


@CHECKS.register("judge", parameters=JudgeCheckParameters)
def build(parameters: JudgeCheckParameters, context: BuildContext) -> RemoteCheck:
    """Builds the check; raises InputError where the judge is not at hand."""
    if parameters.judge not in context.judges:
        raise InputError(f"the judge '{parameters.judge}' is no target of the workspace")
    scorer = build_scorer(
        "judge", {"judge": parameters.judge, "rubric": parameters.rubric}, BuildContext(judges=context.judges)
    )
    return RemoteScorerCheck(scorer, action=parameters.action)
