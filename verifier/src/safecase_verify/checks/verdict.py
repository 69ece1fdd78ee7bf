"""A recorded verdict held against the raw attempts: its rules, its numbers, its conclusion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from safecase_verify.checks.decisions import Decided, excused_rules
from safecase_verify.checks.differences import differences
from safecase_verify.checks.rules import frozen_gate
from safecase_verify.errors import CheckFailed, NotRecomputed
from safecase_verify.methods import find_method
from safecase_verify.methods._method import MethodInputs
from safecase_verify.methods._units import category_of, members
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import (
    SEVERITY_WEIGHTS,
    Gate,
    GateRule,
    RuleResult,
    RunManifest,
    Verdict,
)


@dataclass(frozen=True)
class Evidence:
    """All that a verdict may rest on, as the pack holds it."""

    manifest: RunManifest
    run: RawRun
    baseline: RawRun | None
    severities: Mapping[str, str] | None
    """Risk → severity as the workspace in the pack declares them; None where it holds none."""
    decided: Decided
    """What the decision log in the pack amounts to."""
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
    run = replace(evidence.run, open_families=evidence.run.open_families.union(verdict.open_families))
    evidence = replace(evidence, run=run)
    for result in verdict.rules:
        _check_rule(result, evidence, verdict.try_number, recount, name)
    _check_conclusion(verdict, gate, evidence, recount, name)
    return recount


def _check_identity(verdict: Verdict, gate: Gate, evidence: Evidence, name: str) -> None:
    manifest = evidence.manifest
    if verdict.run_id != manifest.run_id or verdict.system_version != manifest.system.fingerprint:
        raise CheckFailed("the verdict is about another run or system", where=name)
    # As JSON, so that the titles and reasons of the rules are held equal too.
    if [item["rule"] for item in verdict.raw["rules"]] != gate.raw["rules"]:
        raise CheckFailed("the verdict leaves out or changes a rule of the gate", where=name)
    if verdict.sealed:
        # One word and no numbers: whoever holds the transcripts may read them, and is told no more by it.
        raise CheckFailed("the verdict is sealed, and the pack holds the run", where=name)
    if verdict.try_number < manifest.try_number:
        raise CheckFailed(
            f"the verdict spends the error of try {verdict.try_number}, "
            f"and the run began as try {manifest.try_number}",
            where=name,
        )
    if (verdict.purpose, verdict.line) != (manifest.purpose, manifest.line):
        raise CheckFailed("the verdict is about another kind of run, or another release line", where=name)
    if verdict.demo != manifest.demo:
        raise CheckFailed("the verdict hides or invents that the target was the demo", where=name)
    outcomes = list(evidence.run.outcome.values())
    counts = (len(outcomes), outcomes.count("error"), outcomes.count("undetermined"))
    if (verdict.attempts, verdict.errors, verdict.undetermined) != counts:
        raise CheckFailed("the verdict counts other attempts than the log holds", where=name)


def _check_rule(result: RuleResult, evidence: Evidence, number: int, recount: Recount, name: str) -> None:
    # The k-th try of a line may spend error / (k (k + 1)) of the rule's error, whatever the gate did.
    error = (1.0 - result.rule.confidence) / (number * (number + 1))
    rule, run = replace(result.rule, confidence=1.0 - error), evidence.run
    try:
        method, inputs = find_method(rule.metric), evidence.inputs
    except NotRecomputed as reason:
        # A metric of an outside package that brought no method: its numbers stand unchecked, and that is
        # told.
        recount.skipped.append(f"{rule.id}: {reason}")
        return
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
    expected = "met" if found else "insufficient_evidence"
    for status in ("not_met", "not_configured", "insufficient_evidence"):
        if status in found:
            expected = status
            break
    if (rule.bound is None and rule.margin is None) or rule.empty_limit:
        expected = "not_configured"
    uncalibrated = _uncalibrated(rule, evidence)
    if result.uncalibrated_scorers != uncalibrated:
        raise CheckFailed(f"rule {rule.id} hides or invents that a scorer has no card", where=name)
    if rule.requires_calibrated_scorers and uncalibrated and expected == "met":
        expected = "insufficient_evidence"
    if result.status != expected:
        raise CheckFailed(
            f"rule {rule.id} claims '{result.status}', its categories say '{expected}'",
            where=name,
        )


def _uncalibrated(rule: GateRule, evidence: Evidence) -> tuple[str, ...]:
    """Scorers without a card that the rule's attempts were judged by, told anew from the manifest."""
    if not find_method(rule.metric).judged:
        return ()
    cases = evidence.run.cases
    chosen = members(rule, evidence.run)
    used = {item.scorer for case, mine in zip(cases, chosen, strict=True) if mine for item in case.expect}
    calibrated = {item.name for item in evidence.manifest.scorers if item.card_digest}
    return tuple(sorted(used - calibrated))


