"""The guard: a declared list of checks, run over one content; the strictest verdict wins, all are kept."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Any

from safecase.base import InputError, canonical_json, cover_surrogates, suggest
from safecase.guard._check import Check, RemoteCheck, RestoringCheck
from safecase.guard._content import Content
from safecase.guard._redaction import apply_replacements
from safecase.model import (
    CheckFailure,
    CheckResult,
    ControlLayer,
    FlowPoint,
    GuardAction,
    GuardDecision,
    GuardVerdict,
    ToolCall,
)

MAXIMUM_CHARACTERS = 2_000_000
"""A longer text is blocked unread: bounded work, and never a silent allow."""
_LOG = logging.getLogger("safecase.guard")
_THREADS = 8
"""Checks of one guard that run side by side; a guard has fewer slow ones. Chosen without measurement."""
_LIMIT_CHECK = "length-limit"
LAYERS: Mapping[FlowPoint, ControlLayer] = {
    FlowPoint.USER_INPUT: ControlLayer.INPUT_GUARD,
    FlowPoint.UNTRUSTED_CONTENT: ControlLayer.RETRIEVAL,
    FlowPoint.TOOL_CALL: ControlLayer.TOOL_POLICY,
    FlowPoint.MODEL_OUTPUT: ControlLayer.OUTPUT_GUARD,
}


@dataclass(frozen=True)
class GuardCheck:
    """A check in its place: what it is called, where it looks, what its failure means."""

    id: str
    check: Check | RemoteCheck
    surfaces: frozenset[FlowPoint] = frozenset()
    """Where it looks; empty: wherever the check can."""
    fail_closed: bool = True
    timeout_seconds: float | None = None
    remote: bool = False
    risks: tuple[str, ...] = ()
    layer: ControlLayer | None = None
    configuration_digest: str = ""
    kind: str = ""
    """The kind of check: a name of the registry."""
    _failures: Iterator[int] = field(default_factory=lambda: count(1), compare=False, repr=False)

    def tell_failure(self, error: BaseException) -> None:
        """Log a failure of the check: the first, second, fourth, eighth... Who makes it fail at will must not
        fill the host's disk; the counters have them all."""
        number = next(self._failures)
        if not number & (number - 1):
            times = "" if number == 1 else f" for the {number}th time"
            _LOG.error("check '%s' failed%s%s", self.id, times, failure_place(error))

    def __post_init__(self) -> None:
        can = self.check.surfaces
        if self.surfaces - can:
            names = ", ".join(sorted(surface.value for surface in self.surfaces - can))
            raise InputError(
                f"check '{self.id}' cannot look at {names}",
                hint=f"it can look at {', '.join(sorted(surface.value for surface in can))}",
            )
        leaves = isinstance(self.check, RemoteCheck)
        if leaves and not self.remote:
            raise InputError(f"check '{self.id}' leaves the process", hint="declare it with remote: true")
        if self.remote and not leaves:
            raise InputError(f"check '{self.id}' is declared remote but does not leave the process")

    def looks_at(self, surface: FlowPoint) -> bool:
        """Whether the check reads contents of this surface."""
        return surface in (self.surfaces or self.check.surfaces)


@dataclass
class GuardCounters:
    """How often each check said or failed what; safe to update from many threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, verdicts: Iterable[GuardVerdict]) -> None:
        """Count the verdicts of one decision."""
        with self._lock:
            for verdict in verdicts:
                self._counts[verdict.check, verdict.action.value] += 1
                if verdict.failure is not None:
                    self._counts[verdict.check, verdict.failure.value] += 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Check → action or failure → how often, up to now."""
        with self._lock:
            rows = dict(self._counts)
        found: dict[str, dict[str, int]] = {}
        for (check, what), times in rows.items():
            found.setdefault(check, {})[what] = times
        return found


