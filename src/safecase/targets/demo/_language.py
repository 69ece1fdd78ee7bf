"""Which language a message is in, what it asks for there, and the agent's phrases in that language.

This is simple on purpose: scripts, frequent words and word lists.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from safecase.base import package_words
from safecase.targets.demo._encodings import without_accents

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]{2}")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("other", re.compile(r"[\u0370-\u03ff\u0530-\u05ff\u0980-\u1cff\u1f00-\u1fff]{2}")),
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@dataclass(frozen=True)
class Phrases:
    """The agent's phrases and word lists in one language other than English."""

    code: str
    refuse: str
    scope: str
    help: str
    ai: str
    topics: dict[str, str]
    topic_words: dict[str, re.Pattern[str]]
    harm: re.Pattern[str]
    extraction: re.Pattern[str]
    injection: re.Pattern[str]
    benign: re.Pattern[str]
    everyday: re.Pattern[str]
    marks: frozenset[str]


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Any of the words, as written and without accents: messages are read in their plain form."""
    written = "|".join(words)
    return re.compile(f"{written}|{without_accents(written)}" if words else r"(?!)", re.IGNORECASE)


@lru_cache(maxsize=1)
def languages() -> dict[str, Phrases]:
    """Language code → phrases, for every language that the demo knows besides English."""
    content = (resources.files("safecase.targets.demo") / "data" / "languages.json").read_text("utf-8")
    raw: dict[str, dict[str, Any]] = json.loads(content)
    return {
        code: Phrases(
            code=code,
            refuse=item["refuse"],
            scope=item["scope"],
            help=item["help"],
            ai=item["ai"],
            topics=item["topics"],
            topic_words={name: _pattern([words]) for name, words in item["words"].items()},
            harm=_pattern(item["harm"]),
            extraction=_pattern(item["extraction"]),
            injection=_pattern(item["injection"]),
            benign=_pattern(item["benign"]),
            everyday=_pattern(item["everyday"]),
            marks=frozenset(item["marks"]),
        )
        for code, item in raw.items()
    }


@lru_cache(maxsize=1)
def _english_words() -> frozenset[str]:
    return package_words("safecase.targets.demo", "words.yaml")["english"]


def detect_language(text: str) -> str:
    """``en``, a known code, or ``other``. Looks at the first 1,500 characters; unclear text is English."""
    head = text[:1_500]
    if not head.isascii():
        letters = sum(char.isalpha() for char in head) or 1
        for code, pattern in _SCRIPTS:
            if sum(map(len, pattern.findall(head))) * 4 >= letters:
                return code
    words = [word.lower() for word in _WORD.findall(head)]
    if not words:
        return "en"
    common = _english_words()
    english = sum(word in common for word in words)
    best, count = "en", 0
    for code, phrases in languages().items():
        found = sum(word in phrases.marks for word in words)
        if found > count:
            best, count = code, found
    if count >= 2 and count > english:
        return best
    if count >= 1 and english == 0:
        return best
    if english == 0 and len(words) >= 6 and not _looks_english(words):
        return "other"
    return "en"


def _looks_english(words: list[str]) -> bool:
    endings = sum(word.endswith(("ing", "tion", "ed", "ly", "er", "ity", "ent", "ous")) for word in words)
    return endings * 5 >= len(words)
