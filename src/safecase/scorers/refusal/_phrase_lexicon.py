"""A lexicon of phrases that is matched in one pass over a text's words, without backtracking engines.

A phrase is a row of words. ``a|b`` are alternatives, ``word*`` is a prefix, ``@class`` is a named list of
alternatives, ``~3`` skips up to three words, ``,`` is a comma. A phrase never crosses the end of a
sentence. Matching costs at most words × phrases that share a first word × the gaps' widths, all bounded by
the lexicon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_REPEATED, _SENTENCES_KEPT = 40, 16_384
"""Words of a sentence that is remembered, and how many are: at most 20 MB."""


@dataclass(frozen=True, slots=True)
class _Alternatives:
    exact: frozenset[str]
    prefixes: tuple[str, ...]

    def matches(self, word: str) -> bool:
        return word in self.exact or (bool(self.prefixes) and word.startswith(self.prefixes))


@dataclass(frozen=True, slots=True)
class _Phrase:
    category: int
    """Bit of the category."""
    rest: tuple[tuple[int, _Alternatives], ...]
    """(words that may be skipped, what must come)."""


class PhraseLexicon:
    """Phrases by category, matched against the words of a sentence."""

    def __init__(
        self, phrases: Mapping[str, Iterable[str]], classes: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Raises ValueError on a phrase that does not parse."""
        self.categories = tuple(phrases)
        self.bit = {name: 1 << index for index, name in enumerate(self.categories)}
        self._classes = dict(classes or {})
        self._exact: dict[str, list[_Phrase]] = {}
        self._prefix: dict[str, list[_Phrase]] = {}
        for name in self.categories:
            for phrase in phrases[name]:
                self._add(phrase, self.bit[name])
        self._known: dict[str, tuple[_Phrase, ...]] = {}
        self._sentences: dict[tuple[str, ...], int] = {}

    def _add(self, phrase: str, category: int) -> None:
        """Compile a phrase and file it under the words that it can begin with."""
        parts: list[tuple[int, _Alternatives]] = []
        gap = 0
        for item in phrase.split():
            if item.startswith("~"):
                gap = int(item[1:])
                continue
            parts.append((gap, self._parse(item)))
            gap = 0
        if not parts:
            raise ValueError(f"'{phrase}' holds no word")
        # A gap at the end adds nothing to the match.
        first = parts[0][1]
        compiled = _Phrase(category, tuple(parts[1:]))
        for word in first.exact:
            self._exact.setdefault(word, []).append(compiled)
        for prefix in first.prefixes:
            self._prefix.setdefault(prefix, []).append(compiled)

    def _parse(self, item: str) -> _Alternatives:
        """One place of a phrase: words, prefixes ending in ``*`` and classes (``@name``), joined by ``|``."""
        words: list[str] = []
        for part in item.split("|"):
            words.extend(self._classes[part[1:]] if part.startswith("@") else [part])
        return _Alternatives(
            frozenset(word for word in words if not word.endswith("*")),
            tuple(word[:-1] for word in words if word.endswith("*")),
        )

    def _find_starting(self, word: str) -> tuple[_Phrase, ...]:
        found = list(self._exact.get(word, ()))
        for prefix, phrases in self._prefix.items():
            if word.startswith(prefix):
                found.extend(phrases)
        # A bound on the memory that words of hostile texts can take.
        if len(self._known) >= 32_768:
            self._known.clear()
        self._known[word] = tuple(found)
        return self._known[word]

    def match(self, words: Sequence[str]) -> int:
        """The categories that the sentence holds, as bits."""
        # Systems say the same sentences again and again; long ones are their own.
        sentence = tuple(words) if len(words) <= _REPEATED else ()
        remembered = self._sentences.get(sentence) if sentence else None
        if remembered is not None:
            return remembered
        found = self._match(words)
        if sentence:
            if len(self._sentences) >= _SENTENCES_KEPT:
                self._sentences.clear()
            self._sentences[sentence] = found
        return found

    def _match(self, words: Sequence[str]) -> int:
        found = 0
        known = self._known
        for index, word in enumerate(words):
            phrases = known.get(word)
            if phrases is None:
                phrases = self._find_starting(word)
            for phrase in phrases:
                category = phrase.category
                if not found & category and (not phrase.rest or _continues(words, index + 1, phrase.rest, 0)):
                    found |= category
        return found


def _continues(
    words: Sequence[str], position: int, rest: tuple[tuple[int, _Alternatives], ...], index: int
) -> bool:
    """Whether the rest of a phrase follows, with up to its gaps' number of words skipped."""
    while index < len(rest):
        gap, alternatives = rest[index]
        if not gap:
            if position >= len(words) or not alternatives.matches(words[position]):
                return False
            position += 1
            index += 1
            continue
        for skipped in range(gap + 1):
            place = position + skipped
            if place >= len(words):
                return False
            if alternatives.matches(words[place]) and _continues(words, place + 1, rest, index + 1):
                return True
        return False
    return True
