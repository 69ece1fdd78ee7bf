"""What is put in place of what was found, and redaction of a text that is still being written."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Literal

from safecase.guard._redaction import apply_replacements
from safecase.model import CheckResult, GuardAction, Replacement, TextSpan
from safecase.text import LONGEST_ENTITY, PRIVATE_KEY_BEGINS, PRIVATE_KEY_ENDS, Finding

EntityAction = Literal["mask", "hash", "tokenise", "drop", "keep", "flag", "block"]
Substitute = Callable[[str, str], str]
"""(entity, value) → what stands in its place."""
HOLD_BACK = LONGEST_ENTITY + 64
"""Characters at the end of what was written that may yet become part of an entity or of its context."""
LONGEST_HELD = 12_000
"""A run without any place to cut is let go only as one redaction."""
_BEHIND = 128
"""Characters before the held text that are read again, for the words before an entity."""
_PLAIN_WORD = re.compile(r"(?:^|\s)[^\W\d_]{1,24}[,;!?]?(?=\s)")
"""A word in letters only, no longer than words are: numbers, addresses and keys do not go across it."""


def write_kind(entity: str, value: str) -> str:
    """``[EMAIL]``."""
    del value
    return f"[{entity.upper()}]"


def hashed(key: bytes) -> Substitute:
    """``[EMAIL:1f3a…]``: a keyed digest (HMAC-SHA256, 48 bits), equal for equal values."""

    def substitute(entity: str, value: str) -> str:
        mark = hmac.new(key, f"{entity}\0{value}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:12]
        return f"[{entity.upper()}:{mark}]"

    return substitute


def write_nothing(entity: str, value: str) -> str:
    """Nothing."""
    del entity, value
    return ""


def replacements_of(
    text: str, found: list[Finding], substitute: Callable[[Finding, str], str | None]
) -> tuple[Replacement, ...]:
    """A replacement for each finding that is to be replaced (None: it stays)."""
    made = []
    for item in found:
        new = substitute(item, text[item.start : item.end])
        if new is not None:
            made.append(Replacement(item.start, item.end, new))
    return tuple(made)


class RedactingStream:
    """Redacts an answer while it is written: equal to redacting the whole, whatever the pieces are.

    What may yet grow into an entity is held back: up to `HOLD_BACK` characters behind the last plain word
    that cannot belong to one. A run of `LONGEST_HELD` characters with no such word is replaced as a whole. A
    private key is held until it ends.
    """

    def __init__(
        self,
        find: Callable[[str], list[Finding]],
        substitute: Callable[[Finding, str], str | None],
        action_of: Callable[[str], GuardAction],
    ) -> None:
        self._find = find
        self._substitute = substitute
        self._action_of = action_of
        self._behind = ""
        self._held = ""
        self._offset = 0
        self._spans: list[TextSpan] = []
        self._action = GuardAction.ALLOW

    @property
    def result(self) -> CheckResult:
        """What was found up to now."""
        if not self._spans:
            return CheckResult()
        names = sorted({span.label for span in self._spans})
        return CheckResult(self._action, None, f"holds {', '.join(names)}", tuple(self._spans[:64]))

    def feed(self, chunk: str) -> str:
        """Take a piece; returns what cannot change any more, redacted."""
        self._held += chunk
        if len(self._held) <= HOLD_BACK:
            return ""
        cut = self._cut()
        return self._release(cut) if cut else ""

    def finish(self) -> str:
        """Redact and return what was held."""
        return self._release(len(self._held))

    def _cut(self) -> int:
        """How much of the held text is settled."""
        limit = len(self._held) - HOLD_BACK
        key = PRIVATE_KEY_BEGINS.search(self._held)
        if key is not None and key.start() < limit and not PRIVATE_KEY_ENDS.search(self._held, key.end()):
            if len(self._held) < LONGEST_HELD:
                limit = key.start()
            else:
                return self._swallow()
        best = 0
        window = max(0, limit - 4 * HOLD_BACK)
        for match in _PLAIN_WORD.finditer(self._held, window, limit):
            best = match.end()
        if best:
            # An entity that was found across the cut moves it to its start.
            for item in self._find(self._behind + self._held):
                start, end = item.start - len(self._behind), item.end - len(self._behind)
                if start < best < end:
                    best = max(0, start)
            return best
        return self._swallow() if len(self._held) >= LONGEST_HELD else 0

    def _swallow(self) -> int:
        """Replace an endless run by one mark, because what it hides cannot be told piece by piece."""
        run = len(self._held)
        self._note("unreadable_run", self._offset, self._offset + run, GuardAction.REDACT)
        self._offset += run
        self._behind, self._held = "", "[REDACTED]"
        self._offset -= len(self._held)
        return len(self._held)

    def _release(self, cut: int) -> str:
        """Redact and let go of the held text up to ``cut``; what was found in the kept words before it was
        told then."""
        whole = self._behind + self._held
        before = len(self._behind)
        piece = self._held[:cut]
        made = []
        for item in self._find(whole):
            start, end = max(item.start - before, 0), item.end - before
            if end <= 0 or start >= cut or item.start < before:
                continue
            new = self._substitute(item, whole[item.start : item.end])
            self._note(item.entity, self._offset + start, self._offset + end, self._action_of(item.entity))
            if new is not None:
                made.append(Replacement(start, end, new))
        self._behind = (self._behind + piece)[-_BEHIND:]
        self._held = self._held[cut:]
        self._offset += cut
        return apply_replacements(piece, made)

    def _note(self, entity: str, start: int, end: int, action: GuardAction) -> None:
        """Keep what was found, and the strictest action."""
        if action is GuardAction.ALLOW:
            return
        self._spans.append(TextSpan(start, end, entity))
        if action.strictness > self._action.strictness:
            self._action = action
