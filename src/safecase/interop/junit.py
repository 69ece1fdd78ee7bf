"""JUnit XML: a gate's rules as tests, for the test views of CI systems."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from safecase.model import RuleResult, RuleStatus, Verdict, VerdictKind


def _storable(text: str) -> str:
    """``text`` with a mark for each letter that XML 1.0 may not hold, however it is escaped."""
    return "".join(
        letter
        if letter in "\t\n\r"
        or (letter >= " " and not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff")
        else "\ufffd"
        for letter in text
    )


def render_junit(verdict: Verdict) -> bytes:
    """JUnit XML: one test per rule and category; too little evidence is an error, not a failure.

    Of a sealed certification one test, its verdict.
    """
    root = Element("testsuites", name="safecase")
    tests = list(_list_tests(verdict.rules)) if verdict.rules else [_whole(verdict)]
    failures = sum(status is RuleStatus.NOT_MET for _, _, _, status in tests)
    errors = sum(status in (RuleStatus.INSUFFICIENT, RuleStatus.NOT_CONFIGURED) for *_, status in tests)
    suite = SubElement(
        root,
        "testsuite",
        name=_storable(f"gate {verdict.gate}"),
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
        SubElement(properties, "property", name=name, value=_storable(value))
    for rule, category, sentence, status in tests:
        case = SubElement(suite, "testcase", classname=_storable(rule), name=_storable(category))
        if status is RuleStatus.NOT_MET:
            SubElement(case, "failure", message=_storable(sentence))
        elif status is not RuleStatus.MET:
            SubElement(case, "error", message=_storable(sentence), type=status.value)
    body: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body + b"\n"


def _whole(verdict: Verdict) -> tuple[str, str, str, RuleStatus]:
    """The verdict as one test: without any a test view would show nothing, which looks like success."""
    statuses = {
        VerdictKind.GO: RuleStatus.MET,
        VerdictKind.GO_WITH_CONDITIONS: RuleStatus.MET,
        VerdictKind.NO_GO: RuleStatus.NOT_MET,
    }
    status = statuses.get(verdict.kind, RuleStatus.INSUFFICIENT)
    return "certification", verdict.gate, " ".join(verdict.reasons), status


def _list_tests(results: Iterable[RuleResult]) -> Iterable[tuple[str, str, str, RuleStatus]]:
    for result in results:
        if not result.categories:
            yield result.rule.id, "all", result.sentence, result.status
        for item in result.categories:
            yield result.rule.id, item.category, item.sentence or result.sentence, item.status
