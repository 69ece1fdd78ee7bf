"""Attacks on people in an answer, by category, with thresholds of their own for each segment of users."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from safecase.base import JsonObject, JsonValue, Record
from safecase.guard._check import Check, CheckContext
from safecase.guard._content import Content
from safecase.guard._scorer_check import ScorerCheck
from safecase.model import CheckResult, FlowPoint
from safecase.scorers import ScorerContext, ToxicityCategory, build_scorer

VERSION = "1"


class PolicyParameters(Record):
    """Which categories count and from which severity, in general and for a segment."""

    categories: tuple[ToxicityCategory, ...] = ("hate", "dehumanise", "threat", "harassment", "slur")
    threshold: float = Field(default=0.5, gt=0, le=1)
    segments: dict[str, float] = {}
    """Segment → its own threshold; lower is stricter."""
    quotations: Literal["ignored", "counted"] = "ignored"
    action: Literal["block", "flag", "require_approval"] = "block"


class PolicyCheck:
    """The toxicity lexicon as a check; a scorer for each threshold that is in use."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT, FlowPoint.USER_INPUT})
    windowed = True

    def __init__(self, parameters: PolicyParameters) -> None:
        self._default = parameters.threshold
        self._segments = parameters.segments
        thresholds = {parameters.threshold, *parameters.segments.values()}
        self._checks = {
            threshold: ScorerCheck(
                build_scorer(
                    "toxicity",
                    {
                        "categories": list[JsonValue](parameters.categories),
                        "threshold": threshold,
                        "quotations": parameters.quotations,
                    },
                    ScorerContext(),
                ),
                action=parameters.action,
            )
            for threshold in thresholds
        }
        self.version = f"{VERSION}-{next(iter(self._checks.values())).version}"

    def inspect(self, content: Content) -> CheckResult:
        """The worst sentence against the threshold of the content's segment."""
        return self._checks[self._segments.get(content.segment, self._default)].inspect(content)


def build(parameters: JsonObject, context: CheckContext) -> Check:
    """Builds the check."""
    del context
    return PolicyCheck(PolicyParameters.model_validate(parameters))
