"""All rules of a gate over one run, and the recommendation that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from safecase.base import digest
from safecase.engine import RunPlan, SummaryColumns
from safecase.gate._rule_sentences import rule_sentence
from safecase.gate._wording import NOT_CONFIGURED
from safecase.gate.baseline import BaselineRun
from safecase.gate.coverage import tried_cases, untried_risks
from safecase.gate.labels import Labels
from safecase.gate.metrics import metric_of
from safecase.gate.metrics._metric import RunReading
from safecase.gate.outcomes import ERROR, MISSING, UNDETERMINED, outcomes_by_draw
from safecase.gate.rule_slices import case_mask, rule_slices
from safecase.model import (
    Case,
    Gate,
    GateRule,
    Risk,
    RiskAcceptance,
    RuleClass,
    RuleResult,
    RuleStatus,
    RunManifest,
    ScorerCard,
    StaleEvidence,
    Verdict,
    VerdictKind,
)

_RISKS_NAMED = 6
_CHANGES_NAMED = 4
"""Untested risks, and stale parts, that a reason names: a reason is a sentence, and the report lists them
all."""


def evaluate_gate(
    gate: Gate,
    manifest: RunManifest,
    plan: RunPlan,
    columns: SummaryColumns,
    *,
    baseline: BaselineRun | None = None,
    acceptances: Sequence[RiskAcceptance] = (),
    risks: Sequence[Risk] = (),
    stale: Sequence[StaleEvidence] = (),
    labels: Mapping[str, Labels] | None = None,
    today: date,
) -> Verdict:
    """Evaluate a gate over a run. Pure: the same records give the same verdict, whenever asked.

    ``acceptances`` count while they have not expired on ``today``; ``stale`` says in what the present
    system differs from the one that was measured; ``labels`` are human labels of the run's attempts, by the
    file that a rule's judge correction names.
    """
    by_draw = outcomes_by_draw(plan, columns)
    reading = RunReading(
        plan=plan,
        columns=columns,
        by_draw=by_draw,
        baseline=baseline,
        baseline_rates=baseline.rates() if baseline else {},
        risks=risks,
        labels=labels or {},
    )
    results = tuple(_evaluate_rule(rule, manifest, reading) for rule in gate.rules)
    gaps = _coverage_gaps(gate, tried_cases(plan, by_draw), risks)
    accepted = {item.rule: item for item in acceptances if item.rule and item.expires > today}
    kind, reasons, conditions = _conclude(results, gaps, stale, accepted)
    made = by_draw[by_draw != MISSING]
    errors = int((made == ERROR).sum())
    if kind is not VerdictKind.NOT_CONFIGURED and len(made) and errors == len(made):
        reasons = [f"Every one of the {errors} attempts ended in an error, so nothing was learnt.", *reasons]
        kind = VerdictKind.INSUFFICIENT_EVIDENCE
    return Verdict(
        kind=kind,
        gate=gate.id,
        gate_digest=gate.digest,
        run_id=manifest.run_id,
        system_version=manifest.system.fingerprint,
        reasons=tuple(reasons),
        conditions=tuple(conditions),
        rules=results,
        stale=tuple(stale),
        demo=manifest.demo,
        attempts=len(made),
        errors=errors,
        undetermined=int((made == UNDETERMINED).sum()),
    )


def _evaluate_rule(rule: GateRule, manifest: RunManifest, reading: RunReading) -> RuleResult:
    metric, plan = metric_of(rule), reading.plan
    uncalibrated, cards = _scorers_behind(rule, plan, manifest) if metric.judged else ((), ())
    reading = replace(reading, cards=cards)
    found = tuple(metric.evaluate(rule, item, reading) for item in rule_slices(rule, plan))
    statuses = {item.category: item.status for item in found}
    status = combine_statuses(rule, list(statuses.values()))
    single = found[0].sentence if len(found) == 1 else ""
    sentence = rule_sentence(metric.demand(rule), statuses, single)
    if rule.empty_limit:
        sentence = f"{metric.demand(rule)}: every system meets that limit: {NOT_CONFIGURED}."
    if rule.requires_calibrated_scorers and uncalibrated and status is RuleStatus.MET:
        status = RuleStatus.INSUFFICIENT
        verb = "has" if len(uncalibrated) == 1 else "have"
        names = ", ".join(uncalibrated)
        sentence += f" But it asks for calibrated scorers, and {names} {verb} no card: not enough evidence."
    return RuleResult(
        rule=rule, status=status, sentence=sentence, categories=found, uncalibrated_scorers=uncalibrated
    )


def combine_statuses(rule: GateRule, statuses: Sequence[RuleStatus]) -> RuleStatus:
    """Every category must meet the bound (intersection–union); no category at all is no evidence."""
    if (rule.bound is None and rule.margin is None) or rule.empty_limit:
        return RuleStatus.NOT_CONFIGURED
    for status in (RuleStatus.NOT_MET, RuleStatus.NOT_CONFIGURED, RuleStatus.INSUFFICIENT):
        if status in statuses:
            return status
    return RuleStatus.MET if statuses else RuleStatus.INSUFFICIENT


def _scorers_behind(
    rule: GateRule, plan: RunPlan, manifest: RunManifest
) -> tuple[tuple[str, ...], tuple[ScorerCard, ...]]:
    """Scorers without a card whose readings the rule rests on, and the cards of the others."""
    mask = case_mask(rule, plan.cases)
    used = {item.scorer for index, case in enumerate(plan.cases) if mask[index] for item in case.expect}
    calibrated = {item.name for item in manifest.scorers if item.calibrated}
    digests = {item.card_digest for item in manifest.scorers if item.name in used and item.calibrated}
    cards = tuple(card for card in manifest.scorer_cards if digest(card) in digests)
    return tuple(sorted(used - calibrated)), cards


def _coverage_gaps(gate: Gate, tried: Sequence[Case], risks: Sequence[Risk]) -> list[str]:
    """What the gate's coverage requirement misses."""
    least, share = gate.coverage.risks_at_least, gate.coverage.held_out_share
    gaps = []
    orphans = untried_risks(risks, tried, least) if least is not None else ()
    if orphans:
        noun = "risk was" if len(orphans) == 1 else "risks were"
        named = ", ".join(orphans[:_RISKS_NAMED])
        gaps.append(f"{len(orphans)} severe {noun} not tested at all: {named}.")
    if share > 0 and tried:
        held_out = sum(case.held_out for case in tried) / len(tried)
        if held_out < share:
            gaps.append(
                f"Only {100 * held_out:.0f} % of the tested cases were held out while the system was tuned; "
                f"{100 * share:.0f} % are asked for."
            )
    return gaps


