"""Reports say what the verdict says, escape what is hostile, and read in other tools."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import SourcePosition
from safecase.interop import render_junit, render_sarif
from safecase.model import (
    CategoryResult,
    Estimate,
    GateRule,
    RuleResult,
    RuleStatus,
    quantity,
)
from safecase.report import (
    render_report,
)
from safecase.report._method import method_claims
from safecase.report.charts._intervals import IntervalRow, interval_chart
from safecase.report.charts._ticks import nice_ticks

from .content import HOSTILE, a_report, a_verdict, estimate


def test_hostile_text_is_escaped_wherever_it_stands() -> None:
    page = render_report(a_report(HOSTILE))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page


def test_the_first_page_says_the_verdict_the_reason_and_that_it_is_a_demo() -> None:
    page = render_report(a_report("Too many injections succeeded."))
    summary = page[: page.index('id="rules"')]
    assert "No-go" in summary
    assert "Too many injections succeeded." in summary
    assert "built-in demo target" in summary
    assert "Nobody has signed" in summary


def test_a_page_asks_nothing_of_the_network() -> None:
    page = render_report(a_report("x"))
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "default-src 'none'" in page


def test_sarif_places_each_missed_rule_in_the_workspace() -> None:
    document = orjson.loads(
        render_sarif(
            a_verdict(),
            {"injection": SourcePosition(file="gates.yaml", line=7, column=3)},
            safecase_version="1",
        )
    )
    (result,) = document["runs"][0]["results"]
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 7, "startColumn": 3}
    assert document["runs"][0]["properties"]["demo"] is True


def test_sarif_is_silent_about_rules_that_are_met() -> None:
    assert (
        orjson.loads(render_sarif(a_verdict(status=RuleStatus.MET), {}, safecase_version="1"))["runs"][0][
            "results"
        ]
        == []
    )


def test_junit_tells_too_little_evidence_from_failure() -> None:
    suite = fromstring(render_junit(a_verdict())).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "1")


@given(st.text(max_size=80))
def test_junit_reads_whatever_a_sentence_holds(text: str) -> None:
    fromstring(render_junit(a_verdict(text or "x")))


@given(
    st.floats(-1e6, 1e6, allow_nan=False),
    st.floats(0, 1e6, allow_nan=False),
)
def test_ticks_cover_the_range(lower: float, span: float) -> None:
    ticks = nice_ticks(lower, lower + span)
    assert len(ticks) >= 2
    assert ticks[0] < ticks[-1]
    slack = 1e-6 * max(abs(lower), span, 1)
    assert ticks[0] <= lower + slack
    assert ticks[-1] >= lower + span - slack


def test_a_category_without_an_estimate_says_so() -> None:
    chart = interval_chart([IntervalRow("a <b>", None, "insufficient_evidence", 0.1)], title="t & u")
    assert "nothing was measured" in chart
    assert "a &lt;b&gt;" in chart
    fromstring(chart)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "rate", "0 %"),
        (0.0042, "rate", "0.42 %"),
        (0.25, "rate", "25.0 %"),
        (1.0, "rate", "100 %"),
        (1234.5, "ms", "1,234 ms"),
        (0.002, "usd", "$0.002"),
    ],
)
def test_quantities_are_written_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_the_method_claims_only_what_the_rules_make_use_of() -> None:
    def claims(*found: CategoryResult, metric: str = "violation_rate") -> str:
        rule = GateRule(id="r", metric=metric, bound=0.02)
        result = RuleResult(rule=rule, status=RuleStatus.MET, sentence="s", categories=found)
        return " ".join(method_claims(a_verdict().model_copy(update={"rules": (result,)}), 10, ("a note",)))

    slow = CategoryResult(
        category="all",
        status=RuleStatus.MET,
        decision="fixed",
        estimate=Estimate(
            value=9, lower=8, upper=10, confidence=0.95, method="order-statistics", n=100, unit="ms"
        ),
    )
    latency = claims(slow, metric="latency_p50_ms")
    assert "quantile" in latency
    assert "Single attempts are taken for independent" in latency
    for absent in ("Families of cases", "e-process", "Clopper", "Korn", "intersection", "Zero failures"):
        assert absent not in latency

    early = CategoryResult(
        category="one",
        status=RuleStatus.MET,
        decision="ship",
        estimate=estimate().model_copy(update={"method": "confidence-sequence", "events": 0}),
    )
    rates = claims(early, early.model_copy(update={"category": "two"}))
    for present in (
        "Families of cases",
        "e-process",
        "every stopping time",
        "intersection",
        "Zero failures",
        "a note",
    ):
        assert present in rates
    assert "Clopper" not in rates
    assert "method 'new'" in claims(
        early.model_copy(update={"estimate": estimate().model_copy(update={"method": "new"})})
    )
