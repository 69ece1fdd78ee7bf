"""Asking a judge: bounded tries, one bounded repair, usage counted, refusals and nonsense kept apart."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from safecase.base import InputError, JsonObject, JsonValue, suggest
from safecase.model import (
    BuildContext,
    FailureKind,
    Message,
    MessageRole,
    Score,
    Target,
    TargetFailure,
    TargetReply,
    TargetRequest,
    Usage,
)
from safecase.scorers.judges._prompt import LONGEST_ANSWER, REPAIR, JudgeVerdict, parse_verdict

REPLIES = "replies"
"""Where a score's metadata has the answers of its judges."""
TRIES = 4
"""With the pauses between them 3.5 seconds: past a hiccup, while a failure that lasts is soon told."""
LONGEST_PAUSE_SECONDS = 20.0
"""However long the provider asks for: a judge holds up an attempt that has already been paid for."""


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """What came back from a judge: a verdict, or why there is none."""

    verdict: JudgeVerdict | None
    problem: str
    model: str
    usage: Usage
    said: tuple[JsonValue, ...] = ()
    """Each answer of the judge as it came, so that it can be read again without asking."""


def recorded_replies(score: Score) -> list[JsonValue]:
    """The answers of judges that a score holds, in the order in which they came; empty where it holds
    none."""
    found = score.metadata.get(REPLIES)
    return found if isinstance(found, list) else []


class RecordedJudges(Mapping[str, Target]):
    """Judges who say again what a score recorded of them, so that its scorer can be run without a model.

    ``play`` sets the answers; a judge who has none left fails, as it did when it was asked.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._judges = {name: _RecordedJudge(name) for name in names}

    def play(self, score: Score) -> None:
        """Take the answers of one score; those that are left from another are dropped."""
        for judge in self._judges.values():
            judge.answers.clear()
        for item in recorded_replies(score):
            named = self._judges.get(str(item.get("judge"))) if isinstance(item, dict) else None
            if named is not None and isinstance(item, dict):
                named.answers.append(item)

    def __getitem__(self, name: str) -> Target:
        return self._judges[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._judges)

    def __len__(self) -> int:
        return len(self._judges)


class _RecordedJudge:
    """A target that gives recorded answers, one a call."""

    kind = "recorded"
    demo = False
    canaries: tuple[str, ...] = ()
    system_prompt = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers: deque[JsonObject] = deque()

    def fingerprint(self) -> Mapping[str, str]:
        return {}

    def describe(self) -> JsonObject:
        return {}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def respond(self, request: TargetRequest) -> TargetReply:
        if not self.answers:
            raise TargetFailure(f"no answer of {self.name} was recorded", kind=FailureKind.NOT_RECORDED)
        said = self.answers.popleft()
        return TargetReply(
            messages=(Message(role=MessageRole.ASSISTANT, content=str(said.get("text", ""))),),
            finish_reason=str(said.get("finish_reason", "")),
            model=str(said.get("model", "")),
        )


def add_usage(first: Usage, second: Usage) -> Usage:
    """The sum of two usages; a cost is known only where both costs are (or nothing was used)."""
    costs = [item.cost_usd for item in (first, second) if item.calls or item.cost_usd is not None]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        input_tokens=first.input_tokens + second.input_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        cached_tokens=first.cached_tokens + second.cached_tokens,
        calls=first.calls + second.calls,
        cost_usd=sum(known) if known and len(known) == len(costs) else None,
    )


class JudgeClient:
    """One judge model behind the target protocol."""

    def __init__(self, scorer: str, judge: str, context: BuildContext, allow_self_judge: bool) -> None:
        """Raises InputError where there is no such judge, or where it is the model under test."""
        if judge not in context.judges:
            raise InputError(
                f"scorer '{scorer}' names the judge '{judge}', which is not among the targets",
                hint=suggest(judge, sorted(context.judges), label="targets"),
            )
        self.id = judge
        self._target: Target = context.judges[judge]
        self._target_model = context.target_model
        self.allow_self = allow_self_judge
        configured = str(self._target.fingerprint().get("model", ""))
        if not allow_self_judge and configured and configured == context.target_model:
            raise InputError(
                f"scorer '{scorer}': the judge '{judge}' is the model under test ({configured})",
                hint="name another judge, or set allow_self_judge: true, which every report will show",
            )

    def is_target(self, model: str, transcript_model: str) -> bool:
        """True where the judge's resolved model is the one that was judged."""
        return bool(model) and model in {transcript_model, self._target_model}

    async def ask(
        self, messages: tuple[Message, ...], words: frozenset[str], *, key: str, seed: int = 0
    ) -> JudgeReply:
        """Ask once, and once more where the answer does not parse. Raises TargetFailure."""
        reply = await self._respond(messages, key, seed)
        usage = _usage(reply)
        said = [self._said(reply)]
        parsed = self._parse(reply, words)
        if isinstance(parsed, str) and not parsed.startswith("refused"):
            repaired = (
                *messages,
                Message(role=MessageRole.ASSISTANT, content=_text(reply)[:4_000]),
                Message(role=MessageRole.USER, content=REPAIR.format(problem=parsed)),
            )
            reply = await self._respond(repaired, key + "/repair", seed)
            usage = add_usage(usage, _usage(reply))
            said.append(self._said(reply))
            parsed = self._parse(reply, words)
        if isinstance(parsed, str):
            return JudgeReply(None, parsed, reply.model, usage, tuple(said))
        return JudgeReply(parsed, "", reply.model, usage, tuple(said))

    def _said(self, reply: TargetReply) -> JsonValue:
        """An answer as it goes into the record: all that `_parse` reads of it."""
        return {
            "judge": self.id,
            "text": _text(reply)[: LONGEST_ANSWER + 1],
            "finish_reason": reply.finish_reason,
            "model": reply.model,
        }

    def _parse(self, reply: TargetReply, words: frozenset[str]) -> JudgeVerdict | str:
        """The verdict in a reply, or what is wrong with it."""
        text = _text(reply)
        if not text.strip():
            blocked = reply.finish_reason in {"content_filter", "SAFETY", "refusal"}
            return "refused: its provider blocked the answer" if blocked else "it is empty"
        parsed = parse_verdict(text, words)
        if isinstance(parsed, str) and "{" not in text and _is_refusal(text):
            return "refused to judge"
        return parsed

    async def _respond(self, messages: tuple[Message, ...], key: str, seed: int) -> TargetReply:
        """The judge's reply, tried again where that may help. Raises TargetFailure."""
        request = TargetRequest(messages=messages, conversation_id=key, seed=seed)
        for attempt in range(TRIES):
            try:
                return await self._target.respond(request)
            except TargetFailure as failure:
                if not failure.retryable or attempt == TRIES - 1:
                    raise
                pause = failure.retry_after if failure.retry_after is not None else 0.5 * 2**attempt
            await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
        raise AssertionError("the loop above returns or raises")


def _text(reply: TargetReply) -> str:
    """The judge's last words; what it said before them was thinking aloud."""
    return next((item.text for item in reversed(reply.messages) if item.role is MessageRole.ASSISTANT), "")


def _usage(reply: TargetReply) -> Usage:
    """What the reply used; a target that counts nothing was still called once."""
    return reply.usage if reply.usage.calls else reply.usage.model_copy(update={"calls": 1})


def _is_refusal(text: str) -> bool:
    from safecase.scorers.refusal._classifier import AnswerKind, classify_answer

    return classify_answer("", text).kind is AnswerKind.FULL_REFUSAL
