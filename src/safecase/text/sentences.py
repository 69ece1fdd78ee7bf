"""Sentences of a text, as readers need them: as words to match phrases on, and as statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from safecase.text._finder import lower

_SENTENCE = re.compile(r"[^.!?。！？…\n]+[.!?。！？…]*")
_WORD = re.compile(r"[^\W_]+(?:['\u200c-][^\W_]+)*|[,:،]")
_APOSTROPHES = str.maketrans("’‘ʼ", "'''")
_LONGEST_WORD = 40
"""Letters that are kept of a word: longer ones are no words, and must not cost as if they were."""
_STATEMENT = re.compile(
    r"(?:[^.!?。！？\n]|[.!?](?=[\w.]))+[.!?。！？]*(?:\s?(?:\[[^\]\n]{1,60}\]|【[^】\n]{1,60}】))*"
)
"""Citations behind the full stop belong to the sentence before it; longer brackets are remarks."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence's words (lower case, straight apostrophes) and its place in the text."""

    words: tuple[str, ...]
    start: int
    end: int


def split_sentences(text: str, limit: int) -> list[Sentence]:
    """The first ``limit`` sentences of ``text``; line breaks end a sentence too."""
    lowered = lower(text)
    if not lowered.isascii():
        lowered = lowered.translate(_APOSTROPHES)
    sentences: list[Sentence] = []
    find_words = _WORD.findall
    for match in _SENTENCE.finditer(lowered):
        start, end = match.span()
        words = find_words(lowered, start, end)
        if words:
            if end - start > _LONGEST_WORD * len(words):
                words = [word[:_LONGEST_WORD] for word in words]
            while start < end and lowered[start].isspace():
                start += 1
            sentences.append(Sentence(tuple(words), start, end))
            if len(sentences) >= limit:
                break
    return sentences


def split_statements(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence with the references in brackets that stand behind it: "…in 1999. [3]".

    A point inside a word or a number ends none.
    """
    for match in _STATEMENT.finditer(text):
        yield match.span()
