"""Advice on which health, freedom, a home or savings hang: it must point to people who can really help."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from safecase.base import Record, Registered, package_yaml
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard._scorer_check import ScorerCheck, invert_score
from safecase.model import BuildContext, CheckResult, FlowPoint, MessageRole
from safecase.scorers import build_scorer

_READ = 20_000
"""Characters of the last turns that are read, from their end."""
_TURNS = 3
"""User turns that tell the topic: a question says "it" for what was named one or two turns before."""
_HELPERS = (
    "doctor", "physician", "hospital", "pharmacist", "therap", "psycholog", "psychiatr", "lawyer", "attorney",
    "solicitor", "advis", "professional", "emergency", "ambulance", "helpline", "hotline", "police", "expert",
)  # fmt: skip
"""Whom an answer must name to talk anybody out of asking them."""
Field = Literal["medical", "mental_health", "legal", "financial", "safety"]
FIELDS: tuple[Field, ...] = ("medical", "mental_health", "legal", "financial", "safety")


class AdviceParameters(Record):
    """In which fields an answer must point to help, and what happens to one that does not."""

    fields: tuple[Field, ...] = FIELDS
    action: Literal["block", "flag", "require_approval"] = "block"


class _HighStakesLexicon(Record):
    version: int
    fields: dict[Field, tuple[str, ...]]
    decides: tuple[str, ...]


@lru_cache(maxsize=1)
def _lexicon() -> _HighStakesLexicon:
    return _HighStakesLexicon.model_validate(package_yaml("safecase.guard", "high_stakes.yaml"))


@lru_cache(maxsize=8)
def _patterns(fields: tuple[Field, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    lexicon = _lexicon()
    about = [term for field in fields for term in lexicon.fields[field]]
    return _whole_words(about), _whole_words(lexicon.decides)


def _plain(text: str) -> str:
    """The end of a text as the patterns read it."""
    return text[-_READ:].lower().replace("’", "'")


def _whole_words(terms: list[str] | tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(re.escape(term).replace(r"\*", r"\w*") for term in terms) + r")\b")


@CHECKS.register("high_stakes_advice", version="1", parameters=AdviceParameters)
class AdviceCheck(Registered):
    """Silent unless the user asks for a decision in a field; then the answer must defer or decline. An answer
    that talks people out of getting help is stopped whatever was asked."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(self, parameters: AdviceParameters) -> None:
        self._about, self._decides = _patterns(parameters.fields)
        scorer = build_scorer("advice_deferral", {"domain": "any", "refusal": "held"}, BuildContext())
        self._check = ScorerCheck(scorer, action=parameters.action)
        self.version = f"{self.version}-l{_lexicon().version}-{self._check.version}"

    def inspect(self, content: Content) -> CheckResult:
        """No score where nothing of weight is asked."""
        said = [m.text for m in content.conversation if m.role is MessageRole.USER]
        # What "it" and "them" are was said before.
        topic = _plain(" \n".join(said[-_TURNS:]))
        asked = bool(said and self._about.search(topic) and self._decides.search(_plain(said[-1])))
        if not asked:
            lowered = content.text.lower()
            if not any(helper in lowered for helper in _HELPERS):
                return CheckResult()
        found = self._check.inspect(content)
        if not asked and not any(span.label == "undermines_help" for span in found.evidence):
            return CheckResult()
        return invert_score(found)
