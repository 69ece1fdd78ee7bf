"""One agent's session at its tools: what it read, what was decided, what can be undone.

    session = ToolSession(policy, request="Pay the rent", approvals=queue)
    result = session.call(ToolCall(name="send_money", arguments={...}), send_money)

Every way in (decorator, OpenAI-style calls, MCP messages, LangChain tools: see `adapters`) ends here.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from safecase.base import CheckFailed, canonical_json
from safecase.guard.tools._approvals import ApprovalQueue, ApprovalRequest, ApprovalState
from safecase.guard.tools._conditions import failed_condition
from safecase.guard.tools._policy import ToolDecision, ToolPolicy, trust_of_result, vouch
from safecase.guard.tools._provenance import Provenance, ProvenanceTracker
from safecase.model import GuardAction, ToolCall


class ToolDenied(CheckFailed):
    """The policy, or a person, said no. The message is fit for the agent to read."""

    def __init__(self, decision: ToolDecision, reason: str = "") -> None:
        self.decision = decision
        super().__init__(f"the call of '{decision.tool}' is not allowed: {reason or decision.reason}")


class ApprovalNeeded(CheckFailed):
    """The call waits for a person: put it again once the request is approved."""

    def __init__(self, decision: ToolDecision, request: ApprovalRequest) -> None:
        self.decision = decision
        self.request = request
        super().__init__(f"the call of '{decision.tool}' waits for approval: {decision.reason}")


@dataclass(frozen=True)
class Done:
    """A call that was made and what it brought, for the way back."""

    call: ToolCall
    result: Any
    compensation: str


class ToolSession:
    """Gate, provenance and rollback journal of one session. Safe to use from many threads.

    ``wait``: block until a person decides; otherwise `ApprovalNeeded` is raised. ``dry_run``: decide and make
    no call. ``content_guard`` reads each result before the agent does and returns what it may read.
    """

    def __init__(
        self,
        policy: ToolPolicy,
        *,
        request: str = "",
        journey: str = "default",
        session: str = "session",
        approvals: ApprovalQueue | None = None,
        wait: bool = False,
        dry_run: bool = False,
        content_guard: Callable[[str], str] | None = None,
    ) -> None:
        self.policy = policy
        self.request = request
        self.journey = journey
        self.session = session
        self.approvals = approvals
        self.wait = wait
        self.dry_run = dry_run
        self._content_guard = content_guard
        self._lock = threading.RLock()
        self.tracker = ProvenanceTracker()
        self.decisions: list[tuple[ToolCall, ToolDecision]] = []
        self._done: list[Done] = []
        if request:
            self.tracker.add("the user's message", request, Provenance.USER)

    def user_says(self, text: str) -> None:
        """A further message of the user."""
        with self._lock:
            self.request = f"{self.request}\n{text}".strip()
            self.tracker.add("the user's message", text, Provenance.USER)

    def decide(self, call: ToolCall) -> ToolDecision:
        """Decide and make sure that a person agrees where that is asked for; raises `ToolDenied` or
        `ApprovalNeeded` otherwise."""
        with self._lock:
            asked = self.approvals is not None and not self.dry_run
            granted = self.approvals.use(call, session=self.session) if self.approvals and asked else None
            decision = self._decide(call, approved=granted is not None)
        if decision.action is GuardAction.ALLOW:
            return decision
        if decision.action is GuardAction.BLOCK or self.approvals is None:
            raise ToolDenied(decision)
        request = self.approvals.ask(call, session=self.session, reason=decision.reason)
        if not self.wait:
            raise ApprovalNeeded(decision, request)
        if self.approvals.wait(request.id).state is not ApprovalState.APPROVED:
            raise ToolDenied(decision, "nobody approved it in time, or a person said no")
        with self._lock:
            granted = self.approvals.use(call, session=self.session)
            decision = self._decide(call, approved=granted is not None)
        if decision.action is not GuardAction.ALLOW:
            raise ToolDenied(decision)
        return decision

    def _decide(self, call: ToolCall, *, approved: bool) -> ToolDecision:
        """The policy's decision, which is kept. An approval turns "ask a person" into "go ahead", no more."""
        decision = self.policy.decide(
            call, self.tracker, request=self.request, journey=self.journey, session=self.session,
            approved=approved, dry_run=self.dry_run,
        )  # fmt: skip
        self.decisions.append((call, decision))
        return decision

    def call(self, call: ToolCall, tool: Callable[..., Any]) -> Any:
        """Make the call if it may be made; returns its result as the agent may read it.

        In a dry run the tool is not called and None is returned.
        """
        self.decide(call)
        if self.dry_run:
            return None
        try:
            result = tool(**call.arguments)
        except Exception as error:
            self._failed(call, error)
            raise
        return self._finished(call, result)

    async def call_async(self, call: ToolCall, tool: Callable[..., Awaitable[Any]]) -> Any:
        """The same for a tool that is awaited."""
        import asyncio

        await asyncio.to_thread(self.decide, call)
        if self.dry_run:
            return None
        try:
            result = await tool(**call.arguments)
        except Exception as error:
            self._failed(call, error)
            raise
        return self._finished(call, result)

    def _failed(self, call: ToolCall, error: Exception) -> None:
        """The agent will read what an error says: it is somebody's text."""
        with self._lock:
            self.tracker.add(f"the error of {call.name}", str(error), Provenance.TAINTED)

    def _finished(self, call: ToolCall, result: Any) -> Any:
        """Note a result and what it vouches for; then hold it against the postconditions and the content
        guard."""
        tool = self.policy.tools[call.name]
        text = result if isinstance(result, str) else canonical_json(result).decode("utf-8", "replace")
        with self._lock:
            self._done.append(Done(call, result, tool.compensation))
            label = f"the result of {call.name}"
            vouch(self.tracker, tool, call, label, text)
            self.tracker.add(label, text, trust_of_result(tool, call, self.tracker))
        failed = failed_condition(tool.postconditions, result)
        if failed:
            raise CheckFailed(f"'{call.name}' was called, and its result is not as it must be: {failed}")
        if self._content_guard is None:
            return result
        read = self._content_guard(text)
        return result if read == text else read

    def roll_back(self, tools: Mapping[str, Callable[..., Any]]) -> list[str]:
        """Undo what can be undone, the last first; returns the names of the calls that could not be.

        A compensating tool gets the arguments of the call and its ``result``. It is not held to the policy:
        undoing must not wait for what made it necessary.
        """
        left = []
        with self._lock:
            done, self._done = self._done, []
        for item in reversed(done):
            undo = tools.get(item.compensation) if item.compensation else None
            if undo is None:
                if self.policy.tools[item.call.name].side_effects:
                    left.append(item.call.name)
                continue
            try:
                undo(**item.call.arguments, result=item.result)
            except Exception as error:  # noqa: BLE001 - one that cannot be undone must not keep the others from it.
                left.append(f"{item.call.name} ({type(error).__name__}: {error})")
        return left
