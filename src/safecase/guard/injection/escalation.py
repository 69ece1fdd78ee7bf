"""Escalation over turns: a conversation that walks, step by step, to where it could not have begun.

Each user turn has a score of its own; the conversation's score is a leaky sum of them, so that several
turns that are each below the threshold add up, while an innocent stretch lets it fall again. Rephrasing
what was refused, and pushing on after it, count more. Nothing is remembered: the score is computed from
the conversation as the caller gives it, of which the last turns are read.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from pydantic import Field

from safecase.base import Record
from safecase.guard._check import Check
from safecase.guard._content import Content
from safecase.guard._linear.heads import Classifier, score
from safecase.guard._registry import CHECKS
from safecase.guard.injection._heads import PANELS, shipped_classifier
from safecase.guard.injection._signatures import SignatureSet, shipped_signatures
from safecase.model import CheckResult, FlowPoint, GuardAction, Message, MessageRole, TextSpan

VERSION = "1"
_LONGEST_TURN = 8_000
"""Characters of a turn that are weighed: a conversation escalates in what people type. Chosen without
measurement."""
_REMEMBERED = 4_096
"""Turns. Chosen without measurement: a turn that fell out is weighed anew."""
_REFUSED = re.compile(
    r"\b(?:can(?:no|')t|can not|won't|will not|unable to|not able to|not (?:comfortable|going to)|"
    r"sorry|decline|kann (?:ich )?(?:das |dir |ihnen )?nicht|ne peux pas|no puedo|non posso|não posso|"
    r"kan (?:ik )?niet|nie mogę|не могу|edemem|tidak (?:bisa|dapat)|không thể)|"
    r"无法|不能|できません|없습니다|لا (?:أستطيع|يمكنني)|नहीं कर सकत",
    re.IGNORECASE,
)
"""How refusals begin; read in the first words of an answer only."""
_FIRST_WORDS = 240
"""Characters: a refusal comes first in an answer; further on the same words occur in advice."""


class EscalationParameters(Record):
    """How much adds up to what."""

    block_at: float = Field(default=0.97, gt=0, le=1)
    flag_at: float = Field(default=0.85, gt=0, le=1)
    turns: int = Field(default=12, ge=2, le=100)
    """User turns that are looked back on."""
    keep: float = Field(default=0.75, gt=0, lt=1)
    """Share of the sum that is left after another turn."""
    after_refusal: float = Field(default=0.6, ge=0)
    """Log-odds that a turn adds for pushing on with a refused matter."""


class EscalationCheck:
    """The conversation-level score of user turns."""

    surfaces = frozenset({FlowPoint.USER_INPUT})

    def __init__(
        self, parameters: EscalationParameters, classifier: Classifier, signatures: SignatureSet
    ) -> None:
        self.parameters = parameters
        self._classifier = classifier
        self._signatures = signatures
        self.version = f"{VERSION}-w{classifier.digest[7:15]}"
        # Earlier turns come again with each later one.
        self._evidence = lru_cache(maxsize=_REMEMBERED)(self._weigh)

    def inspect(self, content: Content) -> CheckResult:
        """Score of the conversation up to and with this turn; a first turn has no chain to judge."""
        turns = _turns(content.conversation)[-self.parameters.turns + 1 :]
        if not turns:
            return CheckResult(score=0.0)
        total = 0.0
        words: set[str] = set()
        pushes = 0
        for text, refused in [*turns, (content.text, False)]:
            pushing = bool(words) and _overlap(words, text)
            total = self.parameters.keep * total + self._evidence(text[:_LONGEST_TURN])
            if pushing:
                pushes += 1
                total += self.parameters.after_refusal * pushes
            if refused:
                words = _content_words(text)
        chance = 1 / (1 + math.exp(-(total - 2.0)))
        action = GuardAction.ALLOW
        if chance >= self.parameters.block_at:
            action = GuardAction.BLOCK
        elif chance >= self.parameters.flag_at:
            action = GuardAction.FLAG
        if action is GuardAction.ALLOW:
            return CheckResult(score=chance)
        return CheckResult(
            action,
            chance,
            f"the conversation escalates over {len(turns) + 1} turns, {pushes} of them push what was refused",
            (TextSpan(0, len(content.text), "escalation"),),
            details={"turns": len(turns) + 1, "pushes_after_refusal": pushes},
        )

    def _weigh(self, text: str) -> float:
        """Evidence of one turn in log-odds above nought; an innocent turn adds nothing."""
        chance = score(text, self._classifier.panel(PANELS["direct"])).probability
        evidence = max(0.0, math.log(max(chance, 1e-6) / (1 - min(chance, 1 - 1e-6))) + 2.0)
        for match in self._signatures.find(text, FlowPoint.USER_INPUT):
            evidence += 2.0 * match.signature.weight
        return min(evidence, 4.0)


def _turns(conversation: tuple[Message, ...]) -> list[tuple[str, bool]]:
    """Each user turn and whether it was refused."""
    turns: list[tuple[str, bool]] = []
    for message in conversation:
        if message.role is MessageRole.USER:
            turns.append((message.text, False))
        elif message.role is MessageRole.ASSISTANT and turns and _REFUSED.search(message.text[:_FIRST_WORDS]):
            turns[-1] = (turns[-1][0], True)
    return turns


def _content_words(text: str) -> set[str]:
    return {word for word in text.lower().split() if len(word) > 4}


def _overlap(words: set[str], text: str) -> bool:
    """The turn speaks of the refused matter again, or asks for it by pointing back at it."""
    other = _content_words(text)
    if len(text) < 80 and not other - words:
        return True
    return len(words & other) >= max(1, min(len(words), len(other)) // 4)


@CHECKS.register("escalation", version=VERSION, parameters=EscalationParameters)
def build(parameters: EscalationParameters) -> Check:
    """Builds the check."""
    return EscalationCheck(parameters, shipped_classifier(), shipped_signatures())
