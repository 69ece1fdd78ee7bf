"""How well documents carry a claim: words of one passage, words of all, order, numbers and names.

The grade follows what has been found of word overlap as a measure of faithfulness: words that the question
brought along prove nothing, rare words prove more than common ones, and words far apart
less than words together.
"""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from safecase.scorers.grounding._statements import Statement, negates, numbers_in
from safecase.scorers.grounding._word_overlap import word_places
from safecase.text import content_stems

DOCUMENT_LIMIT = 400_000
"""Characters of a document that are read."""
_QUESTION_LIMIT = 20_000
"""Characters of a question that are read. Chosen without measurement; only its words are needed."""
_SENTENCE = re.compile(r"[^.!?。！？\n]{1,2000}[.!?。！？\n]?")
"""The limit cuts a document without sentence ends, as tables are, into passages."""
_PASSAGE, _ANYWHERE, _ORDER = 0.4, 0.3, 0.3
_NUMBER_LOSS, _NAME_LOSS = 0.2, 0.1
"""Round numbers of our own, chosen while looking at the measured sets; others within a tenth do as well
(docs/results/groundedness.md)."""


@dataclass(frozen=True, slots=True)
class SourcePassage:
    """One sentence of a document."""

    stems: Counter[str]
    negated: bool


class GroundingSource:
    """One document cut into sentences, with an index from stem to sentence."""

    def __init__(self, text: str) -> None:
        text = text[:DOCUMENT_LIMIT]
        self.passages: list[SourcePassage] = []
        self.index: dict[str, list[int]] = {}
        self.neighbours: set[tuple[str, str]] = set()
        for match in _SENTENCE.finditer(text):
            words = [word for word, _, _ in word_places(match.group())]
            stems = content_stems(words)
            if not stems:
                continue
            self.neighbours.update(pairwise(stems))
            number = len(self.passages)
            self.passages.append(SourcePassage(Counter(stems), negates(words)))
            for stem in dict.fromkeys(stems):
                self.index.setdefault(stem, []).append(number)
        self.numbers = numbers_in(text)
        self.words = {word for word, _, _ in word_places(text)}

    def coverage(self, weights: dict[str, float]) -> tuple[float, int]:
        """Best weighted share of the stems held by two neighbouring sentences, and the first of them."""
        total = sum(weights.values())
        if not total:
            return 1.0, -1
        gathered: dict[int, set[str]] = {}
        for stem in weights:
            for number in self.index.get(stem, ())[:400]:
                gathered.setdefault(number, set()).add(stem)
        best, place = (0.0, 0.0), -1
        for number, stems in sorted(gathered.items()):
            joined = stems | gathered.get(number + 1, set())
            # Summed in the claim's order: a set's order changes from process to process, and with it the
            # last bit of the sum. Where two places hold as much, the one that holds it alone is meant.
            held = sum(weight for stem, weight in weights.items() if stem in joined) / total
            alone = sum(weight for stem, weight in weights.items() if stem in stems) / total
            if (held, alone) > best:
                best, place = (held, alone), number
        return best[0], place


@dataclass(frozen=True, slots=True)
class Library:
    """The documents of one turn."""

    ids: tuple[str, ...]
    sources: tuple[GroundingSource, ...]
    frequency: Counter[str]
    sentences: int
    stems: tuple[str, ...]
    """Every stem, sorted."""

    def weight(self, stem: str) -> float:
        """Rare words carry a claim; words that stand everywhere carry little."""
        return math.log(1 + (self.sentences + 1) / (self.frequency.get(stem, 0) + 0.5))

    def nearest(self, stem: str) -> float:
        """1 where a document holds the stem, else the share of letters that the closest begins with too."""
        if stem in self.frequency:
            return 1.0
        place = bisect(self.stems, stem)
        best = 0.0
        # Of all words in order, the neighbours share the longest beginning.
        for other in self.stems[max(0, place - 1) : place + 1]:
            alike = next((n for n, (a, b) in enumerate(zip(stem, other, strict=False)) if a != b), None)
            alike = min(len(stem), len(other)) if alike is None else alike
            best = max(best, alike / max(len(stem), len(other)))
        return best


@lru_cache(maxsize=32)
def library_of(documents: tuple[tuple[str, str], ...]) -> Library:
    """The documents, (id, text) each, prepared; the last few are kept, because answers come in series."""
    sources = tuple(GroundingSource(text) for _, text in documents)
    frequency: Counter[str] = Counter()
    for source in sources:
        for stem, places in source.index.items():
            frequency[stem] += len(places)
    return Library(
        tuple(name for name, _ in documents),
        sources,
        frequency,
        sum(len(item.passages) for item in sources),
        tuple(sorted(frequency)),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What the user said: an answer may take it up, and proves nothing by it."""

    words: frozenset[str]
    stems: frozenset[str]
    numbers: frozenset[str]

    @staticmethod
    def of(text: str) -> Question:
        """The question of a turn."""
        text = text[:_QUESTION_LIMIT]
        words = [word for word, _, _ in word_places(text)]
        return Question(frozenset(words), frozenset(content_stems(words)), frozenset(numbers_in(text)))


def missing_numbers(claim: Statement, sources: Sequence[GroundingSource], question: Question) -> list[str]:
    """Numbers of the claim that neither a source nor the question carries."""
    return [
        number
        for number in claim.numbers
        if number not in question.numbers and not any(number in source.numbers for source in sources)
    ]


def missing_names(claim: Statement, sources: Sequence[GroundingSource], question: Question) -> list[str]:
    """Names of the claim that neither a source nor the question carries."""
    return [
        name
        for name in claim.names
        if not _holds(question.words, name) and not any(_holds(source.words, name) for source in sources)
    ]


def _holds(words: Set[str], name: str) -> bool:
    """Whether the name stands among the words, in parts where it has some: "LF-200" is two words there."""
    return name in words or all(part in words for part in name.split("-"))


def support(claim: Statement, library: Library, question: Question) -> float:
    """How well the documents carry the claim, 0 to 1: no probability, but an order of claims."""
    stems = [stem for stem in claim.stems if stem not in question.stems] or list(claim.stems)
    weights = {stem: library.weight(stem) for stem in stems}
    passage = max((source.coverage(weights)[0] for source in library.sources), default=0.0)
    total = sum(weights.values())
    anywhere = (
        sum(weight * library.nearest(stem) for stem, weight in weights.items()) / total if total else 1.0
    )
    pairs = [
        pair
        for pair in pairwise(claim.sequence)
        if not (pair[0] in question.stems and pair[1] in question.stems)
    ]
    known = sum(any(pair in source.neighbours for source in library.sources) for pair in pairs)
    order = known / len(pairs) if pairs else anywhere
    grade = _PASSAGE * passage + _ANYWHERE * anywhere + _ORDER * order
    if missing_numbers(claim, library.sources, question):
        grade -= _NUMBER_LOSS
    if missing_names(claim, library.sources, question):
        grade -= _NAME_LOSS
    return max(0.0, grade)
