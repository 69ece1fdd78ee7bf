"""The decision log of a pack: its chain, signatures, which decision is in force, what an exception covers.

Written on its own, on plain JSON: nothing here comes from the code that writes the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Literal

from safecase_verify.errors import CheckFailed, InputError
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.canonical import canonical_json, digest, digest_bytes, read_json
from safecase_verify.reading.ssh_signature import fingerprint, read_public_key, verify_message

DECISION_LOG = "decisions.jsonl"
NAMESPACE = "safecase-decision"
"""What the signatures of the log are made for."""
_SHIPS = frozenset({"go", "go_with_conditions"})
_SEVERITIES = ("sev1", "sev2", "sev3", "sev4")
_CLASSES = ("advisory", "bounded", "floor")
_WORDS_ONLY = frozenset({"id", "title", "rationale", "good", "power"})
_CONCLUDED = frozenset({"kind", "reasons", "conditions", "acceptances", "notes"})
Severity = Literal["sev1", "sev2", "sev3", "sev4"]
Ending = Literal["go", "go_with_conditions", "no_go", "insufficient_evidence", "not_configured"]


def verdict_basis(raw: Mapping[str, Any]) -> str:
    """Digest of what people decide on: a verdict without what exceptions make of it."""
    left_out = _CONCLUDED - {"kind"} if raw.get("sealed") is True else _CONCLUDED
    return digest({name: value for name, value in raw.items() if name not in left_out})


@dataclass(frozen=True)
class Number:
    """The number that was seen at signing."""

    UNREAD: ClassVar = ("confidence", "method", "n", "events", "families", "judge_corrected", "unit")
    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Acceptance:
    """An exception on one thing."""

    UNREAD: ClassVar = ("control", "control_digest")
    gate: str
    rule: str
    category: str
    rule_digest: str
    system_version: str
    line: str
    risks: tuple[str, ...]
    materiality: Severity
    seen: Number | None
    expires: date
    justification: str
    justification_digest: str


@dataclass(frozen=True)
class Right:
    """Which roles may do an action, and how many of them it takes."""

    action: str
    roles: tuple[str, ...]
    signatures: int
    severity: Severity | None


@dataclass(frozen=True)
class Person:
    """A person's roles and public keys."""

    UNREAD: ClassVar = ("name", "email")
    id: str
    roles: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """How long exceptions may last."""

    UNREAD: ClassVar = ("control_days",)
    longest_days: int
    longest_days_by_severity: Mapping[str, int]


@dataclass(frozen=True)
class People:
    """Rights and keys as they stood."""

    UNREAD: ClassVar = ("roles", "escalation")
    persons: tuple[Person, ...] = ()
    decision_rights: tuple[Right, ...] = ()
    exceptions: Policy = Policy(0, {})


@dataclass(frozen=True)
class PeopleEntry:
    """The people from here on."""

    UNREAD: ClassVar = ("recorded_at",)
    event: Literal["people"]
    people: People
    previous_digest: str


@dataclass(frozen=True)
class Recommendation:
    """Who stood by a verdict."""

    UNREAD: ClassVar = ("recommended_at", "run_id", "recommended")
    event: Literal["recommendation"]
    gate: str
    verdict_digest: str
    recommender: str
    previous_digest: str
    signature: str


@dataclass(frozen=True)
class Decision:
    """What a person decided."""

    UNREAD: ClassVar = ("run_id", "system_version", "recommended")
    event: Literal["decision"]
    decided_at: datetime
    rules: Mapping[str, Any]
    verdict_digest: str
    line: str
    decision: Ending
    materiality: Severity | None
    rationale: str
    rationale_digest: str
    signer: str
    role: str
    recommender: str
    acceptances: tuple[Acceptance, ...]
    previous_digest: str
    signature: str

    @property
    def gate(self) -> str:
        """The gate that was decided on."""
        return str(self.rules.get("id"))


_KINDS = {"people": PeopleEntry, "recommendation": Recommendation, "decision": Decision}


