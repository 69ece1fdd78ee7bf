"""Ledgers of runs in memory: what `safecase run`, `certify` and `open` would have entered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from safecase.model import (
    Case,
    FamiliesOpened,
    LedgerEvent,
    ResultsRead,
    RunFinished,
    RunPurpose,
    RunResult,
    RunSetAside,
    RunStarted,
)
from safecase.records import Past, RunHistory, short_digest
from support.moments import MOMENT


@dataclass
class LedgerInMemory:
    """A ledger that grows; each event names the ends that stand when it is entered, or those given."""

    events: list[LedgerEvent] = field(default_factory=list)

    @property
    def history(self) -> RunHistory:
        """What stands in it."""
        return RunHistory(tuple(self.events))

    def past(self, run_id: str = "") -> Past:
        """The past of a run, or of now."""
        return Past(self.history, self.history.starts[run_id] if run_id else None)

    def start(self, run_id: str, purpose: RunPurpose = RunPurpose.OPEN, **fields: Any) -> RunStarted:
        """A run begins."""
        values: dict[str, Any] = {
            "run_id": run_id,
            "manifest_digest": f"sha256:{run_id}",
            "purpose": purpose,
            "line": "main",
            "try_number": 1,
            "candidate": "sha256:candidate",
            "system_version": "sha256:system",
        }
        return self._enter(RunStarted(at=MOMENT, **(values | self._ends(fields))))

    def finish(self, run_id: str, tried: Collection[Case], **fields: Any) -> RunFinished:
        """A run ends that had answers on these cases."""
        opened = self.past(run_id).exposure.open_families(tried)
        sealed = [case for case in tried if case.family not in opened]
        values: dict[str, Any] = {
            "complete": True,
            "result": RunResult(
                attempts_digest="sha256:log",
                recorded=len(tried),
                answered=len(tried),
                answered_sealed=len(sealed),
            ),
            "families": tuple(sorted({case.family for case in sealed})),
            "cases": tuple(short_digest(case) for case in tried),
        }
        return self._enter(RunFinished(at=MOMENT, run_id=run_id, **(values | self._ends(fields))))

    def run(
        self, run_id: str, tried: Sequence[Case], purpose: RunPurpose = RunPurpose.OPEN, **fields: Any
    ) -> None:
        """A run begins and ends."""
        self.start(run_id, purpose, **fields)
        self.finish(run_id, tried)

    def open(self, families: Sequence[str], opened: Sequence[Case] = ()) -> None:
        """A person opens families."""
        digests = tuple(short_digest(case) for case in opened)
        event = FamiliesOpened(at=MOMENT, because="test", families=tuple(families), cases=digests)
        self._enter(event.model_copy(update=self._ends({})))

    def read(self, run_id: str) -> None:
        """Somebody reads a run's results."""
        self._enter(ResultsRead(at=MOMENT, run_id=run_id, by="report", previous=self.history.heads))

    def set_aside(self, run_id: str) -> None:
        """A run is declared not to count."""
        self._enter(RunSetAside(at=MOMENT, run_id=run_id, because="power cut", previous=self.history.heads))

    def _ends(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {"previous": self.history.heads, **fields}

    def _enter(self, event: Any) -> Any:
        self.events.append(event)
        return event