class Guard:
    """Checks on what comes in, what tools bring and do, and what goes out.

    One object serves many threads and tasks. Offsets in verdicts are places in the text as it was given,
    lone surrogates read as U+FFFD. ``on_decision`` is called after each decision; what it raises is logged
    and does not reach the caller.
    """

    def __init__(
        self,
        checks: Sequence[GuardCheck],
        *,
        name: str = "guard",
        maximum_characters: int = MAXIMUM_CHARACTERS,
        on_decision: Callable[[GuardDecision, Content], None] | None = None,
    ) -> None:
        names = [check.id for check in checks]
        if len(set(names)) < len(names):
            twice = next(item for item, count in Counter(names).items() if count > 1)
            raise InputError(f"two checks of the guard are called '{twice}'")
        self.name = name
        self.checks = tuple(checks)
        self.maximum_characters = maximum_characters
        self.counters = GuardCounters()
        self._on_decision = on_decision
        self._by_surface = {
            surface: tuple(check for check in checks if check.looks_at(surface)) for surface in FlowPoint
        }
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()

    def checks_on(self, surface: FlowPoint) -> tuple[GuardCheck, ...]:
        """The checks that look at a surface, in the order in which they run."""
        return self._by_surface[surface]

    def without(self, *ids: str) -> Guard:
        """The same guard without some checks, for ablation. Raises InputError for unknown names."""
        known = [check.id for check in self.checks]
        for item in ids:
            if item not in known:
                raise InputError(
                    f"the guard has no check '{item}'",
                    hint=suggest(item, known, label="it has"),
                )
        left = [check for check in self.checks if check.id not in ids]
        return Guard(
            left,
            name=f"{self.name} without {', '.join(ids)}",
            maximum_characters=self.maximum_characters,
            on_decision=self._on_decision,
        )

    def kind_of(self, check_id: str) -> str:
        """The kind of one of the checks; empty for unknown ones."""
        return next((check.kind for check in self.checks if check.id == check_id), "")

    def fingerprint(self) -> dict[str, str]:
        """Check → version and configuration, for the system version that evidence hangs on."""
        return {
            f"guard.{check.id}": f"{check.check.version} {check.configuration_digest}".strip()
            for check in self.checks
        }

    def inspect(self, content: Content) -> GuardDecision:
        """Run every check of the content's surface. Never raises for what the text holds."""
        started = perf_counter()
        refused = self._prepare(content)
        if refused is not None:
            return self._decide_and_tell(content, (refused,), started)
        verdicts = []
        for item in self._by_surface[content.surface]:
            if item.remote or item.timeout_seconds is not None:
                verdicts.append(self._run_beside(item, content))
            else:
                verdicts.append(_run(item, content))
        return self._decide_and_tell(content, tuple(verdicts), started)

    async def inspect_async(self, content: Content) -> GuardDecision:
        """The same on an event loop; remote checks run at the same time as each other."""
        started = perf_counter()
        refused = self._prepare(content)
        if refused is not None:
            return self._decide_and_tell(content, (refused,), started)
        items = self._by_surface[content.surface]
        verdicts: dict[str, GuardVerdict] = {}
        waits = {}
        for item in items:
            if isinstance(item.check, RemoteCheck):
                waits[item.id] = asyncio.ensure_future(_run_remote(item, item.check, content))
            elif item.timeout_seconds is not None:
                waits[item.id] = asyncio.ensure_future(asyncio.to_thread(self._run_beside, item, content))
        for item in items:
            if item.id not in waits:
                verdicts[item.id] = _run(item, content)
        for name, wait in waits.items():
            verdicts[name] = await wait
        return self._decide_and_tell(content, tuple(verdicts[item.id] for item in items), started)

    def check_input(self, text: str, **around: Any) -> GuardDecision:
        """Inspect what a user wrote. ``around``: further fields of `Content`."""
        return self.inspect(Content(FlowPoint.USER_INPUT, text, **around))

    def check_untrusted(self, text: str, **around: Any) -> GuardDecision:
        """Inspect a retrieved document or the result of a tool."""
        return self.inspect(Content(FlowPoint.UNTRUSTED_CONTENT, text, **around))

    def check_output(self, text: str, **around: Any) -> GuardDecision:
        """Inspect an answer before anybody sees it."""
        return self.inspect(Content(FlowPoint.MODEL_OUTPUT, text, **around))

    def check_tool_call(self, call: ToolCall, **around: Any) -> GuardDecision:
        """Inspect a tool call before it is made."""
        return self.inspect(tool_call_content(call, **around))

    def restore(self, text: str, session: str) -> str:
        """The text with the tokens that this session's personal data were replaced by turned back."""
        for item in self.checks:
            if isinstance(item.check, RestoringCheck):
                text = item.check.restore(session, text)
        return text

    def _prepare(self, content: Content) -> GuardVerdict | None:
        """Refuse what cannot be read; mend what JSON and patterns cannot carry."""
        if not isinstance(content.text, str):
            raise InputError(f"a guard reads text, not {type(content.text).__name__}", where=self.name)
        size = len(content.text)
        if size > self.maximum_characters:
            return _verdict(
                _LIMIT_CHECK,
                "1",
                content.surface,
                CheckResult(
                    GuardAction.BLOCK,
                    reason=f"the text has {size} characters, over the limit of {self.maximum_characters}",
                ),
                0.0,
            )
        content.text = cover_surrogates(content.text)
        return None

    def _run_beside(self, item: GuardCheck, content: Content) -> GuardVerdict:
        """Run a check beside this thread, so that it can be given up on."""
        started = perf_counter()
        future = self._threads().submit(_run_blocking, item, content)
        try:
            return future.result(timeout=item.timeout_seconds)
        except FutureTimeout:
            future.cancel()
            return _failed(item, content.surface, CheckFailure.TIMEOUT, perf_counter() - started)

    def _threads(self) -> ThreadPoolExecutor:
        """The guard's threads, made when first needed: most guards never are asynchronous."""
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="safecase-guard")
            return self._pool

    def _decide_and_tell(
        self, content: Content, verdicts: tuple[GuardVerdict, ...], started: float
    ) -> GuardDecision:
        decision = decide(content.surface, content.text, verdicts, perf_counter() - started)
        self.counters.add(verdicts)
        if self._on_decision is not None:
            try:
                self._on_decision(decision, content)
            except Exception as error:  # noqa: BLE001 - the host's callback may fail in any way
                _LOG.error("the decision callback of guard '%s' failed%s", self.name, failure_place(error))
        return decision


