"""Pages for people, and all drawing."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.report.charts.graph import draw_mermaid as draw_mermaid
    from safecase.report.charts.graph import draw_svg as draw_svg
    from safecase.report.charts.trade_off import TradeOffPoint as TradeOffPoint
    from safecase.report.content import CoverageRow as CoverageRow
    from safecase.report.content import DecisionShown as DecisionShown
    from safecase.report.content import ReportContent as ReportContent
    from safecase.report.content import ResidualRisk as ResidualRisk
    from safecase.report.content import WorstTranscript as WorstTranscript
    from safecase.report.pages import render_report as render_report
else:
    __getattr__, __dir__ = lazy_exports(__name__)
