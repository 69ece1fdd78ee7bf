"""The decision log of a pack, read a second time: chain, signatures, and which decision is in force.

It shares no code with `safecase.records`, which writes the log, beside the types of the entries and the check
of an SSH signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from pydantic import ValidationError

from safecase.base import (
    CheckFailed,
    InputError,
    canonical_json,
    fingerprint,
    read_public_key,
    verify_message,
)
from safecase.model import (
    SIGNATURE_NAMESPACE,
    Acceptance,
    Action,
    Decision,
    Gate,
    People,
    PeopleEntry,
    Recommendation,
    Severity,
    Verdict,
    VerdictKind,
    changed_rules,
    parse_entry,
)

DECISION_LOG = "decisions.jsonl"
_SHIPS = frozenset({VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS})


@dataclass
class _Group:
    """Signatures under one and the same decision."""

    first: Decision
    people: People
    signers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Person → role and key."""
    complete: bool = False
    replaced: bool = False


@dataclass
class Decided:
    """What the decision log in a pack amounts to."""

    groups: list[_Group] = field(default_factory=list)
    states: int = 0
    """How often the log records keys, roles and rights: once, and whenever they changed."""
    agreed: dict[tuple[str, str], Gate] = field(default_factory=dict)

    def check(self, data: bytes, verdicts: Sequence[Verdict], heads: Sequence[str], untold: list[str]) -> str:
        """Read the log. Raises CheckFailed with the line that does not hold; says of each name what it is.

        ``heads``: digests of its last entry, each time that it grew, as the ledger in the pack has them.

        ``verdicts``: those of the pack, to tell which decisions are about them; ``untold`` gets what was not
        checked.
        """
        people, previous, masked = People(), "", 0
        names: dict[str, str] = {}
        recommended: dict[tuple[str, str], set[str]] = {}
        decisions, digests = 0, {""}
        for number, line in enumerate(data.splitlines(), start=1):
            place = f"{DECISION_LOG}:{number}"
            try:
                entry = parse_entry(line)
            except ValidationError as error:
                raise CheckFailed("this entry does not read", where=place) from error
            if entry.previous_digest != previous:
                raise CheckFailed("the decision log's chain is broken here", where=place)
            previous = entry.digest
            digests.add(previous)
            if isinstance(entry, PeopleEntry):
                people = entry.people
                self.states += 1
                continue
            key, counts = _signed_by(entry, people, place)
            names[entry.person] = fingerprint(key) if key else "no signature: a claim"
            if isinstance(entry, Recommendation):
                if counts:
                    recommended.setdefault((entry.gate, entry.verdict_digest), set()).add(entry.recommender)
                continue
            decisions += 1
            masked += bool(entry.rationale_digest) or any(
                item.justification_digest for item in entry.acceptances
            )
            known = recommended.get((entry.gate, entry.verdict_digest), set())
            if entry.decision in _SHIPS and entry.recommender not in known:
                raise CheckFailed(
                    "this decision names a recommender whom the gate did not record", where=place
                )
            if entry.signer == entry.recommender:
                raise CheckFailed("the one who recommended decided", where=place)
            if counts:
                self._count(entry, people, fingerprint(key) if key else "")
        if heads and (not digests.issuperset(heads) or previous not in heads):
            raise CheckFailed(
                "the decision log was cut off or changed: its end is not what the ledger of runs names",
                where=DECISION_LOG,
            )
        if not heads:
            untold.append("that no decision was cut off: the pack carries no ledger that names them")
        if masked:
            untold.append(f"the text of {masked} decisions: it is masked in the pack")
        return self._summary(decisions, verdicts, names)

    def _summary(self, decisions: int, verdicts: Sequence[Verdict], names: dict[str, str]) -> str:
        about = {(verdict.gate, verdict.basis) for verdict in verdicts}
        told = []
        for group in self.groups:
            if (group.first.gate, group.first.verdict_digest) in about:
                state = "replaced" if group.replaced else "in force" if group.complete else "not in force"
                told.append(f"{group.first.decision.value} by {', '.join(group.signers)} ({state})")
        on_this = "; ".join(told) or "none is about the verdicts of this pack"
        changed = f"; keys, roles or rights changed {self.states - 1} times" if self.states > 1 else ""
        who = ", ".join(f"{person}: {what}" for person, what in sorted(names.items()))
        return f"{decisions} decisions, each linked to the one before; {on_this}; names: {who or 'none'}{changed}"

    def why_not(self, acceptance: Acceptance, verdict: Verdict, on: date) -> str:
        """Why a verdict may not rest on an acceptance on that day; empty where it may."""
        current = [
            group
            for group in self.groups
            if group.complete
            and not group.replaced
            and (group.first.gate, group.first.line) == (verdict.gate, verdict.line)
        ]
        if not current or current[-1].first.decision not in _SHIPS:
            return "no decision in force lets this gate's line go"
        granted = [item for item in current[-1].first.acceptances if item.id == acceptance.id]
        if not granted:
            return "the decision in force does not grant it"
        if (acceptance.gate, acceptance.line) != (verdict.gate, verdict.line):
            return "it is about another gate or line"
        if acceptance.system_version not in ("", verdict.system_version):
            return "it is about another version of the system"
        policy = current[-1].people.exceptions
        longest = policy.longest_days_by_severity.get(acceptance.materiality, policy.longest_days)
        latest = current[-1].first.decided_at.date() + timedelta(days=min(longest, policy.longest_days))
        if acceptance.expires > latest:
            return f"it lasts longer than the policy allows, which is until {latest}"
        return f"it expired on {acceptance.expires}" if acceptance.expires <= on else ""

    def _count(self, entry: Decision, people: People, key: str) -> None:
        """Count one signature, and see whether the decision is complete with it."""
        ships = entry.decision in _SHIPS
        blocked = any(
            group.complete
            and group.first.decision is VerdictKind.NO_GO
            and group.first.verdict_digest == entry.verdict_digest
            for group in self.groups
        )
        if ships and blocked:
            return
        group = next((item for item in self.groups if not item.replaced and _same(item.first, entry)), None)
        if group is None:
            group = _Group(entry, people)
            self.groups.append(group)
        if entry.signer in group.signers or (
            key and any(key == other for _, other in group.signers.values())
        ):
            return
        group.signers[entry.signer] = (entry.role, key)
        group.people = people
        loosened = ships and self._loosened(entry)
        if not all(_enough(group, people, *needed) for needed in _needed(entry, loosened)):
            return
        group.complete = True
        where = (entry.gate, entry.line)
        for other in self.groups:
            if other is not group and other.complete and (other.first.gate, other.first.line) == where:
                other.replaced = True
        if ships or not self._loosened(entry):
            self.agreed.pop(where, None)
            self.agreed[where] = entry.rules

    def _loosened(self, entry: Decision) -> bool:
        if not self.agreed:
            return False
        before = self.agreed.get((entry.gate, entry.line))
        if before is None:
            before = next(
                (rules for (gate, _), rules in reversed(self.agreed.items()) if gate == entry.gate), None
            )
        return any(change.looser for change in changed_rules(before, entry.rules))


