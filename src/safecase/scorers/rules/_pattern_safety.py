"""Regular expressions from people's files, searched in time linear in the text.

Python's engine backtracks, so one nested repeat can cost exponential time. Patterns whose repeats nest are
refused when they are read; the others are searched window by window, where the window shrinks with the
number of open-ended repeats, so that the worst case per window is bounded.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

from safecase.base import InputError

_WINDOWS = {0: 65_536, 1: 16_384, 2: 1_024, 3: 256}
"""Characters that are searched at a time, by the number of open-ended repeats: each raises the worst case by
a power of the window. Estimates, not measurements."""
_WIDE = 40
"""A repeat that may match this often counts as open-ended."""
_OPEN_LIMIT = 3
"""One more, and no window that a match fits into would be quick."""
PATTERN_LIMIT = 2_000
"""Characters: what is longer nobody reads, and two patterns say the same."""


@dataclass(frozen=True, slots=True)
class SafePattern:
    """A compiled pattern, the window in which it is searched, and its source."""

    pattern: re.Pattern[str]
    window: int

    def search(self, text: str) -> re.Match[str] | None:
        """The first match. A match longer than half a window may be missed in texts longer than one."""
        if len(text) <= self.window:
            return self.pattern.search(text)
        step = self.window // 2
        start = 0
        while start < len(text):
            end = min(start + self.window, len(text))
            match = self.pattern.search(text, start, end)
            # A match that touches the window's end may owe itself to a false end of text.
            if match and match.end() == end < len(text):
                match = self.pattern.match(text, match.start(), min(match.start() + self.window, len(text)))
                if match and match.end() == min(match.start() + self.window, len(text)) < len(text):
                    match = None
            if match:
                return match
            start += step
        return None


def compile_safe(source: str, flags: re.RegexFlag = re.NOFLAG, *, where: str = "pattern") -> SafePattern:
    """Compile ``source``. Raises InputError where it is no pattern or where its repeats nest."""
    if len(source) > PATTERN_LIMIT:
        raise InputError(f"the pattern is longer than {PATTERN_LIMIT} characters", where=where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            compiled = re.compile(source, flags)
            tree = re._parser.parse(source, flags)  # type: ignore[attr-defined]
    except (re.error, FutureWarning, RecursionError, OverflowError) as error:
        raise InputError(f"'{source}' is not a regular expression: {error}", where=where) from None
    open_repeats = _open_repeats(tree, inside=False, where=where, source=source)
    if open_repeats > _OPEN_LIMIT:
        raise InputError(
            f"'{source}' has {open_repeats} open-ended repeats in a row",
            where=where,
            hint="give them upper limits, such as .{0,30}",
        )
    return SafePattern(compiled, _WINDOWS[open_repeats])


def _open_repeats(tree: Any, *, inside: bool, where: str, source: str) -> int:
    count = 0
    for operator, argument in tree:
        name = str(operator)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            _, maximum, body = argument
            wide = int(maximum) > _WIDE
            if wide and inside:
                raise InputError(
                    f"'{source}' has a repeat inside a repeat, which can take exponential time",
                    where=where,
                    hint="give the inner repeat an upper limit below 40, or use two patterns",
                )
            # "(…)?" repeats nothing, so that what is inside of it is not nested.
            inner = _open_repeats(body, inside=inside or int(maximum) > 1, where=where, source=source)
            count += inner + (1 if wide else 0)
        elif name == "SUBPATTERN":
            count += _open_repeats(argument[-1], inside=inside, where=where, source=source)
        # Only one arm matches at a place, so that the worst arm counts and not their sum.
        elif name == "BRANCH":
            count += max(
                (_open_repeats(arm, inside=inside, where=where, source=source) for arm in argument[1]),
                default=0,
            )
        elif name in {"ASSERT", "ASSERT_NOT"}:
            count += _open_repeats(argument[1], inside=inside, where=where, source=source)
        elif name == "ATOMIC_GROUP":
            count += _open_repeats(argument, inside=inside, where=where, source=source)
        elif name == "GROUPREF_EXISTS":
            for arm in argument[1:]:
                if arm is not None:
                    count += _open_repeats(arm, inside=inside, where=where, source=source)
    return count
