"""Is the answer JSON that satisfies a schema?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import Field

from safecase.base import InputError, JsonObject, Record, Registered
from safecase.model import Case, OutcomeKind, Score, Transcript
from safecase.scorers._registry import SCORERS
from safecase.scorers._transcripts import ScoreWriter, last_answer, shorten, span

SIZE_LIMIT = 2_000_000
"""Longer answers are violated without being parsed: no schema in use asks for them."""
_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\n")


class JsonSchemaParameters(Record):
    """The schema (draft 2020-12), and whether JSON may stand in a code fence."""

    schema_: JsonObject = Field(alias="schema")
    allow_fence: bool = True


@SCORERS.register("json_schema", version="1", parameters=JsonSchemaParameters)
class JsonSchemaScorer(Registered):
    """Held where the answer parses as JSON and satisfies the schema. References never leave the schema."""

    def __init__(self, parameters: JsonSchemaParameters) -> None:
        self._validator = schema_validator(
            parameters.schema_, where=f"scorer '{self.name}', parameter 'schema'"
        )
        self._fence = parameters.allow_fence
        self._writer = ScoreWriter(self.name, self.version)

    def score(self, case: Case, transcript: Transcript) -> Score:
        """Undetermined where there is no answer; text that is no JSON is violated."""
        passage = last_answer(transcript)
        if passage is None or not passage.text.strip():
            return self._writer.no_answer()
        if len(passage.text) > SIZE_LIMIT:
            return self._writer.write(
                OutcomeKind.VIOLATED, f"the answer is longer than {SIZE_LIMIT} characters", label="too_long"
            )
        parsed, problem = self._parse(passage.text)
        if problem:
            return self._writer.write(
                OutcomeKind.VIOLATED,
                f"the answer is not JSON: {problem}",
                label="not_json",
                evidence=[span(passage, 0, len(passage.text))],
            )
        try:
            error = next(iter(self._validator.iter_errors(parsed)), None)
        except RecursionError:
            return self._writer.write(
                OutcomeKind.VIOLATED, "the answer is nested too deeply", label="too_deep"
            )
        if error is not None:
            place = "/".join(str(part) for part in error.absolute_path) or "the top level"
            return self._writer.write(
                OutcomeKind.VIOLATED,
                f"at {shorten(place, 80)}: {shorten(error.message, 200)}",
                label="schema_violation",
            )
        return self._writer.write(OutcomeKind.HELD, "the answer satisfies the schema")

    def _parse(self, text: str) -> tuple[Any, str]:
        """The first candidate that is JSON, or what is wrong with the first."""
        problem = ""
        for candidate in self._candidates(text):
            try:
                return orjson.loads(candidate.encode("utf-8")), ""
            except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
                problem = problem or shorten(str(error), 120)
        return None, problem or "nothing to parse"

    def _candidates(self, text: str) -> Iterator[str]:
        """The whole answer, then the body of its first code fence where that is allowed."""
        yield text.strip()
        fence = _FENCE.search(text) if self._fence else None
        if fence:
            end = text.find("```", fence.end())
            yield text[fence.end() : end if end >= 0 else len(text)].strip()


def schema_validator(schema: JsonObject, *, where: str) -> Any:
    """A validator whose references never leave the schema; raises InputError for what is no schema."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry as SchemaRegistry

    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        message = getattr(error, "message", "the schema is nested too deeply")
        raise InputError(f"the schema is not a JSON Schema: {shorten(message, 200)}", where=where) from None
    _check_references(schema, where)
    # An empty registry retrieves nothing, so a hostile $ref cannot reach the network or the disk.
    return Draft202012Validator(schema, registry=SchemaRegistry())


def _check_references(schema: JsonObject, where: str) -> None:
    stack: list[Any] = [schema]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            reference = item.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                raise InputError(
                    f"the schema refers to '{shorten(reference, 80)}' outside itself",
                    where=where,
                    hint="put the definition under $defs and refer to #/$defs/...",
                )
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
