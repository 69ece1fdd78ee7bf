"""Which decisions of the log are in force, and which exceptions stand by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from safecase.model import (
    Acceptance,
    Decision,
    DecisionEntry,
    Gate,
    People,
    Recommendation,
    RuleChange,
    VerdictKind,
    changed_rules,
)
from safecase.records.names import NamedEntry, NameStanding, named_entries
from safecase.records.rights import SHIPPING, signatures_missing


@dataclass
class StandingDecision:
    """One matter that was decided, with all the signatures under it."""

    decision: Decision
    people: People
    """Rights and keys as they stood at the last signature."""
    signed: list[NamedEntry] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    """What it lacks before it is in force."""
    superseded: bool = False
    """Whether a later decision in force on the gate and line took its place."""

    @property
    def in_force(self) -> bool:
        """Whether it has every signature and nothing took its place."""
        return not self.missing and not self.superseded

    @property
    def shipping(self) -> bool:
        """Whether it lets the system go."""
        return self.decision.decision in SHIPPING


@dataclass
class Standing:
    """What the log amounts to."""

    matters: list[StandingDecision] = field(default_factory=list)
    """Every matter, by its first signature."""
    _agreed: dict[tuple[str, str], Gate] = field(default_factory=dict)
    """Gate and line → the rules that were last decided by with the rights that they took."""
    _recommended: set[tuple[str, str, str]] = field(default_factory=set)
    """Gate, verdict and person of each recommendation."""

    def current(self, gate: str, line: str) -> StandingDecision | None:
        """The decision in force on this gate and line."""
        found = [item for item in self.matters
                 if item.in_force and (item.decision.gate, item.decision.line) == (gate, line)]  # fmt: skip
        return found[-1] if found else None

    def acceptances(self, gate: str, line: str) -> tuple[Acceptance, ...]:
        """The exceptions that the decision in force rests on, but those that last longer than its policy lets
        them."""
        current = self.current(gate, line)
        if current is None or not current.shipping:
            return ()
        decided, policy = current.decision.decided_at.date(), current.people.exceptions
        return tuple(
            item
            for item in current.decision.acceptances
            if item.gate == gate
            and item.line == line
            and item.expires <= decided + timedelta(days=policy.longest(item.materiality))
        )

    def rule_changes(self, gate: Gate, line: str) -> tuple[RuleChange, ...]:
        """What changed since the last decision on this line; on a new line, since the last one on any."""
        if not self._agreed:
            return ()
        of_gate = {where: rules for (name, where), rules in self._agreed.items() if name == gate.id}
        before = of_gate.get(line) or next(reversed(of_gate.values()), None)
        return changed_rules(before, gate)

    def loosened(self, gate: Gate, line: str) -> bool:
        """Whether a rule asks for less than at the last decision: it takes a second person (ROL-03)."""
        return any(change.looser for change in self.rule_changes(gate, line))

    def blocked(self, decision: Decision) -> StandingDecision | None:
        """The no-go on the very verdict that the decision is about: nothing on others replaces it."""
        for item in self.matters:
            same = item.decision.verdict_digest == decision.verdict_digest
            if same and not item.missing and item.decision.decision is VerdictKind.NO_GO:
                return item
        return None

    def add(self, named: NamedEntry) -> StandingDecision | None:
        """Count one signature; returns what it counts for, None where it counts for nothing."""
        entry = named.entry
        if named.standing is NameStanding.UNSIGNED:
            return None
        if isinstance(entry, Recommendation):
            self._recommended.add((entry.gate, entry.verdict_digest, entry.recommender))
            return None
        known = (entry.gate, entry.verdict_digest, entry.recommender) in self._recommended
        if entry.signer == entry.recommender or (entry.decision in SHIPPING and not known):
            return None
        if entry.decision in SHIPPING and self.blocked(entry):
            return None
        key = entry.matter
        found = next(
            (item for item in self.matters if item.decision.matter == key and not item.superseded), None
        )
        if found is None:
            found = StandingDecision(entry, named.people)
            self.matters.append(found)
        signers = [(item.entry.person, item.key) for item in found.signed]
        if any(entry.signer == person or (named.key and named.key == by) for person, by in signers):
            return None
        found.signed.append(named)
        found.people = named.people
        loosened = self.loosened(entry.rules, entry.line)
        signatures = [item.entry for item in found.signed if isinstance(item.entry, Decision)]
        found.missing = signatures_missing(named.people, signatures, loosened=loosened)
        if not found.missing:
            self._enter_into_force(found, loosened)
        return found

    def _enter_into_force(self, found: StandingDecision, loosened: bool) -> None:
        decision = found.decision
        for item in self.matters:
            same = (item.decision.gate, item.decision.line) == (decision.gate, decision.line)
            if item is not found and same and not item.missing:
                item.superseded = True
        # A block by loosened rules agrees to nothing: else one signature under a no-go would loosen them for
        # good.
        if found.shipping or not loosened:
            self._agreed.pop((decision.gate, decision.line), None)
            self._agreed[decision.gate, decision.line] = decision.rules


def standing(entries: Sequence[DecisionEntry]) -> Standing:
    """What the log amounts to. Raises CheckFailed where a signature does not fit."""
    found = Standing()
    for named in named_entries(entries):
        found.add(named)
    return found
