"""A recorded verdict held against the raw attempts: its rules, its numbers, its conclusion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from safecase.base import CheckFailed, canonical_json
from safecase.model import (
    Gate,
    GateRule,
    RiskAcceptance,
    RuleClass,
    RuleResult,
    RuleStatus,
    RunManifest,
    Severity,
    Verdict,
    VerdictKind,
)
from safecase_verify.checks.differences import differences
from safecase_verify.checks.rules import frozen_gate
from safecase_verify.methods import METHODS
from safecase_verify.methods._method import MethodInputs
from safecase_verify.methods._units import category_of, members
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.statistics.sequential import NotRecomputed


@dataclass(frozen=True)
class Evidence:
    """All that a verdict may rest on, as the pack holds it."""

    manifest: RunManifest
    run: RawRun
    baseline: RawRun | None
    severities: Mapping[str, str] | None
    """Risk → severity as the workspace in the pack declares them; None where it holds none."""
    acceptances: tuple[RiskAcceptance, ...]
    """Residual risks that the decision log in the pack accepts."""
    signed_on: date
    labels: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """File, as a rule names it → attempt → whether people say that it is violated."""

    @property
    def inputs(self) -> MethodInputs:
        """What methods may read beside the run."""
        return MethodInputs(self.baseline, self.severities, self.labels)


@dataclass
class Recount:
    """What came of recomputing one verdict."""

    recomputed: int = 0
    skipped: list[str] = field(default_factory=list)
    """What was not recomputed, each with the reason."""


def check_verdict(verdict: Verdict, evidence: Evidence, name: str) -> Recount:
    """Recompute a verdict. Raises CheckFailed at the first thing that does not follow from the attempts."""
    gate = frozen_gate(verdict, evidence.manifest, name)
    _check_identity(verdict, gate, evidence, name)
    recount = Recount()
    for result in verdict.rules:
        _check_rule(result, evidence, recount, name)
    _check_conclusion(verdict, gate, evidence, recount, name)
    return recount


def _check_identity(verdict: Verdict, gate: Gate, evidence: Evidence, name: str) -> None:
    manifest = evidence.manifest
    if verdict.run_id != manifest.run_id or verdict.system_version != manifest.system.fingerprint:
        raise CheckFailed("the verdict is about another run or system", where=name)
    recorded = tuple(canonical_json(item.rule) for item in verdict.rules)
    if recorded != tuple(canonical_json(rule) for rule in gate.rules):
        raise CheckFailed("the verdict leaves out or changes a rule of the gate", where=name)
    if verdict.demo != manifest.demo:
        raise CheckFailed("the verdict hides or invents that the target was the demo", where=name)
    outcomes = list(evidence.run.outcome.values())
    counts = (len(outcomes), outcomes.count("error"), outcomes.count("undetermined"))
    if (verdict.attempts, verdict.errors, verdict.undetermined) != counts:
        raise CheckFailed("the verdict counts other attempts than the log holds", where=name)


def _check_rule(result: RuleResult, evidence: Evidence, recount: Recount, name: str) -> None:
    rule, run = result.rule, evidence.run
    if rule.metric not in METHODS:
        # A metric of an outside package that brought no method: its numbers stand unchecked, and that is
        # told.
        recount.skipped.append(f"{rule.id}: no method for the metric {rule.metric}")
        return
    method, inputs = METHODS.get(rule.metric), evidence.inputs
    chosen = members(rule, run)
    names = sorted({category_of(rule, case) for case, mine in zip(run.cases, chosen, strict=True) if mine})
    if names != [item.category for item in result.categories]:
        raise CheckFailed(f"rule {rule.id} has other categories than its cases make", where=name)
    for item in result.categories:
        try:
            found = method.recompute(rule, run, item.category, inputs)
        except NotRecomputed as reason:
            recount.skipped.append(f"{rule.id}/{item.category}: {reason}")
            continue
        wrong = differences(item, found)
        if wrong:
            raise CheckFailed(f"rule {rule.id}, {item.category}: {'; '.join(wrong)}", where=name)
        recount.recomputed += 1
    _check_status(rule, result, evidence, name)


def _check_status(rule: GateRule, result: RuleResult, evidence: Evidence, name: str) -> None:
    found = [item.status for item in result.categories]
    expected = RuleStatus.MET if found else RuleStatus.INSUFFICIENT
    for status in (RuleStatus.NOT_MET, RuleStatus.NOT_CONFIGURED, RuleStatus.INSUFFICIENT):
        if status in found:
            expected = status
            break
    if rule.bound is None and rule.margin is None:
        expected = RuleStatus.NOT_CONFIGURED
    uncalibrated = _uncalibrated(rule, evidence)
    if result.uncalibrated_scorers != uncalibrated:
        raise CheckFailed(f"rule {rule.id} hides or invents that a scorer has no card", where=name)
    if rule.requires_calibrated_scorers and uncalibrated and expected is RuleStatus.MET:
        expected = RuleStatus.INSUFFICIENT
    if result.status is not expected:
        raise CheckFailed(
            f"rule {rule.id} claims '{result.status.value}', its categories say '{expected.value}'",
            where=name,
        )


def _uncalibrated(rule: GateRule, evidence: Evidence) -> tuple[str, ...]:
    """Scorers without a card that the rule's attempts were judged by, told anew from the manifest."""
    if not METHODS.get(rule.metric).judged:
        return ()
    cases = evidence.run.cases
    chosen = members(rule, evidence.run)
    used = {item.scorer for case, mine in zip(cases, chosen, strict=True) if mine for item in case.expect}
    calibrated = {item.name for item in evidence.manifest.scorers if item.calibrated}
    return tuple(sorted(used - calibrated))


