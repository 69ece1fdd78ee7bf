"""The ledger of runs as a pack carries it, held against the run, its predecessors and its verdicts.

The plans of a chain show that nothing was planned anew; its results show that nothing was left out or changed
afterwards. Written on its own, as everything here that counts something a second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from pydantic import TypeAdapter, ValidationError

from safecase.base import CheckFailed, canonical_json, digest
from safecase.model import (
    SHOWN_DIGITS,
    Case,
    DecisionLogged,
    FamiliesOpened,
    LedgerEvent,
    ResultsRead,
    RunFinished,
    RunManifest,
    RunPurpose,
    RunResult,
    RunSetAside,
    RunStarted,
    Verdict,
    VerdictGiven,
    VerdictKind,
)

LEDGER = "runs.jsonl"
"""Entry of a pack."""

_EVENTS: TypeAdapter[LedgerEvent] = TypeAdapter(LedgerEvent)
_GO = (VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS)


@dataclass(frozen=True)
class PackedLedger:
    """The events of a ledger in their order, and where a run began among them."""

    before: tuple[LedgerEvent, ...]
    start: RunStarted
    after: tuple[LedgerEvent, ...]

    @property
    def events(self) -> tuple[LedgerEvent, ...]:
        """All of them."""
        return (*self.before, self.start, *self.after)

    @property
    def decision_heads(self) -> tuple[str, ...]:
        """Digest of the decision log's last entry, each time that it grew."""
        return tuple(event.head for event in self.events if isinstance(event, DecisionLogged))

    @property
    def others(self) -> bool:
        """Whether it knows any other run."""
        return len(self.starts(self.events)) > 1

    def starts(self, events: Iterable[LedgerEvent]) -> dict[str, RunStarted]:
        """Run id → its start, among ``events``."""
        return {event.run_id: event for event in events if isinstance(event, RunStarted)}

    def finish(self, run_id: str) -> RunFinished | None:
        """The last end of a run."""
        found = [item for item in self.events if isinstance(item, RunFinished) and item.run_id == run_id]
        return found[-1] if found else None

    def answered(self, run_id: str) -> bool:
        """Whether a run brought an answer, so far as the ledger knows; one without an end may have."""
        finish = self.finish(run_id)
        return finish is None or finish.result.answered != 0

    def set_aside(self) -> set[str]:
        """Runs that were set aside before anybody had read their results."""
        read: set[str] = set()
        found: set[str] = set()
        for event in self.events:
            if isinstance(event, ResultsRead | VerdictGiven):
                read.add(event.run_id)
            elif isinstance(event, RunSetAside) and event.run_id not in read:
                found.add(event.run_id)
        return found

    def earlier_tries(self) -> list[RunStarted]:
        """Decisive runs before this one that learnt something of families that were sealed for them."""
        aside = self.set_aside()
        found = []
        for run_id, start in self.starts(self.before).items():
            finish = self.finish(run_id)
            learnt = finish is None or finish.result.answered_sealed != 0
            if learnt and run_id not in aside and start.purpose is not RunPurpose.EXPLORATORY:
                found.append(start)
        return found

    def shown(self) -> tuple[set[str], set[str]]:
        """Families, and beginnings of digests of cases, that somebody had seen when the run began."""
        families: set[str] = set()
        cases: set[str] = set()
        purposes = {run_id: start.purpose for run_id, start in self.starts(self.before).items()}
        for event in self.before:
            if isinstance(event, FamiliesOpened) or (
                isinstance(event, RunFinished) and purposes.get(event.run_id) is not RunPurpose.CERTIFICATION
            ):
                families.update(event.families)
                cases.update(event.cases)
        return families, cases


