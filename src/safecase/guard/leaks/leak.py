"""Canaries and the system prompt in an answer: as they are, encoded, or in other words."""

from __future__ import annotations

from typing import Literal

from safecase.base import JsonObject, JsonValue, Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard._scorer_check import ScorerCheck
from safecase.model import BuildContext, CheckResult, FlowPoint
from safecase.scorers import build_scorer

_SPREAD = 8
"""Characters that a canary's letters may be spread over, each, and still be held back on a stream."""
_SHORTEST_HOLD = 160
"""Characters: about twice the run of twelve words that gives a copy of the system prompt away."""


class LeakParameters(Record):
    """What is protected; the workspace's own canaries and system prompt are added."""

    canaries: tuple[str, ...] = ()
    system_prompt: str = ""
    containment: float = 0.25
    """Share of the prompt's word sequences from which an answer counts as a leak."""
    paraphrase: float = 0.6
    action: Literal["block", "flag", "require_approval"] = "block"


@CHECKS.register("leak", version="1", parameters=LeakParameters)
class LeakCheck(Registered):
    """Both leak scorers behind one check."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})
    windowed = True

    def __init__(self, parameters: LeakParameters, context: BuildContext) -> None:
        canaries = tuple(dict.fromkeys((*parameters.canaries, *context.canaries)))
        prompt = parameters.system_prompt or context.system_prompt
        self._checks: list[ScorerCheck] = []
        if canaries:
            scorer = build_scorer(
                "canary_leak", {"canaries": list[JsonValue](canaries)}, BuildContext(canaries=canaries)
            )
            self._checks.append(ScorerCheck(scorer, action=parameters.action))
        settings: JsonObject = {
            "containment": parameters.containment, "paraphrase": parameters.paraphrase,
            "system_prompt": prompt,
        }  # fmt: skip
        scorer = build_scorer("system_prompt_leak", settings, BuildContext(system_prompt=prompt))
        self._checks.append(ScorerCheck(scorer, action=parameters.action))
        self.holdback = max([_SHORTEST_HOLD, *(_SPREAD * len(canary) for canary in canaries)])
        self.version = f"{self.version}-{'-'.join(check.version for check in self._checks)}"

    def inspect(self, content: Content) -> CheckResult:
        """The strictest of both."""
        results = [check.inspect(content) for check in self._checks]
        return max(results, key=lambda result: (result.action.strictness, result.score or 0.0))
