"""Tokens that stand for personal data, and the way back: so that the model never sees what the user gets.

Each session has a vault of its own. A token ends in letters drawn for its session, so that nobody can write
the token of another value, and a token of another session is only text.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

TOKEN = re.compile(r"<[A-Z][A-Z_]{1,40}_\d{1,6}_[a-z2-7]{8}>")
"""The form that the vault writes, and nothing that people write by chance: it is replaced wherever it
stands."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Vault:
    """The values of one session. Safe to use from many threads."""

    def __init__(self, *, maximum_values: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._mark = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        self._tokens: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._maximum = maximum_values

    def token(self, entity: str, value: str) -> str:
        """The token of a value: the same one each time. A full vault hands out tokens without a way back."""
        with self._lock:
            known = self._tokens.get((entity, value))
            if known is not None:
                return known
            number = self._counts.get(entity, 0) + 1
            self._counts[entity] = number
            token = f"<{entity.upper()}_{number}_{self._mark}>"
            if len(self._values) < self._maximum:
                self._tokens[entity, value] = token
                self._values[token] = value
            return token

    def restore(self, text: str) -> str:
        """The text with the tokens of this session replaced by their values."""
        with self._lock:
            return TOKEN.sub(lambda match: self._values.get(match.group(), match.group()), text)


class Vaults:
    """The vaults of many sessions, forgotten after a time without use, the oldest first when too many."""

    def __init__(
        self,
        *,
        maximum_sessions: int = 10_000,
        seconds: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._vaults: OrderedDict[str, tuple[float, Vault]] = OrderedDict()
        self._maximum = maximum_sessions
        self._seconds = seconds
        self._clock = clock

    def of(self, session: str) -> Vault:
        """The session's vault, made where there is none."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            found = self._vaults.pop(session, None)
            vault = found[1] if found else Vault()
            self._vaults[session] = (now, vault)
            while len(self._vaults) > self._maximum:
                self._vaults.popitem(last=False)
            return vault

    def restore(self, session: str, text: str) -> str:
        """The text with the session's tokens replaced; unchanged where the session is unknown."""
        with self._lock:
            self._forget(self._clock())
            found = self._vaults.get(session)
        return found[1].restore(text) if found else text

    def forget(self, session: str) -> None:
        """Drop a session's values now."""
        with self._lock:
            self._vaults.pop(session, None)

    def _forget(self, now: float) -> None:
        """Drop the sessions that nobody used for long; they stand in the order of use."""
        while self._vaults:
            session, (used, _) = next(iter(self._vaults.items()))
            if now - used < self._seconds:
                return
            del self._vaults[session]
