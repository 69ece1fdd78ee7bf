"""Attacks on people in an answer, by category, with thresholds of their own for each segment of users."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from safecase.guard.check import Check, CheckContext
from safecase.guard.content import Content
from safecase.guard.output.scorer_check import ScorerCheck
from safecase.model.base import Frozen, JsonObject, JsonValue
from safecase.model.guard import CheckResult, Surface
from safecase.scorers.registry import ScorerContext, build_scorer
from safecase.scorers.toxicity import Category

VERSION = "1"


class PolicyParameters(Frozen):
    """Which categories count and from which severity, in general and for a segment."""

    categories: tuple[Category, ...] = ("hate", "dehumanise", "threat", "harassment", "slur")
    threshold: float = Field(default=0.5, gt=0, le=1)
    segments: dict[str, float] = {}
    """Segment → its own threshold; lower is stricter."""
    quotations: Literal["ignored", "counted"] = "ignored"
    action: Literal["block", "flag", "require_approval"] = "block"


class PolicyCheck:
    """The toxicity lexicon as a check; a scorer for each threshold that is in use."""

    surfaces = frozenset({Surface.MODEL_OUTPUT, Surface.USER_INPUT})
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
