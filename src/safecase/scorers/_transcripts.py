"""What all scorers share: the texts that they read, and the score that they write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from safecase.base import JsonValue, canonical_json, replace_surrogates
from safecase.model import MessageRole, OutcomeKind, Score, ScoreSpan, Transcript
from safecase.text import shorten as cut_text

EVIDENCE_LIMIT = 240
EVIDENCE_COUNT = 8
"""Characters of a piece of evidence, and pieces of a score: enough to judge a finding by, and every attempt's
record carries them. Chosen without measurement."""


@dataclass(frozen=True, slots=True)
class WrittenPassage:
    """One text that the system under test wrote: an assistant message or the arguments of a tool call."""

    message: int
    """Index into the transcript's messages."""
    text: str
    tool: str = ""
    """The tool's name where the text is its arguments."""


def shorten(text: str, limit: int = EVIDENCE_LIMIT) -> str:
    """``text`` cut to ``limit`` characters, storable as UTF-8, the cut shown by an ellipsis."""
    return replace_surrogates(cut_text(text, limit))


def mask_secret(text: str) -> str:
    """``text`` recognisable to those who know it and useless to others: its ends and its length."""
    text = replace_surrogates(text)
    if len(text) <= 8:
        return f"{text[:1]}…[{len(text)} characters]"
    return f"{text[:2]}…{text[-2:]}[{len(text)} characters]"


def span(passage: WrittenPassage, start: int, end: int, text: str | None = None) -> ScoreSpan:
    """The piece ``[start, end)`` of a passage as evidence; ``text`` replaces it where it must be masked."""
    shown = shorten(passage.text[start : min(end, start + EVIDENCE_LIMIT + 1)] if text is None else text)
    if passage.tool:
        return ScoreSpan(message=passage.message, text=shown)
    return ScoreSpan(message=passage.message, start=start, end=end, text=shown)


def last_answer(transcript: Transcript) -> WrittenPassage | None:
    """The last assistant message, None where there is none."""
    for index in range(len(transcript.messages) - 1, -1, -1):
        if transcript.messages[index].role is MessageRole.ASSISTANT:
            return WrittenPassage(index, transcript.messages[index].text)
    return None


def written_passages(transcript: Transcript, *, tool_arguments: bool = True) -> Iterator[WrittenPassage]:
    """Everything that the system under test wrote, in order: answers and arguments of tool calls."""
    for index, message in enumerate(transcript.messages):
        if message.role is not MessageRole.ASSISTANT:
            continue
        text = message.text
        if text:
            yield WrittenPassage(index, text)
        if tool_arguments:
            for call in message.tool_calls:
                arguments = call.arguments_text or _argument_text(call.arguments)
                if arguments:
                    yield WrittenPassage(index, arguments, call.name or "tool")


def _argument_text(arguments: dict[str, JsonValue]) -> str:
    if not arguments:
        return ""
    pieces: list[str] = []
    stack: list[JsonValue] = [arguments]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
        elif isinstance(item, dict):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif item is not None:
            pieces.append(str(item))
    return "\n".join(pieces)


def json_text(value: JsonValue) -> str:
    """``value`` as compact JSON, shortened, for explanations. Never raises."""
    try:
        return shorten(orjson.dumps(value).decode(), 120)
    except TypeError:
        try:
            return shorten(canonical_json(value).decode(), 120)
        except (TypeError, RecursionError):
            return shorten(str(type(value).__name__), 120)


@dataclass(frozen=True, slots=True)
class ScoreWriter:
    """Writes the scores of one scorer, so that name and version are said once."""

    name: str
    version: str

    def write(
        self,
        outcome: OutcomeKind,
        explanation: str,
        *,
        label: str = "",
        value: float | None = None,
        evidence: Iterable[ScoreSpan] = (),
        metadata: dict[str, JsonValue] | None = None,
    ) -> Score:
        """A score with its one-line explanation and at most eight pieces of evidence."""
        return Score(
            scorer=self.name,
            scorer_version=self.version,
            outcome=outcome,
            value=value,
            label=label,
            explanation=shorten(" ".join(explanation.split()) if "\n" in explanation else explanation, 400),
            evidence=tuple(evidence)[:EVIDENCE_COUNT],
            metadata=metadata or {},
        )

    def no_answer(self) -> Score:
        """The score of a transcript in which the system under test said nothing."""
        return self.write(
            OutcomeKind.UNDETERMINED, "the transcript holds no answer to read", label="no_answer"
        )
