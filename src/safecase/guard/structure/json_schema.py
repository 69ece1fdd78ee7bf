"""Answers that must be JSON: validated against a schema, and mended within bounds where they almost are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import orjson
from pydantic import Field

from safecase.base import JsonObject, Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.model import CheckResult, FlowPoint, GuardAction, Replacement, TextSpan
from safecase.scorers import schema_validator

SIZE_LIMIT = 400_000
"""Characters: parsing, mending and validating go over the text several times. Chosen without measurement."""
_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\n")
_TRAILING_COMMA = re.compile(r",(\s{0,200}[}\]])")
"""The limit keeps a long run of white space from being tried at each of its signs."""
_DEEPEST = 200
"""Open brackets that are closed in mending: deeper ones are no answer that broke off."""


class StructuredParameters(Record):
    """The schema, and whether an answer that is almost right may be mended."""

    schema_: JsonObject = Field(alias="schema")
    repair: bool = True
    action: Literal["block", "flag"] = "block"
    """What is done with an answer that cannot be mended."""


@CHECKS.register("json_schema", version="1", parameters=StructuredParameters)
class StructuredCheck(Registered):
    """JSON by a schema (draft 2020-12)."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(self, parameters: StructuredParameters) -> None:
        self.parameters = parameters
        self._validator = schema_validator(parameters.schema_, where="check 'json_schema'")

    def inspect(self, content: Content) -> CheckResult:
        """Pass what is valid, replace what can be mended by its mended form, act on the rest."""
        text = content.text
        whole = (TextSpan(0, len(text), "structure"),)
        if len(text) > SIZE_LIMIT:
            return CheckResult(self._action, None, "the answer is too long to be the JSON asked for", whole)
        problem = "the answer is not JSON"
        for step, candidate in enumerate(candidates(text) if self.parameters.repair else (text,)):
            try:
                value = orjson.loads(candidate)
            except (orjson.JSONDecodeError, UnicodeEncodeError):
                continue
            problem = self._problem(value)
            if problem:
                continue
            if step == 0:
                return CheckResult(score=0.0)
            made = orjson.dumps(value).decode()
            return CheckResult(
                GuardAction.REDACT, 0.0, "the answer was mended into the JSON asked for", whole,
                (Replacement(0, len(text), made),),
            )  # fmt: skip
        return CheckResult(self._action, 1.0, problem, whole)

    @property
    def _action(self) -> GuardAction:
        """What happens to an answer that misses the schema."""
        return GuardAction(self.parameters.action)

    def _problem(self, value: Any) -> str:
        """Where the value misses the schema; its content is not told."""
        try:
            error = next(iter(self._validator.iter_errors(value)), None)
        except RecursionError:
            return "the answer is nested too deeply"
        if error is None:
            return ""
        place = "/".join("item" if isinstance(part, int) else str(part)[:40] for part in error.absolute_path)
        return f"the answer misses the schema's '{error.validator}' at {place or 'the top level'}"[:200]


def candidates(text: str) -> Iterator[str]:
    """The text as it is, then ever more mended; each step costs time linear in the text."""
    yield text
    body = text.strip()
    fence = _FENCE.search(body)
    if fence:
        end = body.find("```", fence.end())
        body = body[fence.end() : end if end >= 0 else len(body)].strip()
        yield body
    starts = [place for place in (body.find("{"), body.find("[")) if place >= 0]
    if starts:
        body = body[min(starts) :]
        last = max(body.rfind("}"), body.rfind("]"))
        if last > 0:
            yield body[: last + 1]
    mended = _closed(body)
    yield mended
    yield _TRAILING_COMMA.sub(r"\1", mended)
    quoted = _TRAILING_COMMA.sub(r"\1", _closed(_double_quoted(body)))
    yield quoted
    for word, plain in (("None", "null"), ("True", "true"), ("False", "false")):
        quoted = re.sub(rf"(?<=[\[,:\s]){word}(?=[\],}}\s])", plain, quoted)
    yield quoted


def _closed(text: str) -> str:
    """The text up to the end of its first value, with a string and brackets closed that stay open."""
    stack: list[str] = []
    inside = escaped = False
    for place, letter in enumerate(text):
        if inside:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                inside = False
        elif letter == '"':
            inside = True
        elif letter in "{[":
            stack.append("}" if letter == "{" else "]")
            if len(stack) > _DEEPEST:
                return text
        elif letter in "}]" and stack:
            stack.pop()
            if not stack:
                return text[: place + 1]
    ending = ('"' if inside else "") + "".join(reversed(stack))
    # A comma or a colon before the end waits for what never came; inside of a string both are text.
    return re.sub(r"[,:\s]+$", "", text) + ending if not inside else text + ending


def _double_quoted(text: str) -> str:
    """Single-quoted strings as double-quoted ones, where no double quote stands in the text."""
    return text.replace("'", '"') if '"' not in text else text
