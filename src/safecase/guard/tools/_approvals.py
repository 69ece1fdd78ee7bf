"""Asking a person: a queue of calls that wait for a yes, bound to the exact call, with an end.

Nobody's answer is a no: what expires is denied. An approval is good for one call with these very arguments.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from safecase.base import InputError, Record, digest
from safecase.model import ToolCall


class ApprovalState(StrEnum):
    """Where a request for approval stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"


class ApprovalRequest(Record):
    """One call that waits for a person."""

    id: str
    session: str
    tool: str
    call_digest: str
    reason: str
    asked_at: float
    expires_at: float
    state: ApprovalState = ApprovalState.WAITING
    decided_by: str = ""


def call_digest(call: ToolCall) -> str:
    """What an approval is bound to: the tool and its arguments, whatever the call's id."""
    return digest({"name": call.name, "arguments": call.arguments, "text": call.arguments_text})


class ApprovalQueue:
    """Requests for approval. Safe to use from many threads; decisions wake everybody who waits."""

    def __init__(
        self, *, seconds: float = 300.0, maximum: int = 10_000, clock: Callable[[], float] = time.time
    ) -> None:
        self._seconds = seconds
        self._maximum = maximum
        self._clock = clock
        self._changed = threading.Condition()
        self._requests: dict[str, ApprovalRequest] = {}

    def ask(self, call: ToolCall, *, session: str, reason: str) -> ApprovalRequest:
        """Put a call into the queue. Raises InputError where too many wait already: a flood is no consent."""
        now = self._clock()
        with self._changed:
            self._expire(now)
            waiting = [r for r in self._requests.values() if r.state is ApprovalState.WAITING]
            for request in waiting:
                if request.session == session and request.call_digest == call_digest(call):
                    return request
            if len(waiting) >= self._maximum:
                raise InputError("too many calls wait for approval")
            made = ApprovalRequest(
                id=secrets.token_urlsafe(12), session=session, tool=call.name, call_digest=call_digest(call),
                reason=reason, asked_at=now, expires_at=now + self._seconds,
            )  # fmt: skip
            self._requests[made.id] = made
            self._trim()
            self._changed.notify_all()
            return made

    def waiting(self) -> tuple[ApprovalRequest, ...]:
        """What waits now, the oldest first."""
        with self._changed:
            self._expire(self._clock())
            return tuple(r for r in self._requests.values() if r.state is ApprovalState.WAITING)

    def decide(self, request_id: str, *, approve: bool, by: str) -> ApprovalRequest:
        """A person's answer. Raises InputError for requests that are unknown or no longer wait."""
        if not by.strip():
            raise InputError("an approval needs the name of who gives it")
        with self._changed:
            self._expire(self._clock())
            request = self._requests.get(request_id)
            if request is None:
                raise InputError("there is no such request for approval")
            if request.state is not ApprovalState.WAITING:
                raise InputError(f"the request is {request.state.value} already")
            state = ApprovalState.APPROVED if approve else ApprovalState.DENIED
            made = request.model_copy(update={"state": state, "decided_by": by})
            self._requests[request_id] = made
            self._changed.notify_all()
            return made

    def use(self, call: ToolCall, *, session: str) -> ApprovalRequest | None:
        """Take up the approval of exactly this call in this session; a second time there is none."""
        wanted = call_digest(call)
        with self._changed:
            self._expire(self._clock())
            for request in self._requests.values():
                if (
                    request.state is ApprovalState.APPROVED
                    and request.session == session
                    and request.call_digest == wanted
                ):
                    used = request.model_copy(update={"state": ApprovalState.USED})
                    self._requests[request.id] = used
                    return used
        return None

    def wait(self, request_id: str, *, poll_seconds: float = 0.5) -> ApprovalRequest:
        """Block until the request is decided or expires."""
        with self._changed:
            while True:
                self._expire(self._clock())
                request = self._requests.get(request_id)
                if request is None:
                    raise InputError("there is no such request for approval")
                if request.state is not ApprovalState.WAITING:
                    return request
                left = request.expires_at - self._clock()
                self._changed.wait(max(0.001, min(left, poll_seconds)))

    def _expire(self, now: float) -> None:
        for request in list(self._requests.values()):
            open_ = request.state in (ApprovalState.WAITING, ApprovalState.APPROVED)
            if open_ and now >= request.expires_at:
                self._requests[request.id] = request.model_copy(update={"state": ApprovalState.EXPIRED})

    def _trim(self) -> None:
        """Drop the oldest requests that nobody waits for, beyond four times what may wait."""
        over = len(self._requests) - 4 * self._maximum
        for key in [k for k, r in self._requests.items() if r.state is not ApprovalState.WAITING][
            : max(0, over)
        ]:
            del self._requests[key]
