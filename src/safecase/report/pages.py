"""The pages, each one HTML file: no script, no network, readable on paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from safecase.model import (
    CLASS_WORDS,
    METRICS,
    STATUS_WORDS,
    VERDICT_WORDS,
    CategoryResult,
    Comparator,
    RuleResult,
    counted,
    quantity,
    rule_name,
)
from safecase.report._method import method_claims
from safecase.report.charts._intervals import IntervalRow, interval_chart
from safecase.report.charts.trade_off import trade_off_chart
from safecase.report.content import ReportContent

if TYPE_CHECKING:
    from jinja2 import Environment

# About two printed pages: a longer message is read in the pack.
_MESSAGE_LIMIT = 6000


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The template environment: everything is escaped unless a chart made it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("safecase.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["quantity"] = lambda value, unit="rate": quantity(value, unit)
    made.filters["counted"] = counted
    made.filters["shorten"] = shorten
    made.globals.update(
        rule_chart=lambda rule: Markup(rule_chart(rule)),  # noqa: S704 - charts escape their labels
        summary_chart=lambda rules: Markup(summary_chart(rules)),  # noqa: S704
        trade_off=lambda points: Markup(  # noqa: S704
            trade_off_chart(points, title="Harm against over-refusal")
        ),
        rule_name=rule_name,
        VERDICT_WORDS=VERDICT_WORDS,
        STATUS_WORDS=STATUS_WORDS,
        CLASS_WORDS=CLASS_WORDS,
    )
    return made


def shorten(text: str, limit: int = _MESSAGE_LIMIT) -> str:
    """``text``, cut in the middle where it is longer than ``limit``, the cut marked with its length."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… [{len(text) - 2 * half:,} characters left out] …\n{text[-half:]}"


def _row(label: str, result: RuleResult, category: CategoryResult) -> IntervalRow:
    rule = result.rule
    return IntervalRow(
        label=label,
        estimate=category.estimate,
        status=category.status.value,
        bound=rule.bound,
        at_most=rule.comparator is Comparator.AT_MOST,
    )


def rule_chart(result: RuleResult) -> str:
    """One rule's categories against its limit."""
    rows = [_row(item.category, result, item) for item in result.categories]
    return interval_chart(rows, title=rule_name(result)) if rows else ""


def summary_chart(results: Sequence[RuleResult]) -> str:
    """The widest look: each rule about a rate of failures, its worst category against its limit."""
    rows = []
    for result in results:
        if not METRICS.get(result.rule.metric).failure_rate or not result.categories:
            continue
        worst = max(result.categories, key=lambda item: item.estimate.upper if item.estimate else 2.0)
        suffix = f": {worst.category}" if len(result.categories) > 1 else ""
        rows.append(_row(rule_name(result) + suffix, result, worst))
    return interval_chart(rows, title="Rates and their limits, worst category of each rule") if rows else ""


def render_report(content: ReportContent) -> str:
    """The whole report as one HTML document."""
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            verdict=content.verdict,
            method=method_claims(content.verdict, content.planned, content.verdict.notes),
        )
    )