def _conclude(
    results: Sequence[RuleResult],
    gaps: Sequence[str],
    stale: Sequence[StaleEvidence],
    accepted: Mapping[str, RiskAcceptance],
) -> tuple[VerdictKind, list[str], list[str]]:
    """The recommendation, its reasons, and its conditions. What failed and was not accepted outweighs what is
    open, and that outweighs what is met."""
    failing: list[str] = []
    open_: list[str] = []
    conditions: list[str] = []
    for result in results:
        if result.status is RuleStatus.MET:
            continue
        if result.rule.rule_class is RuleClass.ADVISORY:
            conditions.append(f"Advisory: {result.sentence}")
            continue
        exception = accepted.get(result.rule.id)
        # A risk that was measured can be accepted; what nobody measured cannot.
        excusable = result.rule.rule_class is RuleClass.BOUNDED and result.status is RuleStatus.NOT_MET
        if excusable and exception is not None:
            conditions.append(
                f"{result.sentence} Accepted until {exception.expires}, "
                f"with: {exception.compensating_control}."
            )
            continue
        (failing if result.status is RuleStatus.NOT_MET else open_).append(result.sentence)
    if stale:
        names = ", ".join(item.what for item in stale[:_CHANGES_NAMED])
        open_.append(f"The evidence is stale: {names} changed since it was measured.")
    open_.extend(gaps)
    binding = [result for result in results if result.rule.rule_class is not RuleClass.ADVISORY]
    if all(result.status is RuleStatus.NOT_CONFIGURED for result in binding):
        reason = (
            "No rule of this gate binds, so none could have failed: give one the class floor or bounded, "
            "and a limit."
        )
        return VerdictKind.NOT_CONFIGURED, [reason, *open_], conditions
    # What failed outweighs what is open: no evidence yet to come can turn it round.
    if failing:
        return VerdictKind.NO_GO, [*failing, *open_], conditions
    if open_:
        return VerdictKind.INSUFFICIENT_EVIDENCE, open_, conditions
    summary = [_summary(results)]
    if conditions:
        return VerdictKind.GO_WITH_CONDITIONS, summary, conditions
    return VerdictKind.GO, summary, conditions


def _summary(results: Sequence[RuleResult]) -> str:
    binding = [result for result in results if result.rule.rule_class is not RuleClass.ADVISORY]
    met = sum(result.status is RuleStatus.MET for result in binding)
    if met < len(binding):
        return f"{met} of {len(binding)} rules that bind are met, and what the others show was accepted."
    return f"All {met} rules that bind are met." if met > 1 else "The rule that binds is met."