@dataclass
class _Group:
    """Signatures under one and the same decision."""

    first: Decision
    matter: str
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
    agreed: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    def check(
        self,
        data: bytes,
        verdicts: Sequence[Mapping[str, Any]],
        heads: Sequence[str],
        untold: list[str],
    ) -> str:
        """Read the log. Raises CheckFailed with the line that does not hold; says of each name what it is.

        ``verdicts``: those of the pack as they stand there, to tell which decisions are about them.
        ``heads``: digests of the log's last entry, each time that it grew, as the ledger in the pack has them
        (``decision_logged``). ``untold`` gets what was not checked.
        """
        people, previous, masked, decisions = People(), "", 0, 0
        digests = {""}
        names: dict[str, str] = {}
        recommended: set[tuple[str, str, str]] = set()
        for number, line in enumerate(data.splitlines(), start=1):
            place = f"{DECISION_LOG}:{number}"
            raw, entry = _read(line, place)
            if entry.previous_digest != previous:
                raise CheckFailed("the decision log's chain is broken here", where=place)
            content = _content(raw)
            previous = digest({"content": content, "signature": raw.get("signature", "")})
            digests.add(previous)
            if isinstance(entry, PeopleEntry):
                people = entry.people
                self.states += 1
                continue
            person = entry.recommender if isinstance(entry, Recommendation) else entry.signer
            key, counts = _signed_by(person, entry.signature, content, people, place)
            names[person] = key or "no signature: a claim"
            if isinstance(entry, Recommendation):
                if counts:
                    recommended.add((entry.gate, entry.verdict_digest, entry.recommender))
                continue
            decisions += 1
            masked += bool(entry.rationale_digest) or any(x.justification_digest for x in entry.acceptances)
            known = (entry.gate, entry.verdict_digest, entry.recommender) in recommended
            if entry.decision in _SHIPS and not known:
                raise CheckFailed(
                    "this decision names a recommender whom the gate did not record", where=place
                )
            if entry.signer == entry.recommender:
                raise CheckFailed("the one who recommended decided", where=place)
            if counts:
                self._count(entry, _matter(entry, raw), people, key)
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

    def _summary(self, count: int, verdicts: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
        about = {(verdict.get("gate"), verdict_basis(verdict)) for verdict in verdicts}
        told = []
        for group in self.groups:
            if (group.first.gate, group.first.verdict_digest) in about:
                state = "replaced" if group.replaced else "in force" if group.complete else "not in force"
                told.append(f"{group.first.decision} by {', '.join(group.signers)} ({state})")
        on_this = "; ".join(told) or "none is about the verdicts of this pack"
        changed = f"; keys, roles or rights changed {self.states - 1} times" if self.states > 1 else ""
        who = ", ".join(f"{person}: {what}" for person, what in sorted(names.items()))
        return f"{count} decisions, each linked to the one before; {on_this}; names: {who or 'none'}{changed}"

    def why_not(self, raw: Mapping[str, Any], verdict: Mapping[str, Any], on: date, place: str) -> str:
        """Why a verdict may not rest on an acceptance of its own on that day; empty where it may."""
        acceptance = read_record(Acceptance, raw, place)
        where = (verdict.get("gate"), verdict.get("line"))
        current = [
            group
            for group in self.groups
            if group.complete and not group.replaced and (group.first.gate, group.first.line) == where
        ]
        if not current or current[-1].first.decision not in _SHIPS:
            return "no decision in force lets this gate's line go"
        if acceptance not in current[-1].first.acceptances:
            return "the decision in force does not grant it"
        if (acceptance.gate, acceptance.line) != where:
            return "it is about another gate or line"
        if acceptance.system_version not in ("", verdict.get("system_version")):
            return "it is about another version of the system"
        policy = current[-1].people.exceptions
        longest = policy.longest_days_by_severity.get(acceptance.materiality, policy.longest_days)
        latest = current[-1].first.decided_at.date() + timedelta(days=min(longest, policy.longest_days))
        if acceptance.expires > latest:
            return f"it lasts longer than the policy allows, which is until {latest}"
        return f"it expired on {acceptance.expires}" if acceptance.expires <= on else ""

    def _count(self, entry: Decision, matter: str, people: People, key: str) -> None:
        """Count one signature, and see whether the decision is complete with it."""
        ships = entry.decision in _SHIPS
        if ships and any(
            group.complete
            and group.first.decision == "no_go"
            and group.first.verdict_digest == entry.verdict_digest
            for group in self.groups
        ):
            return
        group = next((item for item in self.groups if not item.replaced and item.matter == matter), None)
        if group is None:
            group = _Group(entry, matter, people)
            self.groups.append(group)
        if entry.signer in group.signers or (key and any(key == by for _, by in group.signers.values())):
            return
        group.signers[entry.signer] = (entry.role, key)
        group.people = people
        loosened = self._loosened(entry)
        if not all(_enough(group, people, *needed) for needed in _needed(entry, ships and loosened)):
            return
        group.complete = True
        where = (entry.gate, entry.line)
        for other in self.groups:
            if other is not group and other.complete and (other.first.gate, other.first.line) == where:
                other.replaced = True
        if ships or not loosened:
            self.agreed.pop(where, None)
            self.agreed[where] = entry.rules

    def _loosened(self, entry: Decision) -> bool:
        if not self.agreed:
            return False
        before = self.agreed.get((entry.gate, entry.line))
        if before is None:
            of_gate = [rules for (gate, _), rules in self.agreed.items() if gate == entry.gate]
            before = of_gate[-1] if of_gate else None
        return before is None or asks_for_less(before, entry.rules)


def excused_rules(
    verdict: Mapping[str, Any],
    decided: Decided,
    on: date,
    risks_of: Mapping[tuple[str, str], Iterable[str]],
    place: str,
) -> set[str]:
    """Rules of a verdict whose every missed category has an exception in force on this very thing.

    The exceptions are those that the verdict says it rests on (``acceptances``); raises CheckFailed for one
    that does not hold. ``risks_of``: rule and category → the risks of its cases. Whether a control still is
    what it was, only the workspace could tell.
    """
    results = {result["rule"]["id"]: result for result in verdict["rules"]}
    covered: dict[str, set[str]] = {}
    for raw in verdict["acceptances"]:
        item = read_record(Acceptance, raw, place)
        name = f"{item.rule[:80]}, {item.category[:80]}"
        result = results.get(item.rule)
        categories = {found["category"]: found for found in result["categories"]} if result else {}
        if result is None or item.category not in categories:
            raise CheckFailed(f"the verdict rests on an exception about no result of it: {name}", where=place)
        wrong = decided.why_not(raw, verdict, on, place)
        if not wrong and item.rule_digest != digest(result["rule"]):
            wrong = "it was granted for another rule"
        if not wrong and not {*risks_of.get((item.rule, item.category), ())} <= {*item.risks}:
            wrong = "the rule selects risks that it does not name"
        if not wrong:
            wrong = _worse(item.seen, categories[item.category]["estimate"], result["rule"], place)
        if wrong:
            raise CheckFailed(f"the verdict rests on the exception for {name}, but {wrong}", where=place)
        covered.setdefault(item.rule, set()).add(item.category)
    return {
        name
        for name, result in results.items()
        if name in covered
        and {item["category"] for item in result["categories"] if item["status"] != "met"} == covered[name]
    }


def binds(rule: Mapping[str, Any]) -> bool:
    """Whether some system could miss the rule: else a gate of such rules is not configured."""
    if rule["class"] == "advisory":
        return False
    limit = rule["margin"] if rule["metric"] == "regression" else rule["bound"]
    share = not str(rule["metric"]).startswith(("latency_", "cost_"))
    if limit is None or not share:
        return True
    return bool(limit < 1 if rule["comparator"] == "<=" else limit > 0)


def asks_for_less(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a gate asks for less than another, or cannot be told to ask for as much."""
    new = {rule["id"]: rule for rule in after["rules"]}
    for old in before["rules"]:
        if old["id"] not in new:
            if old["class"] != "advisory":
                return True
            continue
        rule = new[old["id"]]
        for name in {*old, *rule} - _WORDS_ONLY:
            changed = old.get(name) != rule.get(name)
            matters = old["class"] != "advisory"
            if changed and matters and not _as_strict(name, old.get(name), rule.get(name), rule):
                return True
    one, other = before["coverage"], after["coverage"]
    order = (None, *_SEVERITIES)
    return bool(
        order.index(other["risks_at_least"]) < order.index(one["risks_at_least"])
        or other["held_out_share"] < one["held_out_share"]
    )


def _as_strict(name: str, old: Any, new: Any, rule: Mapping[str, Any]) -> bool:
    if name == "bound":
        if new is None or old is None:
            return new is None
        return bool(new <= old if rule["comparator"] == "<=" else new >= old)
    if name in ("margin", "error_budget", "undetermined_budget"):
        return new is None or (old is not None and new <= old)
    if name in ("confidence", "minimum_n"):
        return bool(new >= old)
    if name == "class":
        return _CLASSES.index(new) >= _CLASSES.index(old)
    wanted = {"population": "families", "errors_count_as": "violated", "requires_calibrated_scorers": True}
    if name == "per":
        return bool(old == "none")
    return name in wanted and new == wanted[name]


def _worse(seen: Number | None, estimate: Any, rule: Mapping[str, Any], place: str) -> str:
    if seen is None or estimate is None:
        return "there is no number to hold it against"
    now = read_record(Number, estimate, place)
    if rule["comparator"] == "<=":
        worse = now.value > seen.upper or now.lower > seen.value
    else:
        worse = now.value < seen.lower or now.upper < seen.value
    return "the number is worse than the one that was accepted" if worse else ""


def _read(line: bytes, place: str) -> tuple[dict[str, Any], PeopleEntry | Recommendation | Decision]:
    try:
        raw = read_json(line)
    except ValueError as error:
        raise CheckFailed("this entry is no JSON", where=place) from error
    kind = _KINDS.get(str(raw.get("event"))) if isinstance(raw, dict) else None
    if kind is None:
        raise CheckFailed("this is no entry of a decision log", where=place)
    return raw, read_record(kind, raw, place)


def _content(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What was signed of an entry: its free texts by their digests."""
    found = {name: value for name, value in raw.items() if name != "signature"}
    if raw["event"] == "decision":
        found = _with_digest(found, "rationale")
        found["acceptances"] = [_with_digest(item, "justification") for item in raw["acceptances"]]
    return found


def _with_digest(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    original = f"{name}_digest"
    found = {key: value for key, value in record.items() if key != original}
    found[name] = record[original] or digest_bytes(str(record[name]).encode("utf-8", "replace"))
    return found


def _matter(entry: Decision, raw: Mapping[str, Any]) -> str:
    """What was decided, of what: signatures under the same count together."""
    granted = sorted(digest(_with_digest(item, "justification")) for item in raw["acceptances"])
    return digest([entry.gate, entry.line, entry.verdict_digest, entry.decision, granted])


def _signed_by(
    person: str, signature: str, content: Mapping[str, Any], people: People, place: str
) -> tuple[str, bool]:
    """Fingerprint of the key behind a name, empty for a claim, and whether the entry counts."""
    texts = [text for item in people.persons if item.id == person for text in item.keys]
    if not signature:
        return "", not texts
    try:
        key = verify_message(signature, canonical_json(content), NAMESPACE)
        known = {read_public_key(text) for text in texts}
    except (CheckFailed, InputError) as error:
        raise CheckFailed(f"the signature of {person} does not hold: {error.message}", where=place) from error
    if key not in known:
        raise CheckFailed(f"this entry is signed by a key that {person} did not have", where=place)
    return fingerprint(key), True


def _needed(entry: Decision, loosened: bool) -> list[tuple[str, str | None, int]]:
    """Actions that the decision takes: for what severity, and by how many at least."""
    if entry.decision not in _SHIPS:
        return [("block_release", entry.materiality, 1)]
    needed: list[tuple[str, str | None, int]] = [("approve_release", None, 1)]
    for item in entry.acceptances:
        needed.append(("accept_risk", item.materiality, 1))
        if item.rule:
            needed.append(("grant_exception", item.materiality, 1))
    if loosened:
        needed.append(("change_threshold", None, 2))
    return needed


def _enough(group: _Group, people: People, action: str, severity: str | None, least: int) -> bool:
    """Whether one of the rights to an action has its signatures."""
    rights = [
        right
        for right in people.decision_rights
        if right.action == action
        and (
            severity is None
            or right.severity is None
            or _SEVERITIES.index(right.severity) <= _SEVERITIES.index(severity)
        )
    ]
    if not rights and action == "change_threshold":
        return _enough(group, people, "approve_release", None, least)
    holders = {person.id: person.roles for person in people.persons}
    return any(
        sum(
            role in right.roles and role in holders.get(name, ()) for name, (role, _) in group.signers.items()
        )
        >= max(right.signatures, least)
        for right in rights
    )
