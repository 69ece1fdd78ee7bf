"""What can go wrong, as exceptions that carry their exit code and the words a person needs.

    SafecaseError
    ├── InputError                    2  bad usage or bad input
    │   ├── WorkspaceError               a workspace that does not load, with every problem in it
    │   ├── StatisticsError              (a ValueError too) an argument outside of a method's domain
    │   │   └── EmptyDenominatorError    a rate of nothing
    │   └── CatalogError                 (in `safecase.catalog`) a taxonomy that does not read
    │       └── UnknownReferenceError    a reference that stands in none
    ├── CheckFailed                   1  a check ran and its answer is no
    │   ├── ToolDenied                   (in `safecase.guard.tools`) the tool policy refuses a call
    │   └── ApprovalNeeded               (in `safecase.guard.tools`) the call waits for a person
    ├── InsufficientEvidenceError     3  the records cannot carry the conclusion
    └── InfrastructureError           4  target, disk, network or harness
        └── TargetFailure                (in `safecase.model`) one call stayed without an answer
            └── HttpFailure              (in `safecase.targets`) and the server said a status

A test holds this tree against the classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safecase.base.problems import Problem


class ExitCode(IntEnum):
    """How the program ends: each code with its meaning, in the words of the help and of the documentation."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> ExitCode:
        """A code that carries its words."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    OK = 0, "go or ok"
    CHECK_FAILED = 1, "no-go or check failed"
    BAD_INPUT = 2, "bad input"
    INSUFFICIENT_EVIDENCE = 3, "insufficient evidence"
    INFRASTRUCTURE = 4, "target or infrastructure failure"
    # What shells give a program that SIGINT ended: 128 + 2.
    INTERRUPTED = 130, "interrupted"


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


class StatisticsError(InputError, ValueError):
    """An argument is outside the domain of the method; the message says which and what is allowed."""


class EmptyDenominatorError(StatisticsError):
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


class WorkspaceError(InputError):
    """A workspace that does not load: carries every problem, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        # By hand: `counted` stands in the model, a floor above.
        noun = "problem" if count == 1 else "problems"
        listing = "\n".join(str(problem) for problem in self.problems)
        super().__init__(f"{count} {noun} in the workspace\n{listing}")


@contextmanager
def as_ours() -> Iterator[None]:
    """What the verifier objects to, which imports nothing of safecase, as an error of this tree."""
    # Loaded here, because every command loads the errors and few ask the verifier.
    import safecase_verify

    try:
        yield
    except safecase_verify.VerifyError as error:
        kind = CheckFailed if isinstance(error, safecase_verify.CheckFailed) else InputError
        raise kind(error.message, where=error.where or None, hint=error.hint or None) from None