def _check_conclusion(verdict: Verdict, gate: Gate, evidence: Evidence, recount: Recount, name: str) -> None:
    """The recommendation follows from the rules, from what is stale or untested, and from acceptances.

    A verdict may be stricter than the decision log allows, never milder: what it rests on must stand there,
    in force.
    """
    kind, run = verdict.kind, evidence.run
    binding = [item for item in verdict.rules if item.rule.rule_class != "advisory"]
    unset = all(item.status == "not_configured" for item in binding)
    if (kind == "not_configured") != unset:
        raise CheckFailed(
            "no rule binds, and the verdict decides"
            if unset
            else "a rule binds, and the verdict says that none does",
            where=name,
        )
    if unset:
        return
    if run.outcome and all(outcome == "error" for outcome in run.outcome.values()):
        if kind != "insufficient_evidence":
            raise CheckFailed("every attempt was an error, and the verdict claims to know", where=name)
        return
    risks_of = _risks_of(verdict, evidence)
    accepted = excused_rules(verdict.raw, evidence.decided, evidence.signed_on, risks_of, name)
    failed, open_, excused, advisory = _sort(verdict.rules, accepted)
    gaps = _gaps(gate, evidence, recount)
    refused = _decides_nothing(evidence.manifest)
    if refused or verdict.refusals:
        if kind != "insufficient_evidence" or not (refused and verdict.refusals):
            raise CheckFailed(
                f"{refused or 'nothing'} keeps the run from deciding, not so the verdict", where=name
            )
        return
    if verdict.blocked_before:
        if kind != "no_go":
            raise CheckFailed("the candidate was blocked before, and the verdict passes over it", where=name)
        return
    if kind in ("go", "go_with_conditions"):
        if failed or open_:
            blamed = (failed or open_)[0]
            raise CheckFailed(
                f"the verdict is {kind} although {blamed} is not met and nobody accepted that",
                where=name,
            )
        # What is stale or untested no rule shows, so that it is asked for beside them.
        if verdict.stale or gaps:
            what = verdict.stale[0].what + " changed" if verdict.stale else gaps[0]
            raise CheckFailed(f"the verdict is {kind} although {what}", where=name)
        exceptions = len(excused) + len(advisory)
        if (kind == "go_with_conditions") != bool(exceptions):
            raise CheckFailed("the verdict's conditions do not follow from its rules", where=name)
        if len(verdict.conditions) != exceptions:
            raise CheckFailed("the verdict does not name each of its conditions", where=name)
        return
    if kind == "no_go" and not (failed or excused):
        raise CheckFailed("the verdict is no-go although no rule that binds has failed", where=name)
    if kind == "insufficient_evidence":
        if failed:
            raise CheckFailed(f"the verdict is open although {failed[0]} was proven to fail", where=name)
        # What could not be recounted cannot be held against the verdict.
        untold = any(item.startswith("coverage") for item in recount.skipped)
        if not (open_ or verdict.stale or gaps or untold):
            raise CheckFailed("the verdict is open although nothing is", where=name)


def _decides_nothing(manifest: RunManifest) -> str:
    """What keeps a run from deciding anything, whatever it showed; empty where nothing does."""
    wanted = {gate.selection: True for gate in manifest.gates}
    if manifest.selection != ("" if "" in wanted else " ".join(wanted)):
        return "the selection of its cases"
    if not manifest.nonce:
        return "an order that was chosen"
    return "its purpose" if manifest.purpose == "exploratory" else ""


def _risks_of(verdict: Verdict, evidence: Evidence) -> dict[tuple[str, str], set[str]]:
    """Rule and category → the risks of its cases."""
    found: dict[tuple[str, str], set[str]] = {}
    for result in verdict.rules:
        try:
            chosen = members(result.rule, evidence.run)
        except NotRecomputed:
            continue
        for case, mine in zip(evidence.run.cases, chosen, strict=True):
            if mine:
                found.setdefault((result.rule.id, category_of(result.rule, case)), set()).add(case.risk)
    return found


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
        if result.status == "met":
            continue
        if rule.rule_class == "advisory":
            advisory.append(rule.id)
        elif result.status != "not_met":
            # A risk that was measured can be accepted; what nobody measured cannot.
            open_.append(rule.id)
        elif rule.rule_class == "bounded" and rule.id in accepted:
            excused.append(rule.id)
        else:
            failed.append(rule.id)
    return failed, open_, excused, advisory


def _gaps(gate: Gate, evidence: Evidence, recount: Recount) -> list[str]:
    """What the gate's coverage requirement misses."""
    run, gaps = evidence.run, []
    # An error is no look at a risk.
    tried = {run.case_index[draw] for draw, outcome in run.outcome.items() if outcome != "error"}
    least = gate.coverage.risks_at_least
    if least is not None and evidence.severities is None:
        recount.skipped.append("coverage of severe risks: the pack does not hold the workspace's risks")
    elif least is not None and evidence.severities is not None:
        seen = {run.cases[index].risk for index in tried}
        worst = list(SEVERITY_WEIGHTS)
        levels = worst[: worst.index(least) + 1]
        severe = [risk for risk, level in evidence.severities.items() if level in levels]
        orphans = [risk for risk in severe if risk not in seen]
        gaps += [f"the risk {risk} was not tested" for risk in orphans]
    share = gate.coverage.held_out_share
    if share > 0 and tried and sum(run.cases[index].held_out for index in tried) / len(tried) < share:
        gaps.append("too few of the tested cases were held out")
    return gaps
