"""From what somebody asks to have accepted to an exception that holds against the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from safecase.base import CheckFailed, InputError, digest, suggest
from safecase.model import (
    Acceptance,
    CategoryResult,
    Control,
    Exceptions,
    Gate,
    Risk,
    RuleClass,
    RuleStatus,
    Severity,
    Stake,
    Verdict,
    control_digest,
    control_stale,
)
from safecase.records import AcceptanceRequest, Standing
from safecase.workspace import Workspace


@dataclass(frozen=True)
class Matter:
    """What exceptions are asked for on."""

    verdict: Verdict
    gate: Gate
    at_stake: Mapping[str, Mapping[str, Stake]]
    workspace: Workspace
    exceptions: Exceptions
    log: Standing
    today: date


def accepted(matter: Matter, requests: Sequence[AcceptanceRequest]) -> tuple[Acceptance, ...]:
    """The acceptances that are asked for. Raises InputError or CheckFailed for the first that cannot be
    granted."""
    return tuple(_by_id(matter, item.id) if item.id else _made(matter, item) for item in requests)


def merged(earlier: Sequence[Acceptance], asked: Sequence[Acceptance]) -> tuple[Acceptance, ...]:
    """Earlier acceptances and those that are asked for, which take the place of earlier ones on the same
    thing."""
    new = {item.about for item in asked}
    return (*(item for item in earlier if item.about not in new), *asked)


def _by_id(matter: Matter, name: str) -> Acceptance:
    """An acceptance that somebody else has put under a decision on this very verdict."""
    known = {
        item.id: item
        for decided in matter.log.matters
        if decided.decision.verdict_digest == matter.verdict.basis
        for item in decided.decision.acceptances
    }
    if name not in known:
        raise InputError(
            f"nobody has signed an acceptance '{name}' on this verdict", hint=suggest(name, known)
        )
    return known[name]


def _made(matter: Matter, request: AcceptanceRequest) -> Acceptance:
    risks = {risk.id: risk for risk in matter.workspace.risks}
    if request.risk not in risks:
        raise InputError(f"there is no risk '{request.risk}'", hint=suggest(request.risk, risks))
    if request.rule:
        category, stake, rule_digest = _missed(matter, request)
        seen, name = category.estimate, category.category
    else:
        stake = Stake((request.risk,), risks[request.risk].severity)
        seen, name, rule_digest = None, "", ""
    materiality = _materiality(request, stake)
    control = _control(matter, request, [risks[item] for item in stake.risks if item in risks])
    _check_expiry(matter, request.until, materiality)
    return Acceptance(
        gate=matter.gate.id,
        rule=request.rule,
        category=name,
        rule_digest=rule_digest,
        system_version="" if request.whole_line else matter.verdict.system_version,
        line=matter.verdict.line,
        risks=stake.risks,
        materiality=materiality,
        seen=seen,
        control=control.id,
        control_digest=control_digest(control),
        expires=request.until,
        justification=request.because,
    )


def _missed(matter: Matter, request: AcceptanceRequest) -> tuple[CategoryResult, Stake, str]:
    """The category of the rule that is to be excused, and what is at stake in it."""
    results = {result.rule.id: result for result in matter.verdict.rules}
    if request.rule not in results:
        hint = suggest(request.rule, results)
        raise InputError(f"gate {matter.gate.id} has no rule '{request.rule}'", hint=hint)
    result = results[request.rule]
    if result.rule.rule_class is RuleClass.FLOOR:
        raise CheckFailed(
            f"floor rules have no exception, measured or not, and {request.rule} is one",
            hint="mend the system and run again, or sign no_go",
        )
    missed = {item.category: item for item in result.categories if item.status is RuleStatus.NOT_MET}
    if result.rule.rule_class is RuleClass.ADVISORY or not missed:
        raise InputError(
            f"{request.rule} needs no exception: nothing binding of it was measured and missed",
            hint="what was not measured, nobody can accept",
        )
    if request.category and request.category not in missed:
        raise InputError(
            f"{request.rule} is not missed in a category '{request.category}'",
            hint=suggest(request.category, missed),
        )
    if not request.category and len(missed) > 1:
        names = ", ".join(missed)
        raise InputError(
            f"{request.rule} is missed in several categories",
            hint=f"category= with one of {names}; one --accept each",
        )
    chosen = missed[request.category or next(iter(missed))]
    stake = matter.at_stake[request.rule][chosen.category]
    if request.risk not in stake.risks:
        raise InputError(
            f"{request.rule} is not about the risk '{request.risk}'",
            hint=f"it is about {', '.join(stake.risks)}",
        )
    if chosen.estimate is None:
        raise CheckFailed(f"{request.rule} has no number that could be accepted")
    return chosen, stake, digest(result.rule.model_dump(mode="json", by_alias=True))


def _materiality(request: AcceptanceRequest, stake: Stake) -> Severity:
    if request.materiality is None:
        return stake.severity
    if not request.materiality.at_least(stake.severity):
        raise InputError(
            f"what is at stake is {stake.severity.value}, and materiality can only be raised",
            hint=f"materiality={stake.severity.value}, or leave it away",
        )
    return request.materiality


def _control(matter: Matter, request: AcceptanceRequest, risks: Sequence[Risk]) -> Control:
    """The compensating control: there, in use, bearing on a risk at stake, and not stale."""
    known = {item.id: item for item in matter.workspace.controls}
    control = known.get(request.control)
    if control is None:
        raise InputError(
            f"the workspace has no control '{request.control}'",
            hint=suggest(request.control, known) if known else "declare it under controls:",
        )
    named = {name for risk in risks for name in risk.controls}
    if control.id not in named and not {risk.id for risk in risks} & {*control.risks}:
        raise InputError(
            f"the control {control.id} is about none of {', '.join(risk.id for risk in risks)}",
            hint="name a control of the risk, or the risk in the control's risks:",
        )
    if control.status == "retired":
        raise InputError(f"the control {control.id} is retired")
    stale = control_stale(control, matter.exceptions.policy, matter.today)
    if stale:
        raise CheckFailed(
            f"{stale}, which is too long ago", hint="measure it anew and set its validated: day"
        )
    return control


def _check_expiry(matter: Matter, until: date, materiality: Severity) -> None:
    longest = matter.exceptions.policy.longest(materiality)
    if until <= matter.today:
        raise InputError(f"the acceptance expires on {until}, not later than today")
    if until > matter.today + timedelta(days=longest):
        latest = matter.today + timedelta(days=longest)
        raise InputError(
            f"an exception of {materiality.value} lasts {longest} days at most, until {latest}",
            hint="people.exceptions.longest_days in people.yaml is the policy",
        )
