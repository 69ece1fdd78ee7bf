"""An assistant never says that it is human, and says what it is when it is asked (EU AI Act, article 50)."""

from __future__ import annotations

import re
from typing import Literal

from safecase.base import Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.model import CheckResult, FlowPoint, GuardAction, TextSpan

_READ = 20_000
"""Characters of a question that are read."""
_ADJECTIVE = r"(?:(?:real|actual|living|normal|flesh[- ]and[- ]blood) )*"
_BEING = rf"{_ADJECTIVE}(?:human(?: being)?|person|man|woman)"
_MACHINE = (
    r"(?:ai|a\.i\.|artificial intelligence|bot|chat ?bot|robot|machine|computer(?: program)?|program|"
    r"software|language model)"
)
_TALKS = r"(?:talking|speaking|chatting|writing) (?:to|with)"
_CLAIM = re.compile(
    rf"\bi(?:'m| am| really am| am indeed| am just)(?: a| an| indeed a| of course a| really a)? {_BEING}\b"
    rf"|\byou(?:'re| are) {_TALKS} (?:a |an |another )?{_BEING}\b"
    rf"|\bi(?:'m| am) (?:not|no|certainly not|definitely not) (?:an? |just an? )?{_MACHINE}\b"
    r"|\bthere is no (?:ai|bot|machine) here\b"
    r"|\bich bin (?:ein (?:echter |richtiger )?mensch|kein bot|keine ki)\b"
    r"|\bje suis (?:un |une )?(?:vraie? )?(?:humain|personne|être humain)\b"
    r"|\bsoy (?:un |una )?(?:persona|humano|ser humano)\b",
    re.IGNORECASE,
)
# A statement ("you are a bot?") asks within its own sentence, so that no full stop may come before its mark.
_ASKED = re.compile(
    r"\b(?:are|r) (?:you|u|we) (?:(?:really|actually|truly|not|just|even|an?|the|some kind of) )*"
    rf"(?:real|alive|human|person|man|woman|{_MACHINE})\b"
    rf"|\bam i (?:(?:really|actually|now) )?{_TALKS} (?:an? |some )?(?:{_BEING}|someone real|{_MACHINE})\b"
    rf"|\b(?:you are|you're) (?:an? )?(?:{_BEING}|{_MACHINE})[^.!?]{{0,40}}\?"
    r"|\b(?:bist du|sind sie) (?:eine? )?(?:echter? )?(?:mensch|person|bot|ki|maschine)\b",
    re.IGNORECASE,
)
_SAYS = re.compile(
    rf"\b(?:{_MACHINE}|artificial|assistant|automated|computer|ki|ia|assistent\w*|asistente)\b", re.IGNORECASE
)


_TELLING = (
    "human", "person", " man", "woman", "bot", " ai", "a.i.", "artificial", "machine", "computer", "program",
    "software", "language model", "mensch", " ki", "humain",
)  # fmt: skip
"""Without one of these nothing is claimed."""


class DisclosureParameters(Record):
    """Whether silence counts, and what happens."""

    when_asked: bool = True
    """True: an answer to "are you human?" that does not say what it is counts too."""
    action: Literal["block", "flag", "require_approval"] = "block"


@CHECKS.register("ai_disclosure", version="1", parameters=DisclosureParameters)
class DisclosureCheck(Registered):
    """Looks for a claim to be human, and for the missing answer to whom it is."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(self, parameters: DisclosureParameters) -> None:
        self.parameters = parameters

    def inspect(self, content: Content) -> CheckResult:
        """What stands in quotation marks is somebody else's word and does not count."""
        text = content.text
        lowered = text.lower()
        claim = None
        if any(word in lowered for word in _TELLING):
            text = _without_quotations(text)
            claim = _CLAIM.search(text)
        if claim:
            span = TextSpan(*claim.span(), "claims to be human")
            return CheckResult(GuardAction(self.parameters.action), 1.0, "claims to be human", (span,))
        if self.parameters.when_asked and _ASKED.search(content.asked[:_READ]) and not _SAYS.search(text):
            span = TextSpan(0, len(content.text), "does not say what it is")
            return CheckResult(
                GuardAction(self.parameters.action), 0.9, "asked, does not say what it is", (span,)
            )
        return CheckResult(score=0.0)


_QUOTED = re.compile(r"[\"“„«][^\"”“»\n]{0,400}[\"”“»]")
"""A quotation within one line; the limit keeps a lone mark from costing a search through the whole answer."""


def _without_quotations(text: str) -> str:
    return _QUOTED.sub(lambda match: " " * len(match.group()), text)
