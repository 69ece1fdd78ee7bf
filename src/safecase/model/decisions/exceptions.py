"""Which exceptions are in force on this very thing, and what reopens them (GAT-08, GAT-16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from safecase.base import digest
from safecase.model.decisions.acceptance import Acceptance
from safecase.model.decisions.people import ExceptionPolicy
from safecase.model.estimate import Estimate
from safecase.model.policy import Control
from safecase.model.rule import GateRule
from safecase.model.verdict import CategoryResult, RuleResult
from safecase.model.vocabulary import Comparator, RuleClass, RuleStatus, Severity
from safecase.model.wording import with_interval

_RETIRED = "retired"


@dataclass(frozen=True)
class Exceptions:
    """What a decision in force grants, and the controls and the policy that it is held against."""

    acceptances: Sequence[Acceptance] = ()
    controls: Sequence[Control] = ()
    policy: ExceptionPolicy = field(default_factory=ExceptionPolicy)

    def control(self, name: str) -> Control | None:
        """The control of that id."""
        return next((item for item in self.controls if item.id == name), None)


@dataclass(frozen=True)
class Stake:
    """What is at stake in one category of a rule."""

    risks: tuple[str, ...]
    severity: Severity
    """The worst of its cases and of its risks."""


def control_digest(control: Control) -> str:
    """The control as it works; validating it anew changes nothing about that."""
    return digest(control.model_dump(mode="json", exclude={"validated", "title", "owner", "cost"}))


@dataclass(frozen=True)
class Excused:
    """What the exceptions make of one rule that is not met."""

    applied: tuple[Acceptance, ...] = ()
    """One a category that is not met, where each has one that is in force."""
    lapsed: tuple[str, ...] = ()
    """Sentences on exceptions that were granted for this and are open again."""


def excuse(
    result: RuleResult,
    exceptions: Exceptions,
    *,
    gate: str,
    line: str,
    system_version: str,
    stakes_of: Mapping[str, Stake],
    today: date,
) -> Excused:
    """Which exceptions apply to a rule that is not met.

    Only bounded rules have any, and only where the miss was measured. All categories must be met or excused:
    what is open in another category no exception closes.
    """
    if result.rule.rule_class is not RuleClass.BOUNDED or result.status is not RuleStatus.NOT_MET:
        return Excused()
    applied: list[Acceptance] = []
    lapsed: list[str] = []
    whole = True
    for category in result.categories:
        if category.status is RuleStatus.MET:
            continue
        found = [
            item
            for item in exceptions.acceptances
            if (item.gate, item.rule, item.category, item.line)
            == (gate, result.rule.id, category.category, line)
            and item.system_version in ("", system_version)
        ]
        # The latest word on the same thing counts, in whatever scope it was given.
        acceptance = found[-1] if found else None
        if acceptance is None or category.status is not RuleStatus.NOT_MET:
            whole = False
            continue
        stake = stakes_of.get(category.category)
        reason = _open_again(acceptance, result.rule, category, exceptions, stake, today)
        if reason:
            lapsed.append(f"The exception {acceptance.id} for {_named(acceptance)} is open again: {reason}.")
            whole = False
        else:
            applied.append(acceptance)
    return Excused(tuple(applied) if whole else (), tuple(lapsed))


def _open_again(
    acceptance: Acceptance,
    rule: GateRule,
    category: CategoryResult,
    exceptions: Exceptions,
    stake: Stake | None,
    today: date,
) -> str:
    """Why an exception is no longer in force; empty where it is."""
    if acceptance.expires <= today:
        return f"it expired on {acceptance.expires}"
    if acceptance.rule_digest != digest(rule.model_dump(mode="json", by_alias=True)):
        return "the rule is another one than it was granted for"
    if stake is None or not {*stake.risks} <= {*acceptance.risks}:
        return "the rule now selects risks that it does not name"
    if not acceptance.materiality.at_least(stake.severity):
        return f"what is at stake is now {stake.severity.value}"
    worse = _worse(acceptance.seen, category.estimate, rule)
    if worse:
        return worse
    return control_gone(acceptance, exceptions, today)


def _worse(seen: Estimate | None, now: Estimate | None, rule: GateRule) -> str:
    if seen is None or now is None:
        return "there is no number to hold it against"
    if rule.comparator is Comparator.AT_MOST:
        beyond = now.value > seen.upper or now.lower > seen.value
    else:
        beyond = now.value < seen.lower or now.upper < seen.value
    return f"{with_interval(now)} is worse than the {with_interval(seen)} that was accepted" if beyond else ""


def control_gone(acceptance: Acceptance, exceptions: Exceptions, today: date) -> str:
    """Why the compensating control is no longer one; empty where it is."""
    control = exceptions.control(acceptance.control)
    if control is None:
        return f"the workspace has no control '{acceptance.control}' any more"
    if control.status == _RETIRED:
        return f"its control {control.id} is retired"
    if control_digest(control) != acceptance.control_digest:
        return f"its control {control.id} was changed"
    return control_stale(control, exceptions.policy, today)


def control_stale(control: Control, policy: ExceptionPolicy, today: date) -> str:
    """Why the control's own evidence is too old; empty where it is not, or nobody ever measured it."""
    longest = timedelta(days=policy.control_days)
    if control.validated is not None and control.validated + longest < today:
        return f"its control {control.id} was last validated on {control.validated}"
    return ""


def condition(result: RuleResult, applied: Sequence[Acceptance], exceptions: Exceptions) -> str:
    """A rule that is not met and was excused, as a condition of the verdict."""
    parts = []
    for item in applied:
        control = exceptions.control(item.control)
        about = f"{item.category}: " if result.rule.per != "none" else ""
        parts.append(f"{about}{item.id} until {item.expires}, with {item.control} ({_proof(control)})")
    return f"{result.sentence} Accepted: {'; '.join(parts)}."


def _proof(control: Control | None) -> str:
    if control is not None and control.validated is not None:
        return f"validated {control.validated}"
    return "a control that nobody has measured"


def _named(acceptance: Acceptance) -> str:
    inside = f", {acceptance.category}" if acceptance.category not in ("", "all") else ""
    return f"{acceptance.rule}{inside}"
