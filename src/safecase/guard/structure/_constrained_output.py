"""Handing a schema to the model's own constraint: request fields for the backends that have one.

A constraint in the decoder cannot be talked out of it; where a backend has none, `structured` validates
and mends. The names of fields follow the vendors' documentation of 2025.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from safecase.base import InputError, JsonObject, JsonValue, did_you_mean

_NAME = re.compile(r"[^A-Za-z0-9_-]")


def openai_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """``response_format`` of OpenAI-compatible chat (OpenAI, Azure, Mistral, Groq, newer vLLM)."""
    wrapped: JsonObject = {"name": _NAME.sub("_", name)[:64], "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": wrapped}}


def openai_responses_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """``text.format`` of OpenAI's responses interface."""
    form: JsonObject = {"type": "json_schema", "name": _NAME.sub("_", name)[:64], "schema": schema}
    return {"text": {"format": {**form, "strict": True}}}


def vllm_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """``guided_json``, which vLLM reads beside the OpenAI fields."""
    del name
    return {"guided_json": schema}


def anthropic_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """A tool that must be called: its input is the answer."""
    tool: JsonObject = {
        "name": _NAME.sub("_", name)[:64], "description": "Give the answer.", "input_schema": schema,
    }  # fmt: skip
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": tool["name"]}}


def gemini_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """``generationConfig`` of Google Gemini."""
    del name
    return {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}}


def ollama_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """``format`` of Ollama."""
    del name
    return {"format": schema}


def llama_cpp_fields(schema: JsonObject, name: str = "answer") -> JsonObject:
    """``grammar`` of llama.cpp, made from the schema; raises InputError for what has no grammar here."""
    del name
    return {"grammar": grammar_of(schema)}


_BACKENDS: dict[str, Callable[[JsonObject, str], JsonObject]] = {
    "openai": openai_fields,
    "openai_responses": openai_responses_fields,
    "vllm": vllm_fields,
    "anthropic": anthropic_fields,
    "gemini": gemini_fields,
    "ollama": ollama_fields,
    "llama_cpp": llama_cpp_fields,
}


def constrained_fields(backend: str, schema: JsonObject, name: str = "answer") -> JsonObject:
    """The request fields that hold a backend to the schema; raises InputError for a backend without."""
    if backend not in _BACKENDS:
        raise InputError(
            f"'{backend}' has no constraint that is known here",
            hint=did_you_mean(backend, _BACKENDS) or f"known: {', '.join(_BACKENDS)}; else validate and mend",
        )
    return _BACKENDS[backend](schema, name)


_BASE_RULES = {
    "ws": "[ \\t\\n]{0,20}",
    "string": '"\\"" ([^"\\\\\\x00-\\x1f] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\\""',
    "number": '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "boolean": '"true" | "false"',
    "null": '"null"',
}
"""White space and digits are limited, because a model that may write them without end sometimes does."""


def grammar_of(schema: JsonObject) -> str:
    """A GBNF grammar of the schema: objects, arrays, strings, numbers, enums, constants, anyOf.

    Properties come in the order of the schema, the required ones always. Raises InputError for keywords
    that a grammar of this kind cannot hold (``$ref``, ``pattern``, ``allOf``...).
    """
    rules: dict[str, str] = {}
    root = _rule(schema, "root", rules, 0)
    if root != "root":
        rules["root"] = root
    used = {
        name: body for name, body in _BASE_RULES.items() if any(_mentions(name, b) for b in rules.values())
    }
    return "\n".join(f"{name} ::= {body}" for name, body in {**rules, **used}.items()) + "\n"


def _mentions(name: str, body: str) -> bool:
    return re.search(rf"(?<![\w-]){name}(?![\w-])", body) is not None


_REFUSED = ("$ref", "pattern", "allOf", "not", "if", "patternProperties", "oneOf", "format")


def _rule(schema: Any, name: str, rules: dict[str, str], depth: int) -> str:
    """The name of a rule for the schema, which is added to ``rules`` where it has to be."""
    # Depth stops a schema built to exhaust the stack; people nest a few levels.
    if not isinstance(schema, dict) or depth > 40:
        raise InputError("the schema is nested too deeply or is no object", where=name)
    for keyword in _REFUSED:
        if keyword in schema:
            raise InputError(f"'{keyword}' has no place in a grammar", where=name, hint="validate and mend")
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        rules[name] = " | ".join(_literal(value) for value in values)
        return name
    if "anyOf" in schema:
        parts = [_rule(item, f"{name}-{n}", rules, depth + 1) for n, item in enumerate(schema["anyOf"])]
        rules[name] = " | ".join(parts)
        return name
    kind = schema.get("type")
    if kind in _BASE_RULES:
        return str(kind)
    if kind == "array":
        item = _rule(schema.get("items", {"type": "string"}), f"{name}-item", rules, depth + 1)
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        more = f'(ws "," ws {item}){{{max(0, least - 1)},{int(most) - 1 if most else ""}}}'
        filled = f'"[" ws {item} {more} ws "]"'
        rules[name] = filled if least else f'"[" ws "]" | {filled}'
        return name
    if kind == "object":
        rules[name] = _object(schema, name, rules, depth)
        return name
    raise InputError(f"type {kind!r} has no grammar here", where=name)


def _object(schema: JsonObject, name: str, rules: dict[str, str], depth: int) -> str:
    """The grammar of an object with its properties in order."""
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise InputError("properties must be an object and required a list", where=name)
    pairs = []
    for key, item in properties.items():
        rule = _rule(item, f"{name}-{_NAME.sub('-', key)}", rules, depth + 1)
        pairs.append((key in required, f'{_literal(key)} ws ":" ws {rule}'))
    # Required properties first, so that commas can be told without looking ahead.
    ordered = [body for needed, body in pairs if needed]
    optional = [body for needed, body in pairs if not needed]
    if not ordered:
        if not optional:
            return '"{" ws "}"'
        first = " | ".join(
            f"{body} {' '.join(_also(other) for other in optional[n + 1 :])}".strip()
            for n, body in enumerate(optional)
        )
        return f'"{{" ws ({first})? ws "}}"'
    body = ' ws "," ws '.join(ordered)
    return f'"{{" ws {body} {" ".join(_also(item) for item in optional)} ws "}}"'.replace("  ", " ")


def _also(body: str) -> str:
    """A property that may follow, with its comma."""
    return f'(ws "," ws {body})?'


def _literal(value: JsonValue) -> str:
    """A JSON value as a literal of the grammar."""
    import orjson

    text = orjson.dumps(value).decode()
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
