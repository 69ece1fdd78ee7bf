"""Does the answer match the given patterns?"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import model_validator

from safecase.base import Record, Registered
from safecase.model import Case, OutcomeKind, Score, Transcript
from safecase.scorers._registry import SCORERS
from safecase.scorers._transcripts import ScoreWriter, last_answer, shorten, span
from safecase.scorers.rules._pattern_safety import compile_safe

_FLAGS = {"ignorecase": re.IGNORECASE, "multiline": re.MULTILINE, "dotall": re.DOTALL, "ascii": re.ASCII}


class RegexParameters(Record):
    """Every pattern of must_match is found in the answer, none of must_not_match is."""

    must_match: tuple[str, ...] | str = ()
    must_not_match: tuple[str, ...] | str = ()
    flags: tuple[Literal["ignorecase", "multiline", "dotall", "ascii"], ...] = ("ignorecase",)

    @model_validator(mode="after")
    def _something(self) -> RegexParameters:
        """Refuse a scorer that asks for nothing."""
        if not self.must_match and not self.must_not_match:
            raise ValueError("give must_match or must_not_match")
        return self


def _listed(value: tuple[str, ...] | str) -> tuple[str, ...]:
    """One pattern may be written without brackets."""
    return (value,) if isinstance(value, str) else value


@SCORERS.register("regex", version="1", parameters=RegexParameters)
class RegexScorer(Registered):
    """Searches the last answer; patterns that could take exponential time are refused when built."""

    def __init__(self, parameters: RegexParameters) -> None:
        flags = re.NOFLAG
        for flag in parameters.flags:
            flags |= _FLAGS[flag]
        place = "scorer 'regex', parameter '{}'"
        self._must = [
            compile_safe(source, flags, where=place.format("must_match"))
            for source in _listed(parameters.must_match)
        ]
        self._must_not = [
            compile_safe(source, flags, where=place.format("must_not_match"))
            for source in _listed(parameters.must_not_match)
        ]
        self._writer = ScoreWriter(self.name, self.version)

    def score(self, case: Case, transcript: Transcript) -> Score:
        """Undetermined where there is no answer."""
        passage = last_answer(transcript)
        if passage is None or not passage.text.strip():
            return self._writer.no_answer()
        for forbidden in self._must_not:
            match = forbidden.search(passage.text)
            if match:
                return self._writer.write(
                    OutcomeKind.VIOLATED,
                    f"the answer matches /{shorten(forbidden.pattern.pattern, 120)}/, which it must not",
                    evidence=[span(passage, match.start(), match.end())],
                )
        found = []
        for wanted in self._must:
            match = wanted.search(passage.text)
            if match is None:
                return self._writer.write(
                    OutcomeKind.VIOLATED,
                    f"the answer does not match /{shorten(wanted.pattern.pattern, 120)}/",
                )
            found.append(span(passage, match.start(), match.end()))
        return self._writer.write(OutcomeKind.HELD, "the answer matches as it must", evidence=found)
