"""How a use case shows a run under way without knowing who looks."""

from __future__ import annotations

from typing import Protocol

from safecase.engine import Progress
from safecase.workflow.run import PreparedRun


class Display(Protocol):
    """Who watches the run."""

    def begin(self, prepared: PreparedRun) -> None:
        """The run is about to start."""

    def update(self, progress: Progress) -> None:
        """The run got further."""
