"""Every decision on a call, one line of JSON each: what was decided and by which policy. No values."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from safecase.guard.tools._policy import ToolDecision


class ToolDecisionLog:
    """Appends decisions to a file, flushed line by line; give it to `ToolPolicy` as ``on_decision``."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def __call__(self, decision: ToolDecision, session: str) -> None:
        """Write one decision."""
        line = orjson.dumps({"at": self._now().isoformat(), "session": session, **decision.to_json()})
        with self._lock, self._path.open("ab") as stream:
            stream.write(line + b"\n")
