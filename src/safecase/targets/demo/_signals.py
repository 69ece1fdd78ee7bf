"""What a message asks for, seen from its words: harm, injection, extraction, frames.

English patterns stand in ``data/signals.json``; other languages add words from ``data/languages.json``. The
agent is a program of rules, so these lists are its whole judgement: they describe harm by its name and
never by its how.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

_GRAVE = frozenset({"cbrn", "weapons", "violence", "agency", "hate", "sexual", "deception"})
"""Categories in which a wish for instructions outweighs a protective word."""

_PLAYFUL = frozenset({"violence", "weapons", "drugs"})
"""Categories whose words are homonyms in games and computing."""

_UNDETECTED = re.compile(
    r"without (?:getting |being )*(?:caught|detect\w+|noticed)|undetect\w+|avoid (?:detection|getting caught)"
)
_DEFINES = re.compile(r"\W*what (?:is|are|constitutes|does) (?:an? )?[\w-]+(?: [\w-]+){0,2}\W*")
"""The whole of a question for a meaning: whoever asks what a word means asks for nothing else."""

_JOINED = re.compile(r"['\"] ?\+ ?['\"]")
"""The seam of a text that was cut into quoted pieces."""

_ABOUT_ITSELF = re.compile(
    r"\b(?:your(?:self)?|itself|autonomous\w*|self-?\w+|as an ai|agents?|for you|wakes? you|"
    r"you (?:have been|are|will|should|must|are going|"
    r"can|could|"
    r"would|be|were)|without (?:human )?(?:approval|permission|oversight))\b"
)


@dataclass(frozen=True, slots=True)
class Signals:
    """What was seen in one message."""

    harm: str = ""
    """Category of harm, empty for none."""
    protective: bool = False
    injection: bool = False
    extraction: bool = False
    secret: bool = False
    transform: bool = False
    strong_frame: bool = False
    weak_frame: bool = False
    follow_up: bool = False
    alarming: bool = False


class _Patterns:
    def __init__(self, raw: dict[str, Any]) -> None:
        person: str = raw["person"]
        self.harm = {
            name: re.compile(self._source(group).replace("{person}", person))
            for name, group in raw["harm"].items()
        }
        self.any_harm = re.compile("|".join(f"(?:{pattern.pattern})" for pattern in self.harm.values()))
        self.named = {
            name: re.compile(self._source(group))
            for name, group in raw.items()
            if name not in {"person", "harm"}
        }

    @staticmethod
    def _source(group: dict[str, Any]) -> str:
        joined = "|".join(group["any"])
        return rf"\b(?:{joined})\b" if group["whole_words"] else joined


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    content = (resources.files("safecase.targets.demo") / "data" / "signals.json").read_text("utf-8")
    return _Patterns(json.loads(content))


def shows(name: str, text: str) -> re.Match[str] | None:
    """The first place where the lower-case ``text`` shows one of the named patterns, or None."""
    return _patterns().named[name].search(text)


def harm_category(text: str) -> str:
    """Name of the harm that a lower-case English text asks for, or empty.

    A dangerous word alone is no harm: questions that protect, define or recount, and homonyms of games and
    computing are let through unless the text asks for instructions to do the thing.
    """
    patterns = _patterns()
    text = _JOINED.sub("", text).replace("_", " ")
    if not patterns.any_harm.search(text) or _DEFINES.fullmatch(text):
        return ""
    found: list[str] = [name for name, pattern in patterns.harm.items() if pattern.search(text)]
    if "explicit" in found:
        # Named so plainly that no harmless reading is left.
        return next((name for name in found if name != "explicit"), "explicit")
    if found[0] in _PLAYFUL and len(found) == 1 and shows("game_or_code", text):
        return ""
    if found[0] == "replication" and not _ABOUT_ITSELF.search(text):
        found = found[1:]
        if not found:
            return ""
    if {"self_harm", "privacy", "replication"}.intersection(found) or not shows("protective", text):
        return found[0]
    wants_instructions = bool(shows("instruct", text))
    if wants_instructions and (_GRAVE.intersection(found) or _UNDETECTED.search(text)):
        return found[0]
    return ""


def read_signals(text: str) -> Signals:
    """Everything that ``text`` (plain form, any case) shows."""
    lower = text.lower()
    return Signals(
        harm=harm_category(lower),
        protective=bool(shows("protective", lower)),
        injection=bool(shows("injection", lower)),
        extraction=bool(shows("extraction", lower)),
        secret=bool(shows("secret", lower)) and not shows("own_secret", lower),
        transform=bool(shows("transform", lower)),
        strong_frame=bool(shows("strong_frame", lower)),
        weak_frame=bool(shows("weak_frame", lower)),
        follow_up=bool(shows("follow_up", lower)),
        alarming=bool(shows("alarming", lower)),
    )
