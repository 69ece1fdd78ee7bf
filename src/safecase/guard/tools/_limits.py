"""Calls and sums of a session, so that many small steps do not add up to what one may not do."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict

from safecase.base import JsonObject
from safecase.guard.tools._declaration import ToolDeclaration


class SessionLimits:
    """Counts by session. Safe to use from many threads; the oldest sessions are forgotten."""

    def __init__(self, *, maximum_sessions: int = 50_000) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, tuple[Counter[str], Counter[tuple[str, str]]]] = OrderedDict()
        self._maximum = maximum_sessions

    def take(self, session: str, tool: ToolDeclaration, arguments: JsonObject) -> str:
        """Count a call where it is not too much; else why it would be. One step, so that calls at the same
        time cannot all pass."""
        with self._lock:
            reason = self._over(session, tool, arguments)
            if not reason:
                self._record(session, tool, arguments)
            return reason

    def over(self, session: str, tool: ToolDeclaration, arguments: JsonObject) -> str:
        """Why a further call would be too much; empty where it would not."""
        with self._lock:
            return self._over(session, tool, arguments)

    def _over(self, session: str, tool: ToolDeclaration, arguments: JsonObject) -> str:
        """Why the call would exceed a limit of its session; empty where it does not."""
        calls, sums = self._of(session)
        if tool.calls_per_session is not None and calls[tool.name] >= tool.calls_per_session:
            return f"{tool.name} was called {calls[tool.name]} times in this session, as often as it may be"
        for name, most in tool.budget.items():
            value = arguments.get(name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value:
                return f"the budget of {tool.name} counts '{name}', which is no number here"
            if abs(value) + sums[tool.name, name] > most:
                return f"'{name}' would add up to more than {most:g} in this session"
        return ""

    def _record(self, session: str, tool: ToolDeclaration, arguments: JsonObject) -> None:
        """Count a call that is made."""
        calls, sums = self._of(session)
        calls[tool.name] += 1
        for name in tool.budget:
            value = arguments.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                sums[tool.name, name] += abs(value)  # type: ignore[assignment]

    def _of(self, session: str) -> tuple[Counter[str], Counter[tuple[str, str]]]:
        """The counts of a session, which becomes the latest used."""
        found = self._sessions.pop(session, None) or (Counter(), Counter())
        self._sessions[session] = found
        while len(self._sessions) > self._maximum:
            self._sessions.popitem(last=False)
        return found
