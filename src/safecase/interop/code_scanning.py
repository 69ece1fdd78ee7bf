"""Reports for CI systems: SARIF for code hosts, JUnit for test views."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from safecase.base import JsonObject, SourcePosition, canonical_json
from safecase.model import RuleClass, RuleResult, RuleStatus, Verdict, rule_name

_SARIF_LEVEL = {RuleClass.FLOOR: "error", RuleClass.BOUNDED: "error", RuleClass.ADVISORY: "warning"}


def _xml_text(text: str) -> str:
    return "".join(
        letter
        if letter in "\t\n\r"
        or (letter >= " " and not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff")
        else "\ufffd"
        for letter in text
    )


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


def render_junit(verdict: Verdict) -> bytes:
    """JUnit XML: one test per rule and category; too little evidence is an error, not a failure."""
    root = Element("testsuites", name="safecase")
    tests = list(_tests(verdict.rules))
    failures = sum(status is RuleStatus.NOT_MET for _, _, _, status in tests)
    errors = sum(status in (RuleStatus.INSUFFICIENT, RuleStatus.NOT_CONFIGURED) for *_, status in tests)
    suite = SubElement(
        root,
        "testsuite",
        name=_xml_text(f"gate {verdict.gate}"),
        tests=str(len(tests)),
        failures=str(failures),
        errors=str(errors),
    )
    properties = SubElement(suite, "properties")
    for name, value in (
        ("verdict", verdict.kind.value),
        ("run", verdict.run_id),
        ("demo", str(verdict.demo)),
    ):
        SubElement(properties, "property", name=name, value=_xml_text(value))
    for rule, category, sentence, status in tests:
        case = SubElement(suite, "testcase", classname=_xml_text(rule), name=_xml_text(category))
        if status is RuleStatus.NOT_MET:
            SubElement(case, "failure", message=_xml_text(sentence))
        elif status is not RuleStatus.MET:
            SubElement(case, "error", message=_xml_text(sentence), type=status.value)
    body: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body + b"\n"


def _tests(results: Iterable[RuleResult]) -> Iterable[tuple[str, str, str, RuleStatus]]:
    for result in results:
        if not result.categories:
            yield result.rule.id, "all", result.sentence, result.status
        for item in result.categories:
            yield result.rule.id, item.category, item.sentence or result.sentence, item.status