def _signed_by(entry: Decision | Recommendation, people: People, place: str) -> tuple[bytes, bool]:
    """The key behind a name, empty for a claim, and whether the entry counts."""
    texts = [text for person in people.persons if person.id == entry.person for text in person.keys]
    if not entry.signature:
        return b"", not texts
    try:
        key = verify_message(entry.signature, canonical_json(entry.content()), SIGNATURE_NAMESPACE)
        known = {read_public_key(text) for text in texts}
    except (CheckFailed, InputError) as error:
        raise CheckFailed(
            f"the signature of {entry.person} does not hold: {error.message}", where=place
        ) from error
    if key not in known:
        raise CheckFailed(f"this entry is signed by a key that {entry.person} did not have", where=place)
    return key, True


def _same(one: Decision, other: Decision) -> bool:
    """Whether two signatures are under the same decision."""

    def matter(item: Decision) -> tuple[object, ...]:
        ids = sorted(acceptance.id for acceptance in item.acceptances)
        return (item.gate, item.line, item.verdict_digest, item.decision, ids)

    return matter(one) == matter(other)


def _needed(entry: Decision, loosened: bool) -> list[tuple[Action, Severity | None, int]]:
    """Actions that the decision takes: for what severity, and by how many at least."""
    if entry.decision not in _SHIPS:
        return [(Action.BLOCK_RELEASE, entry.materiality, 1)]
    needed: list[tuple[Action, Severity | None, int]] = [(Action.APPROVE_RELEASE, None, 1)]
    for item in entry.acceptances:
        needed.append((Action.ACCEPT_RISK, item.materiality, 1))
        if item.rule:
            needed.append((Action.GRANT_EXCEPTION, item.materiality, 1))
    if loosened:
        needed.append((Action.CHANGE_THRESHOLD, None, 2))
    return needed


def _enough(group: _Group, people: People, action: Action, severity: Severity | None, least: int) -> bool:
    """Whether one of the rights to an action has its signatures."""
    rights = [
        right
        for right in people.decision_rights
        if right.action is action
        and (severity is None or right.severity is None or right.severity.rank <= severity.rank)
    ]
    if not rights and action is Action.CHANGE_THRESHOLD:
        return _enough(group, people, Action.APPROVE_RELEASE, None, least)
    holders = {person.id: person.roles for person in people.persons}
    return any(
        sum(
            role in right.roles and role in holders.get(name, ()) for name, (role, _) in group.signers.items()
        )
        >= max(right.signatures, least)
        for right in rights
    )
