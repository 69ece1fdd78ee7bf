"""The display of a run under way: live on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from safecase.cli._console import err

if TYPE_CHECKING:
    from rich.live import Live

    from safecase.engine import Progress
    from safecase.workflow import PreparedRun

# Often enough to see that a run lives, seldom enough for the log of a CI system.
_LINE_SECONDS = 5.0


class RunDisplay:
    """Shows progress on standard error; silent when ``quiet``."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = err()
        self._live: Live | None = None
        self._last_line = 0.0

    def __enter__(self) -> RunDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, prepared: PreparedRun) -> None:
        """Say what is about to happen."""
        if self._quiet:
            return
        from safecase.model import counted

        plan = prepared.request.plan
        gates = ", ".join(gate.id for gate in prepared.gates) or "no gate"
        families = len({case.family for case in prepared.cases})
        demo = " (the built-in demo: evidence about nothing real)" if prepared.target.demo else ""
        self._console.print(f"Target {prepared.target.name}{demo}")
        self._console.print(
            f"{counted(len(prepared.cases), 'case')} in {counted(families, 'family', 'families')}, "
            f"{counted(len(plan), 'attempt')} planned; gate: {gates}"
        )
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()

    def update(self, progress: Progress) -> None:
        """Show a snapshot."""
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(self._table(progress))
            return
        now = time.monotonic()
        if now - self._last_line >= _LINE_SECONDS or progress.finished:
            self._last_line = now
            self._console.print(self._line(progress))

    def _line(self, progress: Progress) -> str:
        if progress.sealed:
            state = "has ended" if progress.finished else "under way"
            return f"certification {state}, {progress.elapsed_seconds:.0f} s; its results are sealed"
        done = progress.recorded + progress.waiting
        counts = ", ".join(f"{count} {name}" for name, count in progress.outcomes.items() if count)
        eta = f", {progress.eta_seconds:.0f} s left" if progress.eta_seconds and not progress.finished else ""
        cost = f", ${progress.cost_usd:.2f}" if progress.cost_usd else ""
        return f"{done} of {progress.planned} attempts, {progress.rate:.0f}/s{eta}{cost}: {counts}"

    def _table(self, progress: Progress) -> Any:
        from rich.text import Text

        if progress.sealed:
            return Text(self._line(progress))
        from rich.console import Group
        from rich.progress_bar import ProgressBar

        done = progress.recorded + progress.waiting + progress.skipped
        lines = [Text(f"  {name}: {line}", style="dim") for name, line in list(progress.gate.items())[:14]]
        return Group(
            Text(self._line(progress)), ProgressBar(total=progress.planned, completed=done, width=60), *lines
        )
