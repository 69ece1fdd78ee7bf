"""The tool policy as a check of the guard's pipeline."""

from __future__ import annotations

from safecase.base import InputError, Record
from safecase.guard._check import Check
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard.injection.injection import inside
from safecase.guard.tools._declaration import ToolPolicyFile, read_tool_policy
from safecase.guard.tools._policy import ToolPolicy, track_conversation
from safecase.model import BuildContext, CheckResult, FlowPoint, GuardAction, TextSpan

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


@CHECKS.register("tool_policy", version=VERSION, parameters=ToolPolicyParameters)
def build(parameters: ToolPolicyParameters, context: BuildContext) -> Check:
    """Builds the check; raises InputError for policies that do not read, with their place."""
    if (parameters.policy is None) == (not parameters.file):
        raise InputError("needs either 'file' or 'policy'")
    where = parameters.file or "tool policy"
    file = parameters.policy or read_tool_policy(inside(context.root, parameters.file))
    return ToolPolicyCheck(ToolPolicy(file, where=where), journey=parameters.journey)
