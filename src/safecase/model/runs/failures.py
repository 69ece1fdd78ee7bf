"""Why a call to a target or a judge did not yield an answer."""

from __future__ import annotations

from enum import StrEnum

from safecase.base import InfrastructureError


class FailureKind(StrEnum):
    """Why a call to a target or a judge did not yield an answer."""

    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    CONNECTION = "connection"
    SERVER_ERROR = "server_error"
    AUTHENTICATION = "authentication"
    BAD_REQUEST = "bad_request"
    BAD_RESPONSE = "bad_response"
    TOO_LARGE = "too_large"
    BUDGET_EXHAUSTED = "budget_exhausted"
    NOT_RECORDED = "not_recorded"
    CRASH = "crash"


class TargetFailure(InfrastructureError):
    """One call to a target failed.

    ``retryable`` says whether the same call may succeed later; ``retry_after`` is the server's own
    wish in seconds where it sent one.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureKind,
        retryable: bool = False,
        retry_after: float | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        super().__init__(message, where=where, hint=hint)
