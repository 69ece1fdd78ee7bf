"""Retrieval: BM25 over the shop's articles, and over documents that a case supplies; topics by words."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

from safecase.base import package_words
from safecase.model import Document

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_MAX_QUERY_WORDS = 48
"""Different words of a question that are looked up; a longer text is no question."""
_MINIMUM_SCORE = 2.2
"""BM25 score from which an article is about the question at all. Set by hand for the shop's few articles."""


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    return package_words("safecase.targets.demo", "words.yaml")["never_looked_up"]


def stem(word: str) -> str:
    """A light English stem: plural and -ing/-ed endings are cut from longer words."""
    for ending in ("ies", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)]
            return base + "y" if ending == "ies" else base.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


def content_words(text: str, limit: int = 4_000) -> list[str]:
    """Lower-case stems without stop words, in order, from the first ``limit`` characters."""
    stop = _stop_words()
    return [stem(word) for word in _WORD.findall(text[:limit].lower()) if word not in stop]


class _Ranking:
    """Okapi BM25 (Robertson and Zaragoza 2009) with k1 = 1.5 and b = 0.75.

    A word that stands in more than half of the documents would have a negative weight; it gets a quarter of
    the average weight instead, so that no match ever counts against a document.
    """

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._counts = [Counter(words) for words in documents]
        average = sum(map(len, documents)) / len(documents)
        self._length_terms = [1.5 * (0.25 + 0.75 * len(words) / average) for words in documents]
        holding = Counter(word for counts in self._counts for word in counts)
        weights = {
            word: math.log(len(documents) - n + 0.5) - math.log(n + 0.5) for word, n in holding.items()
        }
        common = 0.25 * sum(weights.values()) / len(weights)
        self._weights = {word: weight if weight >= 0 else common for word, weight in weights.items()}

    def scores(self, query: Sequence[str]) -> list[float]:
        """A score for each document, in their order."""
        return [
            sum(self._weights.get(word, 0.0) * counts[word] * 2.5 / (counts[word] + term) for word in query)
            for counts, term in zip(self._counts, self._length_terms, strict=True)
        ]


class KnowledgeBase:
    """An immutable set of documents, ranked by BM25."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = tuple(documents)
        self._index = _Ranking([content_words(f"{item.title} {item.text}") or ["-"] for item in documents])

    def search(self, query: str, limit: int = 3) -> tuple[tuple[Document, float], ...]:
        """Up to ``limit`` documents with their scores, best first; nothing where nothing fits."""
        words = list(dict.fromkeys(content_words(query)))[:_MAX_QUERY_WORDS]
        if not words:
            return ()
        scores = self._index.scores(words)
        ranked = sorted(range(len(self.documents)), key=lambda index: (-scores[index], index))[:limit]
        return tuple(
            (self.documents[index], scores[index]) for index in ranked if scores[index] >= _MINIMUM_SCORE
        )

    def get(self, identifier: str) -> Document | None:
        """The document with this id, or None."""
        return next((item for item in self.documents if item.id == identifier), None)


@lru_cache(maxsize=1)
def shop_knowledge() -> KnowledgeBase:
    """The demo shop's own articles, among them texts of third parties that carry injections."""
    content = (resources.files("safecase.targets.demo") / "data" / "knowledge_base.json").read_text("utf-8")
    return KnowledgeBase([Document(**article) for article in json.loads(content)["articles"]])


TOPICS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), identifier)
    for pattern, identifier in (
        (
            r"cannot be returned|can't be returned|not returnable|exclu\w+ from return|"
            r"gift card.{0,20}return",
            "kb-003",
        ),
        (r"refund.{0,40}\b(?:take|long|arrive|when|days)|(?:when|how long).{0,40}refund", "kb-002"),
        (r"\b(?:return(?:s|ed|ing)?|send (?:it |this |them )?back|exchange)\b", "kb-001"),
        (r"\brefund\w*|money back", "kb-002"),
        (r"\bcancel\w*|terminate my (?:order|subscription)", "kb-023"),
        (r"express|next[- ]day|overnight", "kb-005"),
        (r"international|abroad|overseas|europe|customs", "kb-006"),
        (
            r"\b(?:late|lost|missing|never arrived|not arrived|delayed|hasn't arrived|didn't arrive)\b",
            "kb-008",
        ),
        (r"track\w*", "kb-007"),
        (r"change.{0,30}address|address.{0,30}change|redirect", "kb-022"),
        (r"\b(?:shipping|delivery|ship)\b", "kb-004"),
        (r"extended warranty", "kb-011"),
        (
            r"(?:claim|broken|faulty|defect\w*|stopped working|died|not work\w*|damaged).{0,60}|"
            r"warranty claim",
            "kb-010",
        ),
        (r"warrant\w+|guarantee", "kb-009"),
        (r"charged twice|payment.{0,20}fail\w*|card (?:was )?(?:declined|rejected)|double charge", "kb-013"),
        (r"payment (?:method|option)s?|pay (?:with|by)|accept.{0,20}(?:card|paypal)", "kb-012"),
        (
            r"taken over|hacked|someone (?:else )?(?:used|logged|got into)|compromised|unknown (?:login|"
            r"order)",
            "kb-019",
        ),
        (r"two-factor|2fa|authenticator", "kb-017"),
        (r"password|sign in|log ?in", "kb-016"),
        (r"(?:delete|erase|copy of|export).{0,30}(?:my )?(?:data|account)|gdpr", "kb-021"),
        (r"privacy|personal data|my data|store about me", "kb-020"),
        (r"suspicious|scam|phishing", "kb-018"),
        (r"gift ?card", "kb-015"),
        (r"voucher|discount|promo|coupon", "kb-014"),
        (r"invoice|receipt", "kb-024"),
        (r"price match|cheaper", "kb-025"),
        (r"complain\w*|ombudsman", "kb-027"),
        (r"opening hours|contact|reach you|phone number", "kb-026"),
        (r"loyalty|points", "kb-036"),
        (r"batter(?:y|ies)", "kb-033"),
        (r"bulb", "kb-035"),
        (r"\blamps?\b|lf-200", "kb-028"),
        (r"kettle|lk-17", "kb-029"),
        (r"wren|wk-8", "kb-030"),
        (r"pressure cooker|hp-6", "kb-031"),
        (r"\bdrill|sd-12", "kb-032"),
    )
)
"""What a question is about, most special first, with the article that settles it. Customers ask in words
that the articles do not use, so ranking alone would miss them."""
