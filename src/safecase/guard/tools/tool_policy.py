"""The tool policy as a check of the guard's pipeline."""

from __future__ import annotations

from safecase.base import InputError, JsonObject, Record
from safecase.guard._check import Check, CheckContext
from safecase.guard._content import Content
from safecase.guard.injection.injection import inside
from safecase.guard.tools._declaration import ToolPolicyFile, read_tool_policy
from safecase.guard.tools._policy import ToolPolicy, track_conversation
from safecase.model import CheckResult, FlowPoint, GuardAction, TextSpan

VERSION = "1"


class ToolPolicyParameters(Record):
    """Where the policy stands, and which journey the agent is on."""

    file: str = ""
    """Policy file, relative to the workspace."""
    policy: ToolPolicyFile | None = None
    """Or the policy itself."""
    journey: str = "default"


class ToolPolicyCheck:
    """Decides on each call by what was said and read before it."""

    surfaces = frozenset({FlowPoint.TOOL_CALL})

    def __init__(self, policy: ToolPolicy, *, journey: str = "default") -> None:
        if journey not in policy.journeys:
            raise InputError(f"the policy has no journey '{journey}'", hint=", ".join(policy.journeys))
        self.policy = policy
        self.journey = journey
        self.version = VERSION

    def inspect(self, content: Content) -> CheckResult:
        """Allow, ask a person, or block; the policies that decided stand in the details."""
        if content.tool_call is None:
            return CheckResult(GuardAction.BLOCK, None, "this is no tool call")
        tracker, request = track_conversation(self.policy.tools, content.conversation, content.documents)
        decision = self.policy.decide(
            content.tool_call, tracker, request=request, journey=self.journey, session=content.session
        )
        if decision.action is GuardAction.ALLOW:
            return CheckResult(details=decision.to_json())
        return CheckResult(
            decision.action,
            None,
            f"tool policy: {decision.reason}",
            (TextSpan(0, len(content.text), "tool_call"),),
            details=decision.to_json(),
        )


def build(parameters: JsonObject, context: CheckContext) -> Check:
    """Builds the check; raises InputError for policies that do not read, with their place."""
    chosen = ToolPolicyParameters.model_validate(parameters)
    if (chosen.policy is None) == (not chosen.file):
        raise InputError("needs either 'file' or 'policy'")
    where = chosen.file or "tool policy"
    file = chosen.policy or read_tool_policy(inside(context.root, chosen.file))
    return ToolPolicyCheck(ToolPolicy(file, where=where), journey=chosen.journey)
