"""What can go wrong, as exceptions that carry their exit code and the words a person needs.

Exit codes of the product: 0 go / ok, 1 no-go / check failed, 2 usage or bad input,
3 insufficient evidence, 4 target or infrastructure failure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safecase.model.problem import Problem


class ExitCode(IntEnum):
    """The product's exit codes."""

    OK = 0
    CHECK_FAILED = 1
    BAD_INPUT = 2
    INSUFFICIENT_EVIDENCE = 3
    INFRASTRUCTURE = 4


class SafecaseError(Exception):
    """A failure that a person is told about in one message: what, where, what to do."""

    exit_code: ExitCode = ExitCode.BAD_INPUT

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(self.render())

    def render(self) -> str:
        """The message on one line, with its place in front and the mend behind."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class InputError(SafecaseError):
    """Bad usage or bad input: exit code 2."""


class EmptyDenominatorError(InputError):
    """A rate was asked of nothing: an empty selection is an error, never a zero."""


class CheckFailed(SafecaseError):
    """A check ran and its answer is no: exit code 1."""

    exit_code = ExitCode.CHECK_FAILED


class InsufficientEvidenceError(SafecaseError):
    """The records cannot carry the asked-for conclusion: exit code 3."""

    exit_code = ExitCode.INSUFFICIENT_EVIDENCE


class InfrastructureError(SafecaseError):
    """The target, the disk, the network or the harness failed: exit code 4."""

    exit_code = ExitCode.INFRASTRUCTURE


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


class WorkspaceError(InputError):
    """A workspace that does not load: carries every problem, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        listing = "\n".join(str(problem) for problem in self.problems)
        super().__init__(f"{count} {noun} in the workspace\n{listing}")


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """``did you mean 'x'?`` for the nearest of ``known``, or None where nothing is near."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else None
