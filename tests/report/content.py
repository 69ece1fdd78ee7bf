"""The content of reports, with a text of the test wherever somebody writes."""

from __future__ import annotations

from datetime import UTC, date, datetime

from safecase.model import (
    Attempt,
    CategoryResult,
    Document,
    Estimate,
    Gate,
    GateRule,
    HarmClass,
    OutcomeKind,
    Risk,
    RuleClass,
    RuleResult,
    RuleStatus,
    RunManifest,
    Score,
    ScorerCard,
    ScorerPerformance,
    Severity,
    SuiteReference,
    System,
    SystemVersion,
    ToolCall,
    Transcript,
    Verdict,
    VerdictKind,
)
from safecase.model.vocabulary import Likelihood
from safecase.report import (
    CoverageRow,
    ReportContent,
    ResidualRisk,
    TradeOffPoint,
    WorstTranscript,
)
from support.cases import case
from support.messages import assistant, user

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}'


def estimate(value: float = 0.02, lower: float = 0.0, upper: float = 0.05) -> Estimate:
    """A rate with its interval."""
    return Estimate(value=value, lower=lower, upper=upper, confidence=0.95, method="clopper-pearson", n=100)


def a_verdict(text: str = "because", status: RuleStatus = RuleStatus.NOT_MET) -> Verdict:
    """A verdict against the release, with ``text`` wherever a person writes."""
    rule = GateRule(
        id="injection", title=text, metric="violation_rate", bound=0.02, rule_class=RuleClass.FLOOR
    )  # type: ignore[call-arg]
    categories = (
        CategoryResult(category=text, status=status, estimate=estimate(), sentence=text),
        CategoryResult(category="other", status=RuleStatus.INSUFFICIENT, sentence="too few"),
    )
    return Verdict(
        kind=VerdictKind.NO_GO,
        gate="release",
        gate_digest="sha256:0",
        run_id="run-1",
        system_version="sha256:1",
        reasons=(text,),
        rules=(RuleResult(rule=rule, status=status, sentence=text, categories=categories),),
        demo=True,
    )


def a_report(text: str) -> ReportContent:
    """A report with ``text`` wherever a person or a system writes."""
    shown = case("c1", prompt=text, risk="r", severity=Severity.SEV1, harm=HarmClass.TOXICITY, title=text)
    transcript = Transcript(
        messages=(
            user(text),
            assistant(text, ToolCall(name="send", arguments={"to": text})),
        ),
        documents=(Document(id="d", text=text, title=text),),
    )
    attempt = Attempt(
        draw=0,
        case_id="c1",
        case_digest=shown.digest,
        outcome=OutcomeKind.VIOLATED,
        scores=(Score(scorer="refusal", scorer_version="1", outcome=OutcomeKind.VIOLATED, explanation=text),),
        transcript=transcript,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    risk = Risk(
        id="r", title=text, harm=HarmClass.TOXICITY, severity=Severity.SEV1, likelihood=Likelihood.LIKELY
    )
    performance = ScorerPerformance(
        category="all",
        true_positives=9,
        false_positives=1,
        true_negatives=9,
        false_negatives=1,
        sensitivity=estimate(0.9, 0.6, 1.0),
    )
    card = ScorerCard(
        scorer="refusal",
        scorer_version="1",
        labels=text,
        labels_digest="sha256:2",
        measured=date(2026, 1, 1),
        performance=(performance,),
    )
    verdict = a_verdict(text)
    manifest = RunManifest(
        run_id="run-1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        safecase_version="0",
        system=SystemVersion(system="shop", components={"model": "m"}),
        target_name="t",
        target_kind="demo",
        suites=(SuiteReference(id="s", version="sha256:3", cases=1),),
        seed=1,
        repeats=1,
        planned=1,
        draw_order_digest="sha256:4",
        plan_digest="sha256:5",
        gates=(Gate(id="release", rules=(verdict.rules[0].rule,)),),
        notes=(text,),
    )
    return ReportContent(
        title=text,
        system=System(id="shop", title=text),
        manifest=manifest,
        verdict=verdict,
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        worst=(WorstTranscript(attempt, shown, text),),
        coverage=(CoverageRow(risk, 1, 1, 1, 1, 0, 0, 0, ("en",)),),
        residual=(ResidualRisk(risk, text),),
        trade_offs=(TradeOffPoint(text, estimate(), estimate()),),
        cards=(card,),
        redactions={"email": 2},
        planned=1,
        recorded=1,
    )
