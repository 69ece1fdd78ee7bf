"""An answer on its way out: nothing is let go before every check that could stop it has read it."""

from __future__ import annotations

import logging
import re
from time import perf_counter

from safecase.base import InputError
from safecase.guard._check import StreamingCheck, StreamStage, WindowedCheck
from safecase.guard._content import Content
from safecase.guard._pipeline import Guard, GuardCheck, decide, failure_place
from safecase.model import (
    CheckFailure,
    CheckResult,
    FlowPoint,
    GuardAction,
    GuardDecision,
    GuardVerdict,
    TextSpan,
)

_LOG = logging.getLogger("safecase.guard")
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s)|\n")
_LONGEST_WINDOW = 800
"""Characters after which text without a sentence end is read all the same, or a user would see none of it."""
_CONTEXT = 3_000
"""Characters of what was let go that are read again before each piece, because an offence may span sentences;
each piece costs as much. Both chosen without measurement (design/guard-pipeline.md)."""


class WindowStage:
    """Lets sentences go once a check that only blocks or flags has read them with what stood before.

    For checks that need no more than a passage to see what they look for. What is held back never exceeds
    one sentence or `_LONGEST_WINDOW` characters, and the ``holdback`` that a check declares.
    """

    def __init__(self, check: WindowedCheck, content: Content) -> None:
        self._check = check
        self._holdback = check.holdback
        self._around = content
        self._passed = ""
        self._held = ""
        self._offset = 0
        self._result = CheckResult()

    @property
    def result(self) -> CheckResult:
        """The strictest result of the windows; offsets count from the start of the answer."""
        return self._result

    def feed(self, chunk: str) -> str:
        """Take a piece; returns the sentences that are cleared by it."""
        self._held += chunk
        limit = len(self._held) - self._holdback
        ends = [match.end() for match in _SENTENCE_END.finditer(self._held, 0, max(0, limit))]
        cut = ends[-1] if ends else 0
        if not cut and limit >= _LONGEST_WINDOW:
            cut = limit
        return self._clear(cut) if cut else ""

    def finish(self) -> str:
        """Read what is left and let it go."""
        return self._clear(len(self._held)) if self._held else ""

    def _clear(self, cut: int) -> str:
        """Read the held text in its context and let go of what stands before ``cut``; nothing where it is
        stopped."""
        piece, rest = self._held[:cut], self._held[cut:]
        before = self._passed[-_CONTEXT:]
        # What is kept back is read too: a part of it may complete what the piece begins.
        window = Content(
            FlowPoint.MODEL_OUTPUT,
            before + self._held,
            conversation=self._around.conversation,
            documents=self._around.documents,
            system_prompt=self._around.system_prompt,
            session=self._around.session,
            segment=self._around.segment,
            language=self._around.language,
        )
        found = self._check.inspect(window)
        if found.replacements:
            raise InputError("a check that redacts cannot read an answer window by window")
        shift = self._offset + len(self._passed) - len(before)
        if found.action.strictness > self._result.action.strictness or (
            found.action is self._result.action and (found.score or 0) > (self._result.score or 0)
        ):
            spans = tuple(TextSpan(e.start + shift, e.end + shift, e.label) for e in found.evidence)
            self._result = CheckResult(found.action, found.score, found.reason, spans, (), found.details)
        self._held = rest
        if found.action in (GuardAction.BLOCK, GuardAction.REQUIRE_APPROVAL):
            return ""
        self._passed += piece
        if len(self._passed) > 4 * _CONTEXT:
            self._offset += len(self._passed) - _CONTEXT
            self._passed = self._passed[-_CONTEXT:]
        return piece


class _Stage:
    """One check of the chain: its stage, its time, its failure."""

    def __init__(self, item: GuardCheck, stage: StreamStage) -> None:
        self.item = item
        self._stage = stage
        self._seconds = 0.0
        self._failed = False

    def step(self, chunk: str | None) -> str:
        """Feed a piece, or finish for None. A crash keeps what is held where the check fails closed."""
        if self._failed:
            return "" if self.item.fail_closed else chunk or ""
        started = perf_counter()
        try:
            return self._stage.finish() if chunk is None else self._stage.feed(chunk)
        except Exception as error:  # noqa: BLE001 - a check may fail in any way and must not take the host along
            _LOG.error("check '%s' failed on a stream%s", self.item.id, failure_place(error))
            self._failed = True
            return ""
        finally:
            self._seconds += perf_counter() - started

    def verdict(self) -> GuardVerdict:
        """What the check says of the answer up to now."""
        if self._failed:
            # What the stage had held back is lost with it, so the answer is incomplete either way.
            action = GuardAction.BLOCK if self.item.fail_closed else GuardAction.FLAG
            result = CheckResult(action, reason="the check failed while the answer was being written")
            failure: CheckFailure | None = CheckFailure.ERROR
        else:
            result, failure = self._stage.result, None
        return GuardVerdict(
            self.item.id, self.item.check.version, FlowPoint.MODEL_OUTPUT, result.action, result.score,
            result.reason, result.evidence, (), result.details, self._seconds, failure,
        )  # fmt: skip


