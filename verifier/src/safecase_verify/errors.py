"""What can go wrong, with the exit code that the command ends with."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How the command ends; the codes of ``safecase``."""

    OK = 0
    CHECK_FAILED = 1
    BAD_INPUT = 2
    INSUFFICIENT_EVIDENCE = 3
    INFRASTRUCTURE = 4


class VerifyError(Exception):
    """A failure that a person is told about in one message: what, where, what to do."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(self.render())

    def render(self) -> str:
        """The message on one line, with its place in front and the mend behind."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class InputError(VerifyError):
    """What was given is no pack, no key, no file: exit code 2."""


class CheckFailed(VerifyError):
    """A check ran and its answer is no: exit code 1."""

    exit_code = ExitCode.CHECK_FAILED


class NotRecomputed(Exception):
    """This code has no method for the rule; the message says why."""
