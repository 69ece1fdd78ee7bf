"""Does the answer say more than the documents? Claims, numbers, names and citations, without any model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from safecase.base import JsonObject, Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard._scorer_check import ScorerCheck, invert_score
from safecase.model import BuildContext, CheckResult, FlowPoint, GuardAction
from safecase.scorers import AnswerKind, build_scorer, classify_answer


class GroundednessParameters(Record):
    """How much must be covered."""

    threshold: float = Field(default=0.75, gt=0, le=1)
    """Share of the claims that the documents must support."""
    claim_coverage: float = Field(default=0.55, gt=0, le=1)
    citations: Literal["required", "checked", "ignored"] = "checked"
    action: Literal["block", "flag", "require_approval"] = "flag"


@CHECKS.register("groundedness", version="3", parameters=GroundednessParameters)
class GroundednessCheck(Registered):
    """Claim coverage against the documents of the turn; nothing is said where there are none."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(self, parameters: GroundednessParameters) -> None:
        settings: JsonObject = {
            "threshold": parameters.threshold,
            "claim_coverage": parameters.claim_coverage,
            "citations": parameters.citations,
        }
        scorer = build_scorer("grounding", settings, BuildContext())
        self._check = ScorerCheck(scorer, action=parameters.action)
        self.version = f"{self.version}-{self._check.version}"

    def inspect(self, content: Content) -> CheckResult:
        """How little the documents carry the claims as the score, with the unsupported claims as evidence."""
        if not content.documents:
            return CheckResult()
        found = self._check.inspect(content)
        if found.action is not GuardAction.ALLOW and _declines(content):
            # Who declines claims nothing that a document could carry.
            return CheckResult(score=0.0)
        return invert_score(found)


def _declines(content: Content) -> bool:
    """Whether the answer claims nothing, because it refuses."""
    return (
        bool(content.text.strip())
        and classify_answer(content.asked, content.text).kind is AnswerKind.FULL_REFUSAL
    )
