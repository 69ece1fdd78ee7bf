"""SARIF 2.1.0 (OASIS): a gate's missed rules beside the lines that declare them, for code hosts."""

from __future__ import annotations

from safecase.base import JsonObject, SourcePosition, canonical_json
from safecase.model import RuleClass, RuleStatus, Verdict, VerdictKind, rule_name

_SARIF_LEVEL = {RuleClass.FLOOR: "error", RuleClass.BOUNDED: "error", RuleClass.ADVISORY: "warning"}


def render_sarif(verdict: Verdict, positions: dict[str, SourcePosition], *, safecase_version: str) -> bytes:
    """SARIF 2.1.0 with one result per rule that is not met or lacks evidence.

    ``positions`` maps rule ids to where they stand in the workspace.
    """
    results: list[JsonObject] = []
    rules: list[JsonObject] = []
    for index, result in enumerate(verdict.rules):
        rules.append(
            {
                "id": result.rule.id,
                "shortDescription": {"text": rule_name(result)},
                "properties": {"class": result.rule.rule_class.value, "metric": result.rule.metric},
            }
        )
        if result.status is RuleStatus.MET:
            continue
        entry: JsonObject = {
            "ruleId": result.rule.id,
            "ruleIndex": index,
            "level": _SARIF_LEVEL[result.rule.rule_class]
            if result.status is RuleStatus.NOT_MET
            else "warning",
            "message": {"text": result.sentence},
            "properties": {"status": result.status.value},
        }
        position = positions.get(result.rule.id)
        if position is not None:
            entry["locations"] = [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": position.file},
                        "region": {
                            "startLine": max(position.line, 1),
                            "startColumn": max(position.column, 1),
                        },
                    }
                }
            ]
        results.append(entry)
    if verdict.sealed and verdict.kind not in (VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS):
        # One word is all that people hear of a sealed certification; without a result a host shows success.
        rules.append({"id": "certification", "shortDescription": {"text": f"Gate {verdict.gate}"}})
        results.append(
            {
                "ruleId": "certification",
                "ruleIndex": 0,
                "level": "error",
                "message": {"text": " ".join(verdict.reasons)},
                "properties": {"status": verdict.kind.value},
            }
        )
    document: JsonObject = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "safecase", "version": safecase_version, "rules": list(rules)}},
                "results": list(results),
                "properties": {
                    "verdict": verdict.kind.value,
                    "runId": verdict.run_id,
                    "systemVersion": verdict.system_version,
                    "demo": verdict.demo,
                },
            }
        ],
    }
    return canonical_json(document)