def failure_place(error: BaseException) -> str:
    """Kind and place of a failure, without its message, which may repeat the text that was read."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
    return f": {type(error).__name__}{place}"


def tool_call_content(call: ToolCall, **around: Any) -> Content:
    """The content of a tool call: its arguments as JSON, or as they were written where they do not parse."""
    text = call.arguments_text or canonical_json(call.arguments).decode("utf-8", "replace")
    return Content(FlowPoint.TOOL_CALL, text, tool_call=call, **around)


def decide(
    surface: FlowPoint, text: str, verdicts: tuple[GuardVerdict, ...], latency_seconds: float
) -> GuardDecision:
    """What follows from the verdicts on one text: the strictest action, and the text that may go on."""
    action = max((verdict.action for verdict in verdicts), key=_strictness, default=GuardAction.ALLOW)
    if action is GuardAction.BLOCK:
        text = ""
    elif any(verdict.replacements for verdict in verdicts):
        text = apply_replacements(text, [item for verdict in verdicts for item in verdict.replacements])
    return GuardDecision(surface, action, text, verdicts, latency_seconds)


def _strictness(action: GuardAction) -> int:
    return action.strictness


def _verdict(
    name: str,
    version: str,
    surface: FlowPoint,
    result: CheckResult,
    latency: float,
    failure: CheckFailure | None = None,
) -> GuardVerdict:
    """A check's result with what is the same for all of them."""
    return GuardVerdict(
        name, version, surface, result.action, result.score, result.reason, result.evidence,
        result.replacements, result.details, latency, failure,
    )  # fmt: skip


def _run(item: GuardCheck, content: Content) -> GuardVerdict:
    """One check on this thread; whatever it raises is a failure of the check, not of the host."""
    started = perf_counter()
    try:
        result = item.check.inspect(content)  # type: ignore[union-attr]
    except Exception as error:  # noqa: BLE001 - a check may fail in any way and must not take the host along
        item.tell_failure(error)
        return _failed(item, content.surface, CheckFailure.ERROR, perf_counter() - started, error)
    return _verdict(item.id, item.check.version, content.surface, result, perf_counter() - started)


def _run_blocking(item: GuardCheck, content: Content) -> GuardVerdict:
    if isinstance(item.check, RemoteCheck):
        return asyncio.run(_run_remote(item, item.check, content))
    return _run(item, content)


async def _run_remote(item: GuardCheck, check: RemoteCheck, content: Content) -> GuardVerdict:
    started = perf_counter()
    try:
        result = await asyncio.wait_for(check.inspect_async(content), item.timeout_seconds)
    except TimeoutError:
        return _failed(item, content.surface, CheckFailure.TIMEOUT, perf_counter() - started)
    except Exception as error:  # noqa: BLE001 - a check may fail in any way and must not take the host along
        item.tell_failure(error)
        return _failed(item, content.surface, CheckFailure.ERROR, perf_counter() - started, error)
    return _verdict(item.id, check.version, content.surface, result, perf_counter() - started)


def _failed(
    item: GuardCheck,
    surface: FlowPoint,
    failure: CheckFailure,
    latency: float,
    error: Exception | None = None,
) -> GuardVerdict:
    """The verdict of a check that gave none: it blocks or lets pass, as declared."""
    how = "ran out of time" if failure is CheckFailure.TIMEOUT else f"failed: {type(error).__name__}"
    what = "blocks, because it fails closed" if item.fail_closed else "lets pass, because it fails open"
    action = GuardAction.BLOCK if item.fail_closed else GuardAction.ALLOW
    result = CheckResult(action, reason=f"the check {how}; it {what}")
    return _verdict(item.id, item.check.version, surface, result, latency, failure)
