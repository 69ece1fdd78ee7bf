"""Names and places by Presidio, for those who have installed it with a language model of their choice.

    from presidio_analyzer import AnalyzerEngine
    check = PresidioCheck(AnalyzerEngine(), entities=("PERSON", "LOCATION"))

It is slower by orders of magnitude than the patterns, so it is a check of its own: give it a time limit.
"""

from __future__ import annotations

from typing import Any

from safecase.guard._content import Content
from safecase.model import CheckResult, FlowPoint, GuardAction, Replacement, TextSpan


class PresidioCheck:
    """What an analyzer (``analyze(text=, language=, entities=)``) finds, masked."""

    surfaces = frozenset(FlowPoint)

    def __init__(
        self,
        analyzer: Any,
        *,
        entities: tuple[str, ...] = ("PERSON", "LOCATION"),
        language: str = "en",
        minimum_confidence: float = 0.5,
        version: str = "1",
    ) -> None:
        self._analyzer = analyzer
        self._entities = list(entities)
        self._language = language
        self._minimum = minimum_confidence
        self.version = version

    def inspect(self, content: Content) -> CheckResult:
        """Mask every finding of enough confidence; overlapping ones are merged when they are applied."""
        results = self._analyzer.analyze(
            text=content.text, language=content.language or self._language, entities=self._entities
        )
        found = sorted((item for item in results if item.score >= self._minimum), key=lambda item: item.start)
        if not found:
            return CheckResult(score=0.0)
        return CheckResult(
            GuardAction.REDACT,
            max(float(item.score) for item in found),
            f"holds {', '.join(sorted({str(item.entity_type).lower() for item in found}))}",
            tuple(TextSpan(item.start, item.end, str(item.entity_type).lower()) for item in found),
            tuple(Replacement(item.start, item.end, f"[{item.entity_type}]") for item in found),
        )
