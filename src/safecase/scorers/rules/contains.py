"""Does the answer contain the given texts?"""

from __future__ import annotations

from pydantic import model_validator

from safecase.base import Record, Registered
from safecase.model import Case, OutcomeKind, Score, Transcript
from safecase.scorers._registry import SCORERS
from safecase.scorers._transcripts import ScoreWriter, last_answer, shorten, span


class ContainsParameters(Record):
    """All given lists must be satisfied."""

    any_of: tuple[str, ...] = ()
    """At least one of these stands in the answer."""
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    case_insensitive: bool = True

    @model_validator(mode="after")
    def _something(self) -> ContainsParameters:
        """Refuse a scorer that asks for nothing, and empty texts."""
        texts = (*self.any_of, *self.all_of, *self.none_of)
        if not texts:
            raise ValueError("give any_of, all_of or none_of")
        if not all(texts):
            raise ValueError("an empty text is contained in every answer; remove it")
        return self


@SCORERS.register("contains", version="1", parameters=ContainsParameters)
class ContainsScorer(Registered):
    """Held where the last answer satisfies any_of, all_of and none_of."""

    def __init__(self, parameters: ContainsParameters) -> None:
        self._fold = parameters.case_insensitive
        self._any = self._prepare(parameters.any_of)
        self._all = self._prepare(parameters.all_of)
        self._none = self._prepare(parameters.none_of)
        self._writer = ScoreWriter(self.name, self.version)

    def _prepare(self, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Each text as given, for messages, and as it is compared."""
        return tuple((text, text.lower() if self._fold else text) for text in texts)

    def score(self, case: Case, transcript: Transcript) -> Score:
        """Undetermined where there is no answer."""
        passage = last_answer(transcript)
        if passage is None or not passage.text.strip():
            return self._writer.no_answer()
        text = passage.text.lower() if self._fold else passage.text
        exact = len(text) == len(passage.text)
        for original, needle in self._none:
            start = text.find(needle)
            if start >= 0:
                end = start + len(needle)
                evidence = [span(passage, start, end)] if exact else []
                return self._writer.write(
                    OutcomeKind.VIOLATED, f"the answer contains '{shorten(original, 80)}'", evidence=evidence
                )
        for original, needle in self._all:
            if needle not in text:
                return self._writer.write(OutcomeKind.VIOLATED, f"the answer lacks '{shorten(original, 80)}'")
        if self._any and not any(needle in text for _, needle in self._any):
            wanted = ", ".join(f"'{shorten(original, 40)}'" for original, _ in self._any[:5])
            return self._writer.write(OutcomeKind.VIOLATED, f"the answer contains none of {wanted}")
        return self._writer.write(
            OutcomeKind.HELD, "the answer contains what it must and nothing it must not"
        )
