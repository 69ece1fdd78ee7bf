"""All rules of a gate over one run, and the recommendation that follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from safecase.base import digest
from safecase.engine import RunPlan, SummaryColumns
from safecase.gate._rule_sentences import rule_sentence
from safecase.gate._tries.admission import refusals
from safecase.gate._tries.error import rule_of_try
from safecase.gate._tries.shown import (
    DEVELOPMENT,
    shown_caveat,
    waits_for_families,
    without_families,
)
from safecase.gate._wording import NOT_CONFIGURED
from safecase.gate.baseline import BaselineRun
from safecase.gate.coverage import tried_cases, untried_risks
from safecase.gate.labels import Labels
from safecase.gate.metrics import metric_of
from safecase.gate.metrics._metric import RunReading
from safecase.gate.outcomes import ERROR, MISSING, UNDETERMINED, outcomes_by_draw
from safecase.gate.rule_slices import case_mask, rule_slices, stakes
from safecase.model import (
    Acceptance,
    Case,
    Exceptions,
    Gate,
    GateRule,
    Risk,
    RuleClass,
    RuleResult,
    RuleStatus,
    RunManifest,
    ScorerCard,
    Stake,
    StaleEvidence,
    Verdict,
    VerdictKind,
    condition,
    excuse,
)

_RISKS_NAMED = 6
_CHANGES_NAMED = 4
"""Untested risks, and stale parts, that a reason names: a reason is a sentence, and the report lists them
all."""

_NOTHING_BINDS = (
    "No rule of this gate binds, so none could have failed: give one the class floor or bounded, and a limit."
)


def evaluate_gate(
    gate: Gate,
    manifest: RunManifest,
    plan: RunPlan,
    columns: SummaryColumns,
    *,
    baseline: BaselineRun | None = None,
    exceptions: Exceptions = Exceptions(),  # noqa: B008 - it is frozen
    risks: Sequence[Risk] = (),
    stale: Sequence[StaleEvidence] = (),
    labels: Mapping[str, Labels] | None = None,
    try_number: int = 1,
    open_families: Collection[str] = frozenset(),
    blocked_before: Sequence[str] = (),
    derived_order: bool = True,
    notes: Sequence[str] = (),
    today: date,
) -> Verdict:
    """Evaluate a gate over a run. Pure: the same records give the same verdict, whenever asked.

    ``exceptions`` are those of the decision in force, and count while nothing reopens them on ``today``;
    ``stale`` says in what the present system differs from the one that was measured; ``labels`` are human
    labels of the run's attempts, by the file that a rule's judge correction names. ``try_number`` and
    ``open_families`` are what a recount of the chain finds; the larger number and all families count, the
    manifest's and these. ``blocked_before``: earlier runs of the same candidate that a rule of this gate
    blocked. ``derived_order``: whether the run's order follows from its plan and its nonce. ``notes`` go into
    the verdict as they are.
    """
    number = max(manifest.try_number, try_number)
    opened = frozenset(manifest.open_families).union(open_families)
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
    evaluated = [_evaluate_rule(rule, manifest, reading, number, opened) for rule in gate.rules]
    results = tuple(result for result, _ in evaluated)
    made = by_draw[by_draw != MISSING]
    found = Verdict(
        kind=VerdictKind.INSUFFICIENT_EVIDENCE,
        gate=gate.id,
        gate_digest=gate.digest,
        run_id=manifest.run_id,
        system_version=manifest.system.fingerprint,
        reasons=(),
        rules=results,
        stale=tuple(stale),
        gaps=tuple(_coverage_gaps(gate, tried_cases(plan, by_draw), risks)),
        demo=manifest.demo,
        purpose=manifest.purpose,
        line=manifest.line,
        try_number=number,
        open_families=tuple(
            sorted(
                {case.family for case in plan.cases}.intersection(opened).difference(manifest.open_families)
            )
        ),
        selection=manifest.selection,
        notes=tuple(notes),
        refusals=refusals(manifest, derived_order=derived_order),
        waits=any(waits and item.rule.rule_class is not RuleClass.ADVISORY for item, waits in evaluated),
        blocked_before=tuple(blocked_before),
        attempts=len(made),
        errors=int((made == ERROR).sum()),
        undetermined=int((made == UNDETERMINED).sum()),
    )
    # What is met puts nothing at stake, and to find out what a rule selects takes a while.
    missed = [item.rule for item in results if item.status is not RuleStatus.MET]
    return conclude(found, exceptions, {rule.id: stakes(rule, plan, risks) for rule in missed}, today)


def _evaluate_rule(
    declared: GateRule, manifest: RunManifest, reading: RunReading, number: int, opened: Collection[str]
) -> tuple[RuleResult, bool]:
    """What the records say about one rule, and whether it is open because its families had been seen."""
    rule = rule_of_try(declared, number)
    metric, plan = metric_of(rule), reading.plan
    uncalibrated, cards = _scorers_behind(rule, plan, manifest) if metric.judged else ((), ())
    reading = replace(reading, cards=cards)
    slices = rule_slices(rule, plan, opened)
    found = tuple(
        without_families(metric, rule, item, metric.evaluate(rule, item, reading)) for item in slices
    )
    statuses = {item.category: item.status for item in found}
    status = combine_statuses(rule, list(statuses.values()))
    single = found[0].sentence if len(found) == 1 else ""
    sentence = rule_sentence(metric.demand(rule), statuses, single)
    if rule.empty_limit:
        sentence = f"{metric.demand(rule)}: every system meets that limit: {NOT_CONFIGURED}."
    caveat = shown_caveat(rule, slices, status)
    if rule.requires_calibrated_scorers and uncalibrated and status is RuleStatus.MET:
        status = RuleStatus.INSUFFICIENT
        verb = "has" if len(uncalibrated) == 1 else "have"
        names = ", ".join(uncalibrated)
        sentence += f" But it asks for calibrated scorers, and {names} {verb} no card: not enough evidence."
    result = RuleResult(
        rule=declared,
        status=status,
        sentence=sentence + caveat,
        categories=found,
        uncalibrated_scorers=uncalibrated,
    )
    return result, waits_for_families(rule, slices, status)


def _blocked(runs: Sequence[str]) -> str:
    """Why a candidate that was blocked once stays blocked."""
    names = ", ".join(runs[-_CHANGES_NAMED:])
    return (
        f"This same candidate was blocked before (run {names}): trying again until it passes is no evidence. "
        "Change the system, and the change is a new candidate."
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


def conclude(
    found: Verdict, exceptions: Exceptions, at_stake: Mapping[str, Mapping[str, Stake]], today: date
) -> Verdict:
    """The verdict on what was found: its recommendation, reasons and conditions, by these exceptions.

    What failed and was not accepted outweighs what is open, and that outweighs what is met. ``at_stake``:
    rule → category → what is at stake there.
    """
    failing: list[str] = []
    open_: list[str] = []
    conditions: list[str] = []
    lapsed: list[str] = []
    applied: list[Acceptance] = []
    for result in found.rules:
        if result.status is RuleStatus.MET:
            continue
        if result.rule.rule_class is RuleClass.ADVISORY:
            conditions.append(f"Advisory: {result.sentence}")
            continue
        excused = excuse(
            result,
            exceptions,
            gate=found.gate,
            line=found.line,
            system_version=found.system_version,
            stakes_of=at_stake.get(result.rule.id, {}),
            today=today,
        )
        lapsed.extend(excused.lapsed)
        if excused.applied:
            applied.extend(excused.applied)
            conditions.append(condition(result, excused.applied, exceptions))
            continue
        (failing if result.status is RuleStatus.NOT_MET else open_).append(result.sentence)
    if found.stale:
        names = ", ".join(item.what for item in found.stale[:_CHANGES_NAMED])
        open_.append(f"The evidence is stale: {names} changed since it was measured.")
    open_.extend(found.gaps)
    kind, reasons = _recommend(found, failing, [*open_, *lapsed], conditions)
    return found.model_copy(
        update={
            "kind": kind,
            "reasons": tuple(reasons),
            "conditions": tuple(conditions),
            "acceptances": tuple(applied) if kind is VerdictKind.GO_WITH_CONDITIONS else (),
        }
    )


def _recommend(
    found: Verdict, failing: Sequence[str], open_: Sequence[str], conditions: Sequence[str]
) -> tuple[VerdictKind, list[str]]:
    binding = [item for item in found.rules if item.rule.rule_class is not RuleClass.ADVISORY]
    if all(item.status is RuleStatus.NOT_CONFIGURED for item in binding):
        return VerdictKind.NOT_CONFIGURED, [_NOTHING_BINDS, *failing, *open_]
    if found.attempts and found.errors == found.attempts:
        words = f"Every one of the {found.errors} attempts ended in an error, so nothing was learnt."
        return VerdictKind.INSUFFICIENT_EVIDENCE, [words, *failing, *open_]
    waits = [DEVELOPMENT] if found.waits else []
    if found.refusals:
        # Not what was found, which may be read off the rules: what may be concluded.
        return VerdictKind.INSUFFICIENT_EVIDENCE, [*found.refusals, *waits, *failing, *open_]
    # What failed outweighs what is open: no evidence yet to come can turn it round.
    if found.blocked_before:
        return VerdictKind.NO_GO, [_blocked(found.blocked_before), *waits, *failing, *open_]
    if failing:
        return VerdictKind.NO_GO, [*waits, *failing, *open_]
    if open_:
        return VerdictKind.INSUFFICIENT_EVIDENCE, [*waits, *open_]
    summary = [*waits, _summary(found.rules)]
    return (VerdictKind.GO_WITH_CONDITIONS if conditions else VerdictKind.GO), summary


def _summary(results: Sequence[RuleResult]) -> str:
    binding = [result for result in results if result.rule.rule_class is not RuleClass.ADVISORY]
    met = sum(result.status is RuleStatus.MET for result in binding)
    if met < len(binding):
        return f"{met} of {len(binding)} rules that bind are met, and what the others show was accepted."
    return f"All {met} rules that bind are met." if met > 1 else "The rule that binds is met."
