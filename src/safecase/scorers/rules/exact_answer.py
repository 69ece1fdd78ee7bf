"""Is the answer one of the accepted answers, after normalisation?"""

from __future__ import annotations

import re
import unicodedata

from pydantic import Field

from safecase.base import Record, Registered
from safecase.model import Case, OutcomeKind, Score, Transcript
from safecase.scorers._registry import SCORERS
from safecase.scorers._transcripts import ScoreWriter, last_answer, shorten, span
from safecase.text import join_thousands

_LEAD = re.compile(
    r"^(?:(?:the )?(?:final |correct |short )?answer(?: is)?|it is|it's|that is|that's)\s*:?\s+",
    re.IGNORECASE,
)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = re.compile(r"[^\w\s.%+-]|_|(?<!\d)[.](?!\d)|[.](?!\d)")
LIMIT = 4096
"""Characters at either end among which an accepted answer is looked for: it is a name, a number or a line."""


def normalise_answer(text: str) -> str:
    """Case, accents' composition, articles, thousands separators, punctuation and white space removed.

    After the normalisation of SQuAD (Rajpurkar et al. 2016), with numbers kept whole.
    """
    text = unicodedata.normalize("NFKC", text[:LIMIT]).casefold()
    text = join_thousands(text)
    text = _PUNCTUATION.sub(" ", text)
    text = _ARTICLES.sub(" ", text)
    return " ".join(text.split()).rstrip(".")


class ExactAnswerParameters(Record):
    """What counts as right."""

    any_of: tuple[str, ...] = Field(default=())
    """Accepted answers; the case's reference is accepted too."""
    allow_explanation: bool = True
    """True: an accepted answer may stand as the first or last line or sentence of a longer text."""


@SCORERS.register("exact_answer", version="1", parameters=ExactAnswerParameters)
class ExactAnswerScorer(Registered):
    """Held where the answer equals an accepted one after normalisation; no substring counts."""

    def __init__(self, parameters: ExactAnswerParameters) -> None:
        self._accepted = frozenset(filter(None, map(normalise_answer, parameters.any_of)))
        self._explained = parameters.allow_explanation
        self._writer = ScoreWriter(self.name, self.version)

    def score(self, case: Case, transcript: Transcript) -> Score:
        """Undetermined without an answer, or where nothing says what would be right."""
        accepted = self._accepted
        if case.reference:
            accepted = accepted | {normalise_answer(case.reference)}
        if not accepted:
            return self._writer.write(
                OutcomeKind.UNDETERMINED, "neither any_of nor a reference answer is given"
            )
        passage = last_answer(transcript)
        if passage is None or not passage.text.strip():
            return self._writer.no_answer()
        text = passage.text.strip()
        for candidate in self._candidates(text):
            for form in (candidate, _LEAD.sub("", candidate)):
                if normalise_answer(form) in accepted:
                    start = passage.text.find(form)
                    return self._writer.write(
                        OutcomeKind.HELD,
                        "the answer is one of the accepted answers",
                        label="correct",
                        evidence=[span(passage, max(start, 0), max(start, 0) + len(form))],
                    )
        return self._writer.write(
            OutcomeKind.VIOLATED,
            f"'{shorten(text, 80)}' is none of the accepted answers",
            label="incorrect",
            evidence=[span(passage, 0, len(passage.text))],
        )

    def _candidates(self, text: str) -> list[str]:
        """Where the accepted answer may stand: the whole text, its first or last line or sentence."""
        if not self._explained:
            return [text] if len(text) <= LIMIT else []
        head, tail = text[:LIMIT], text[-LIMIT:]
        lines = [text] if len(text) <= LIMIT else []
        first, last = head.split("\n", 1)[0].strip(), tail.rsplit("\n", 1)[-1].strip()
        lines += [first, last, re.split(r"(?<=[.!?。])\s+", first, maxsplit=1)[0]]
        lines.append(re.split(r"(?<=[.!?。])\s+", last)[-1])
        return [re.sub(r"[*`#]+", "", line).strip() for line in dict.fromkeys(lines) if line]