def read_ledger(content: bytes, manifest: RunManifest) -> PackedLedger:
    """The ledger of a pack. Raises CheckFailed where its chain is broken or it does not know the run."""
    seen: set[str] = set()
    events: list[LedgerEvent] = []
    for number, line in enumerate(content.splitlines(), start=1):
        place = f"{LEDGER}:{number}"
        try:
            event = _EVENTS.validate_python(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise CheckFailed("this line of the ledger does not read", where=place) from error
        if not seen.issuperset(event.previous):
            raise CheckFailed(
                "the ledger names a line that is not there: one was changed or removed", where=place
            )
        seen.add(digest(event))
        events.append(event)
    for number, event in enumerate(events):
        if isinstance(event, RunStarted) and event.run_id == manifest.run_id:
            if event.manifest_digest != manifest.digest:
                raise CheckFailed("the ledger knows another plan of this run", where=f"{LEDGER}:{number + 1}")
            return PackedLedger(tuple(events[:number]), event, tuple(events[number + 1 :]))
    raise CheckFailed("the ledger does not know this run", where=LEDGER)


def check_results(
    ledger: PackedLedger, manifest: RunManifest, result: RunResult, predecessors: Sequence[RunManifest]
) -> None:
    """Hold what came of the run, and what it and its predecessors name, against the ledger.

    ``result``: counted from the pack's attempts, with the digest of the log that the pack was made from.
    Raises CheckFailed.
    """
    finish = ledger.finish(manifest.run_id)
    if finish is None or finish.result != result:
        raise CheckFailed("the attempts are not those that the ledger holds as the result of this run")
    starts = ledger.starts(ledger.events)
    results = {
        (event.run_id, digest(event.result)) for event in ledger.events if isinstance(event, RunFinished)
    }
    for current in (manifest, *predecessors):
        known = starts.get(current.run_id)
        if known is None or known.manifest_digest != current.digest:
            raise CheckFailed(f"the ledger knows another plan of run {current.run_id}, or none")
        for named in current.predecessors:
            before = starts.get(named.run_id)
            if before is None or before.manifest_digest != named.manifest_digest:
                raise CheckFailed(
                    f"run {current.run_id} names run {named.run_id}, and the ledger knows another"
                )
            if named.result_digest and (named.run_id, named.result_digest) not in results:
                raise CheckFailed(
                    f"run {current.run_id} names a result of run {named.run_id} that the ledger does not hold"
                )


def sent_digest(case: Case) -> str:
    """What the ledger keeps of a case: the beginning of a digest over what it sends, in small letters."""
    fields = case.model_dump(mode="json", include={"messages", "documents", "tools", "environment"})
    words = canonical_json(fields).decode("utf-8", "replace").lower().replace("\\n", " ").split()
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:SHOWN_DIGITS]


def check_place(
    ledger: PackedLedger, manifest: RunManifest, verdict: Verdict, cases: Sequence[tuple[str, str]]
) -> None:
    """Hold what a verdict says of the runs before it against the ledger.

    ``cases``: family and `sent_digest` of each case of the run; an empty one where its text is masked. Raises
    CheckFailed where the ledger holds another verdict, where the try is counted too low, where families that
    were seen count as sealed, and where an earlier block of the same candidate is passed over.
    """
    name = f"verdicts/{verdict.gate}.json"
    given = [
        event
        for event in ledger.after
        if isinstance(event, VerdictGiven) and (event.run_id, event.gate) == (manifest.run_id, verdict.gate)
    ]
    if not given or given[-1].verdict_digest != digest(verdict):
        raise CheckFailed("the ledger holds another verdict of this gate on this run, or none", where=name)
    families = {family for family, _ in cases}
    contents = {content for _, content in cases if content}
    tries = 0
    for start in ledger.earlier_tries():
        finish = ledger.finish(start.run_id)
        shares = finish is None or not (
            families.isdisjoint(finish.families) and contents.isdisjoint(finish.cases)
        )
        tries += start.line == manifest.line or shares
    if verdict.try_number < 1 + tries:
        raise CheckFailed(
            f"this is try {1 + tries} of its release line, and the verdict says {verdict.try_number}",
            where=name,
        )
    shown_families, shown_cases = ledger.shown()
    told = {*manifest.open_families, *verdict.open_families}
    for family, content in cases:
        seen = family in shown_families or content in shown_cases
        if seen and family not in told:
            raise CheckFailed(
                f"the family {family} had been seen, and the verdict counts it as sealed", where=name
            )
    same = {start.run_id for start in ledger.earlier_tries() if start.candidate == manifest.candidate}
    if not same.issuperset(verdict.blocked_before):
        raise CheckFailed(
            "the verdict is blocked by a run that was no earlier try of the candidate", where=name
        )
    block = standing_block(ledger, manifest, verdict)
    if block and verdict.kind in _GO:
        raise CheckFailed(f"run {block} of the same candidate was blocked by this gate", where=name)


def standing_block(ledger: PackedLedger, manifest: RunManifest, verdict: Verdict) -> str:
    """An earlier open run of the same candidate that the gate blocked, as last decided; else empty.

    Of a certification the ledger says one word, and whether *not go* was a block or a lack of evidence nobody
    can tell from it: the gate worked that out from the run itself.
    """
    tries = {
        start.run_id
        for start in ledger.earlier_tries()
        if start.candidate == manifest.candidate and start.purpose is not RunPurpose.CERTIFICATION
    }
    last = {
        event.run_id: event.kind
        for event in ledger.events
        if isinstance(event, VerdictGiven)
        and (event.gate, event.gate_digest) == (verdict.gate, verdict.gate_digest)
    }
    return next((run_id for run_id in tries if last.get(run_id) is VerdictKind.NO_GO), "")


def told(ledger: PackedLedger) -> str:
    """What the ledger says of other runs, in words."""
    earlier = ledger.starts(ledger.before)
    later = ledger.starts(ledger.after)
    if not ledger.others:
        return "no history here: the ledger knows no other run, which does not show that there was none"
    words = (
        f"the ledger knows {len(earlier)} earlier and {len(later)} later run{'' if len(later) == 1 else 's'}"
    )
    aside = sorted(ledger.set_aside())
    return f"{words}, {len(aside)} set aside ({', '.join(aside[:3])})" if aside else words
