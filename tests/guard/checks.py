"""Checks with known behaviour."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from safecase.guard import Content, GuardCheck
from safecase.model import CheckResult, FlowPoint, GuardAction, Replacement, TextSpan

EVERYWHERE = frozenset(FlowPoint)


@dataclass
class WordCheck:
    """Finds a word and does what it was told."""

    word: str
    action: GuardAction = GuardAction.BLOCK
    version: str = "1"
    surfaces: frozenset[FlowPoint] = EVERYWHERE
    windowed: bool = False
    holdback: int = 0

    def inspect(self, content: Content) -> CheckResult:
        start = content.text.find(self.word)
        if start < 0:
            return CheckResult(score=0.0)
        end = start + len(self.word)
        made = (Replacement(start, end, "[gone]"),) if self.action is GuardAction.REDACT else ()
        return CheckResult(self.action, 1.0, "the word", (TextSpan(start, end, "word"),), made)


class CrashingCheck:
    version = "1"
    surfaces = EVERYWHERE

    def inspect(self, content: Content) -> CheckResult:
        raise ValueError(f"cannot read {content.text}")


class SlowCheck:
    version = "1"
    surfaces = EVERYWHERE

    def inspect(self, content: Content) -> CheckResult:
        time.sleep(0.5)
        return CheckResult()


@dataclass
class RemoteWordCheck:
    word: str
    seconds: float = 0.0
    version: str = "1"
    surfaces: frozenset[FlowPoint] = EVERYWHERE

    async def inspect_async(self, content: Content) -> CheckResult:
        await asyncio.sleep(self.seconds)
        return CheckResult(GuardAction.FLAG if self.word in content.text else GuardAction.ALLOW)


def placed(check: object, name: str = "check", **options: object) -> GuardCheck:
    return GuardCheck(id=name, check=check, **options)  # type: ignore[arg-type]
