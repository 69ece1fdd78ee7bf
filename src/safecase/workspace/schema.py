"""JSON Schema of workspace files, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from safecase.model import Case, Combination, Dataset, Defaults, Limits, People, Pools, Price, Suite, System
from safecase.workspace._suite_builder import SUITE_KEYS
from safecase.workspace.loader import LISTS

_TEXTS = {"type": "array", "items": {"type": "string"}}


def workspace_schema() -> dict[str, Any]:
    """A draft 2020-12 schema that knows every top-level key and every shorthand."""
    definitions: dict[str, Any] = {}

    def define(model: Any) -> dict[str, Any]:
        schema = TypeAdapter(model).json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        definitions[model.__name__] = schema
        return {"$ref": f"#/$defs/{model.__name__}"}

    properties: dict[str, Any] = {
        key: {"type": "array", "items": define(model)} for key, model in LISTS.items()
    }
    properties |= {
        key: define(model)
        for key, model in (
            ("system", System),
            ("people", People),
            ("defaults", Defaults),
            ("pools", Pools),
        )
    }
    for model in (Limits, Price, Case, Suite, Dataset):
        define(model)
    for definition in definitions.values():
        # References are written as text; the loader resolves them.
        if "taxonomy" in definition.get("properties", {}):
            definition["properties"]["taxonomy"] = _TEXTS
    gate = definitions["Gate"]
    gate["properties"]["extends"] = {
        "type": "string",
        "description": "A gate of the workspace, or a template: chat, copilot, rag, agent, regulated.",
    }
    gate["properties"]["without"] = {**_TEXTS, "description": "Inherited rules that are dropped."}
    gate["properties"]["rationale"] = {"type": "string"}
    # A gate that extends another needs no rules, and its rules may hold only what differs.
    gate["required"] = ["id"]
    case = definitions["Case"]
    expectation = {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"scorer": {"type": "string"}}, "required": ["scorer"]},
        ]
    }
    fields = {
        **case["properties"],
        "prompt": {"type": "string", "description": "One user message."},
        "system": {"type": "string", "description": "A system message in front."},
        "turns": {**_TEXTS, "description": "User messages, each answered live."},
        "expect": {"anyOf": [expectation, {"type": "array", "items": expectation}]},
    }
    definitions["CaseEntry"] = {
        "type": "object", "properties": fields, "additionalProperties": False, "required": ["id"],
    }  # fmt: skip
    definitions["CaseDefaults"] = {"type": "object", "properties": fields, "additionalProperties": False}
    definitions["TemplateEntry"] = {
        "type": "object",
        "properties": {
            **fields,
            "parameters": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
            "combine": {"enum": list(Combination)},
        },
        "additionalProperties": False,
        "required": ["id"],
    }
    dataset = dict(definitions["Dataset"]["properties"]) | {
        "root_env": {"type": "string", "pattern": "^SAFECASE_"}
    }
    suite = {key: value for key, value in definitions["Suite"]["properties"].items() if key in SUITE_KEYS}
    definitions["SuiteEntry"] = {
        "type": "object",
        "properties": {
            **suite,
            "defaults": {"$ref": "#/$defs/CaseDefaults"},
            "cases": {"type": "array", "items": {"$ref": "#/$defs/CaseEntry"}},
            "templates": {"type": "array", "items": {"$ref": "#/$defs/TemplateEntry"}},
            "datasets": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": dataset,
                    "additionalProperties": False,
                    "required": ["id", "path"],
                },
            },
            "variants": {"type": "array"},
            "use": {"type": "string", "description": "A built-in suite."},
            "risk": {"type": "string"},
            "risks": {"type": "object", "additionalProperties": {"type": "string"}},
            "select": {"type": "string"},
            "limit_per_family": {"type": "integer", "minimum": 1},
        },
        "additionalProperties": False,
        "anyOf": [{"required": ["id"]}, {"required": ["use"]}],
    }
    properties["suites"] = {"type": "array", "items": {"$ref": "#/$defs/SuiteEntry"}}
    properties["targets"] = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "kind": {"type": "string"},
                "limits": {"$ref": "#/$defs/Limits"},
                "price": {"$ref": "#/$defs/Price"},
                "component": {"type": "string"},
            },
            "required": ["id", "kind"],
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "safecase workspace file",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": definitions,
    }
