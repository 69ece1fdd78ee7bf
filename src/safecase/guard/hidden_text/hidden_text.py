"""Text that a person would not see: encoded, ciphered or spelled backwards, and readable once that is undone.

Look-alike letters and invisible signs between letters hide too. Other checks judge what hidden text says.
This one asks whether a message has any business to hide text at all: on a support desk nobody writes in
base64. Ordinary writing has its share of codes (links, HTML, keys), so that only what turns into sentences
counts.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from safecase.base import Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.model import CheckResult, FlowPoint, GuardAction, TextSpan
from safecase.text import Reading, small_words

_WORD = re.compile(r"[^\W\d_]{2,}")
"""Two letters or more: single ones fall out of every wrong decoding."""
_PERCENT = re.compile(r"[^\s%]{0,200}(?:%[0-9A-Fa-f]{2}[^\s%]{0,200}){3,}")
"""Three codes or more, as a sentence has; the limits bound what one long token can cost."""
_STEP = re.compile(r"[+>/ ]+")


class HiddenTextParameters(Record):
    """How much hidden language is too much."""

    words: int = Field(default=4, ge=1)
    """Words that only a decoded reading has, from which text counts as hidden."""
    small_words: int = Field(default=1, ge=0)
    """Of them, words that every sentence of a language has, so that keys and data do not count."""
    allowed: tuple[str, ...] = ()
    """Encodings that may be used: ``base64``, ``hex``, ``morse``, ``rot13``..."""
    action: Literal["block", "flag", "require_approval"] = "block"


@CHECKS.register("hidden_text", version="1", parameters=HiddenTextParameters)
class HiddenTextCheck(Registered):
    """Looks for words that appear only when an encoding is undone. A code in a link, or a sign as HTML writes
    it, hides no words."""

    surfaces = frozenset({FlowPoint.USER_INPUT, FlowPoint.UNTRUSTED_CONTENT, FlowPoint.MODEL_OUTPUT})
    windowed = True
    holdback = 0

    def __init__(self, parameters: HiddenTextParameters) -> None:
        self.parameters = parameters
        self._allowed = {name.lower() for name in parameters.allowed}

    def inspect(self, content: Content) -> CheckResult:
        """The share of the words that are hidden as the score; the encoding and its place as evidence."""
        readings = content.readings.hidden
        if not readings:
            return CheckResult(score=0.0)
        text = content.text
        open_words = _words(_PERCENT.sub(_link_only, text) if "%" in text else text)
        worst, hidden_by, span = 0.0, "", (0, 0)
        for decoded in readings:
            steps = [step for step in _STEP.split(decoded.name) if step not in self._allowed]
            if not steps:
                continue
            hidden = _words(decoded.text) - open_words
            # Any wrong decoding yields letters; only language has small words between them.
            enough = len(hidden) >= self.parameters.words
            if not enough or small_words(hidden) < self.parameters.small_words:
                continue
            share = len(hidden) / max(1, len(hidden | open_words))
            if share > worst:
                worst, hidden_by, span = share, "+".join(steps), _place(decoded, hidden)
        if not hidden_by:
            return CheckResult(score=0.0)
        return CheckResult(
            GuardAction(self.parameters.action),
            worst,
            f"sentences hidden by {hidden_by}",
            (TextSpan(*span, f"hidden by {hidden_by}"),),
        )


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _place(reading: Reading, hidden: set[str]) -> tuple[int, int]:
    """Where in the original the first to the last of the hidden words stand."""
    found = [match.span() for match in _WORD.finditer(reading.text) if match.group().lower() in hidden]
    return reading.original_span(found[0][0], found[-1][1]) if found else (0, 1)


def _link_only(match: re.Match[str]) -> str:
    """Percent signs belong into links; a sentence that is written with them is hidden."""
    return match.group() if "://" in match.group() or match.group().startswith("www.") else " "