def _check_conclusion(verdict: Verdict, gate: Gate, evidence: Evidence, recount: Recount, name: str) -> None:
    """The recommendation follows from the rules, from what is stale or untested, and from acceptances.

    An acceptance that was signed after the verdict makes nothing wrong: a verdict may be stricter than
    the decision log now allows, never milder.
    """
    kind, run = verdict.kind, evidence.run
    if run.outcome and all(outcome == "error" for outcome in run.outcome.values()):
        if kind is not VerdictKind.INSUFFICIENT_EVIDENCE:
            raise CheckFailed("every attempt was an error, and the verdict claims to know", where=name)
        return
    accepted = {item.rule for item in evidence.acceptances if item.rule and item.expires > evidence.signed_on}
    failed, open_, excused, advisory = _sort(verdict.rules, accepted)
    gaps = _gaps(gate, evidence, recount)
    if kind in (VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS):
        if failed or open_:
            blamed = (failed or open_)[0]
            raise CheckFailed(
                f"the verdict is {kind.value} although {blamed} is not met and nobody accepted that",
                where=name,
            )
        # What is stale or untested no rule shows, so that it is asked for beside them.
        if verdict.stale or gaps:
            what = verdict.stale[0].what + " changed" if verdict.stale else gaps[0]
            raise CheckFailed(f"the verdict is {kind.value} although {what}", where=name)
        exceptions = len(excused) + len(advisory)
        if (kind is VerdictKind.GO_WITH_CONDITIONS) != bool(exceptions):
            raise CheckFailed("the verdict's conditions do not follow from its rules", where=name)
        if len(verdict.conditions) != exceptions:
            raise CheckFailed("the verdict does not name each of its conditions", where=name)
        return
    if kind is VerdictKind.NO_GO and not (failed or excused):
        raise CheckFailed("the verdict is no-go although no rule that binds has failed", where=name)
    if kind is VerdictKind.INSUFFICIENT_EVIDENCE:
        if failed:
            raise CheckFailed(f"the verdict is open although {failed[0]} was proven to fail", where=name)
        # What could not be recounted cannot be held against the verdict.
        untold = any(item.startswith("coverage") for item in recount.skipped)
        if not (open_ or verdict.stale or gaps or untold):
            raise CheckFailed("the verdict is open although nothing is", where=name)


def _sort(
    results: tuple[RuleResult, ...], accepted: Collection[str]
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Rules that failed, that are open, that an acceptance excuses, and advisory ones that are not met."""
    failed: list[str] = []
    open_: list[str] = []
    excused: list[str] = []
    advisory: list[str] = []
    for result in results:
        rule = result.rule
        if result.status is RuleStatus.MET:
            continue
        if rule.rule_class is RuleClass.ADVISORY:
            advisory.append(rule.id)
        elif result.status is not RuleStatus.NOT_MET:
            # A risk that was measured can be accepted; what nobody measured cannot.
            open_.append(rule.id)
        elif rule.rule_class is RuleClass.BOUNDED and rule.id in accepted:
            excused.append(rule.id)
        else:
            failed.append(rule.id)
    return failed, open_, excused, advisory


def _gaps(gate: Gate, evidence: Evidence, recount: Recount) -> list[str]:
    """What the gate's coverage requirement misses."""
    run, gaps = evidence.run, []
    tried = {run.case_index[draw] for draw in run.outcome}
    least = gate.coverage.risks_at_least
    if least is not None and evidence.severities is None:
        recount.skipped.append("coverage of severe risks: the pack does not hold the workspace's risks")
    elif least is not None and evidence.severities is not None:
        seen = {run.cases[index].risk for index in tried}
        severe = [risk for risk, level in evidence.severities.items() if Severity(level).at_least(least)]
        orphans = [risk for risk in severe if risk not in seen]
        gaps += [f"the risk {risk} was not tested" for risk in orphans]
    share = gate.coverage.held_out_share
    if share > 0 and tried and sum(run.cases[index].held_out for index in tried) / len(tried) < share:
        gaps.append("too few of the tested cases were held out")
    return gaps
