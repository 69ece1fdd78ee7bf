"""What is wrong in a workspace's files, and where: line-exact, with the mend."""

from __future__ import annotations

from enum import StrEnum

from safecase.base.records import Record


class SourcePosition(Record):
    """A place in a workspace file. ``line`` and ``column`` count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ProblemLevel(StrEnum):
    """How much a finding of the checker matters: errors stop a run, warnings do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Problem(Record):
    """One mistake or smell in a workspace: where, what, and the mend."""

    code: str
    level: ProblemLevel
    message: str
    position: SourcePosition | None = None
    hint: str | None = None
    requirement: str | None = None

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position else ""
        mend = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.level.value}: {self.message}{mend}"