class OutputStream:
    """One answer through the output checks of a guard.

    Checks that can read piece by piece do so one behind the other; where a check needs the whole answer,
    everything is held until the end. After a block nothing comes out any more: see ``blocked``.

        stream = OutputStream(guard)
        for piece in answer:
            show(stream.feed(piece))
        show(stream.finish())
        stream.decision.action
    """

    def __init__(self, guard: Guard, content: Content | None = None) -> None:
        around = content or Content(FlowPoint.MODEL_OUTPUT, "")
        self._guard = guard
        self._around = around
        self._stages: list[_Stage] = []
        whole: list[GuardCheck] = []
        for item in guard.checks_on(FlowPoint.MODEL_OUTPUT):
            if isinstance(item.check, StreamingCheck):
                self._stages.append(_Stage(item, item.check.open_stream(around)))
            elif isinstance(item.check, WindowedCheck) and item.check.windowed:
                self._stages.append(_Stage(item, WindowStage(item.check, around)))
            else:
                whole.append(item)
        self._whole = Guard(whole, name=guard.name, maximum_characters=guard.maximum_characters)
        self._held: list[str] = []
        self._size = 0
        self._started = perf_counter()
        self._decision: GuardDecision | None = None

    @property
    def blocked(self) -> bool:
        """Nothing more may go out."""
        return self._decision is not None and not self._decision.allowed

    @property
    def decision(self) -> GuardDecision:
        """The decision on the whole answer; raises InputError before `finish`, unless it is blocked."""
        if self._decision is None:
            raise InputError("the answer is not complete: call finish() first")
        return self._decision

    def feed(self, chunk: str) -> str:
        """Take a piece of the answer; returns what may be shown now."""
        if self._decision is not None:
            return ""
        self._size += len(chunk)
        if self._size > self._guard.maximum_characters:
            self._decide_over("x" * (self._guard.maximum_characters + 1))
            return ""
        for stage in self._stages:
            chunk = stage.step(chunk) if chunk else chunk
        if self._stopped():
            return ""
        if self._whole.checks:
            self._held.append(chunk)
            return ""
        return chunk

    def finish(self) -> str:
        """The answer is complete; returns the last that may be shown, and makes the decision."""
        if self._decision is not None:
            return ""
        tail = ""
        for stage in self._stages:
            tail = (stage.step(tail) if tail else "") + stage.step(None)
        if self._stopped():
            return ""
        self._held.append(tail)
        text = "".join(self._held)
        self._decide_over(text)
        return self.decision.text

    def _stopped(self) -> bool:
        """Whether a check has stopped the answer; then the decision is made."""
        verdicts = tuple(stage.verdict() for stage in self._stages)
        if not any(v.action in (GuardAction.BLOCK, GuardAction.REQUIRE_APPROVAL) for v in verdicts):
            return False
        self._decision = decide(FlowPoint.MODEL_OUTPUT, "", verdicts, perf_counter() - self._started)
        self._guard.counters.add(verdicts)
        return True

    def _decide_over(self, text: str) -> None:
        whole = self._whole.inspect(
            Content(
                FlowPoint.MODEL_OUTPUT,
                text,
                conversation=self._around.conversation,
                documents=self._around.documents,
                system_prompt=self._around.system_prompt,
                session=self._around.session,
                segment=self._around.segment,
                language=self._around.language,
            )
        )
        streamed = tuple(stage.verdict() for stage in self._stages)
        verdicts = (*streamed, *whole.verdicts)
        final = decide(FlowPoint.MODEL_OUTPUT, "", verdicts, perf_counter() - self._started)
        self._decision = GuardDecision(
            final.surface, final.action, "" if not final.allowed else whole.text, verdicts,
            final.latency_seconds,
        )  # fmt: skip
        self._guard.counters.add(verdicts)
