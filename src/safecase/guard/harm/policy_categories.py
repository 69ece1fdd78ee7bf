"""Attacks on people in an answer, by category, with thresholds of their own for each segment of users."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from safecase.base import JsonValue, Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard._scorer_check import ScorerCheck
from safecase.model import BuildContext, CheckResult, FlowPoint
from safecase.scorers import ToxicityCategory, build_scorer


class PolicyParameters(Record):
    """Which categories count and from which severity, in general and for a segment."""

    categories: tuple[ToxicityCategory, ...] = ("hate", "dehumanise", "threat", "harassment", "slur")
    threshold: float = Field(default=0.5, gt=0, le=1)
    segments: dict[str, float] = {}
    """Segment → its own threshold; lower is stricter."""
    quotations: Literal["ignored", "counted"] = "ignored"
    action: Literal["block", "flag", "require_approval"] = "block"


@CHECKS.register("policy_categories", version="1", parameters=PolicyParameters)
class PolicyCheck(Registered):
    """The toxicity lexicon as a check; a scorer for each threshold that is in use."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT, FlowPoint.USER_INPUT})
    windowed = True
    holdback = 0

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
                    BuildContext(),
                ),
                action=parameters.action,
            )
            for threshold in thresholds
        }
        self.version = f"{self.version}-{next(iter(self._checks.values())).version}"

    def inspect(self, content: Content) -> CheckResult:
        """The worst sentence against the threshold of the content's segment."""
        return self._checks[self._segments.get(content.segment, self._default)].inspect(content)
