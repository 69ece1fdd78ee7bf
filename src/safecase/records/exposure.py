"""What somebody has seen of a workspace's families, and which try of a release line a run is.

A family is *open* once its results were shown: by a run that is not sealed and made an answered attempt on
it, in any line, or because a person opened it. It goes by content: where a case that was shown stands in
another family today, that family is open too. All else is *sealed*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from safecase.base import canonical_json, digest_bytes
from safecase.model import (
    SHOWN_DIGITS,
    Case,
    FamiliesOpened,
    ResultsRead,
    RunFinished,
    RunPurpose,
    RunSetAside,
    RunStarted,
    VerdictGiven,
)
from safecase.records.ledger import RunHistory

_DECISIVE = (RunPurpose.OPEN, RunPurpose.CERTIFICATION)


def short_digest(case: Case) -> str:
    """The beginning of a digest over what a case sends, as the ledger keeps it.

    Neither its id, family or suite nor how it is judged plays a part, nor letter case and white space: a case
    that was seen stays seen, whatever somebody calls it.
    """
    sent = case.model_dump(mode="json", include={"messages", "documents", "tools", "environment"})
    text = " ".join(canonical_json(sent).decode("utf-8", "replace").lower().replace("\\n", " ").split())
    return digest_bytes(text.encode()).removeprefix("sha256:")[:SHOWN_DIGITS]


@dataclass(frozen=True)
class Exposure:
    """Which families and cases were shown, and which were tried sealed."""

    families: frozenset[str] = frozenset()
    cases: frozenset[str] = frozenset()
    """Of the shown cases, what `short_digest` gives."""
    used: frozenset[str] = frozenset()
    """Of the cases that any run has sent, sealed or not, what `short_digest` gives."""

    def open_families(self, cases: Iterable[Case]) -> frozenset[str]:
        """Those families of ``cases`` that somebody has seen, by their name or by a case that they hold."""
        return frozenset(
            case.family
            for case in cases
            if case.family in self.families or (self.cases and short_digest(case) in self.cases)
        )

    def was_used(self, case: Case) -> bool:
        """Whether some run has sent this very case."""
        return bool(self.used) and short_digest(case) in self.used


@dataclass(frozen=True)
class RunRecord:
    """What one run did to the families, as the ledger tells it."""

    start: RunStarted
    finish: RunFinished | None
    set_aside: bool

    @property
    def counts_as_try(self) -> bool:
        """Whether it may have learnt something about sealed families. A run that has no end yet may have."""
        if self.set_aside or self.start.purpose not in _DECISIVE:
            return False
        return self.finish is None or self.finish.result.learnt


@dataclass(frozen=True)
class Past:
    """The events of a ledger up to some moment, and what follows from them."""

    history: RunHistory
    moment: RunStarted | RunFinished | None = None
    """The start of the run whose past it is; None: everything that the ledger holds."""

    @cached_property
    def _before(self) -> tuple[bool, ...]:
        """Of each event, whether it stood before the moment in the chain; all do, where there is none."""
        if self.moment is None:
            return (True,) * len(self.history.digests)
        wanted = set(self.moment.previous)
        found = [False] * len(self.history.digests)
        # A line of the ledger names only lines above it.
        for place in range(len(found) - 1, -1, -1):
            if self.history.digests[place] in wanted:
                found[place] = True
                wanted.update(self.history.events[place].previous)
        return tuple(found)

    @cached_property
    def _after(self) -> frozenset[str]:
        """Runs whose start stands behind the moment; what runs beside it is neither before nor behind."""
        if self.moment is None:
            return frozenset()
        behind = {self.moment.digest}
        found = {self.moment.run_id}
        for digest, event in zip(self.history.digests, self.history.events, strict=True):
            if not behind.isdisjoint(event.previous):
                behind.add(digest)
                if isinstance(event, RunStarted):
                    found.add(event.run_id)
        return frozenset(found)

    @cached_property
    def exposure(self) -> Exposure:
        """What somebody had seen at the moment."""
        return self._exposure(self._before)

    @cached_property
    def exposure_of_run(self) -> Exposure:
        """What counts as seen for the run whose start is the moment: what was seen when it began.

        A run that was stopped and taken up again was not under way all the while, and what others showed in
        between may have been mended before it went on: for such a run, what was seen when it last ended.
        """
        ends = [
            event
            for event in self.history.events
            if isinstance(event, RunFinished) and self.moment and event.run_id == self.moment.run_id
        ]
        if len(ends) < 2:
            return self.exposure
        last = Past(self.history, ends[-1])
        own = {place for place, event in enumerate(self.history.events) if event in ends}
        return self._exposure([seen and place not in own for place, seen in enumerate(last._before)])

    def _exposure(self, wanted: Sequence[bool]) -> Exposure:
        families: set[str] = set()
        shown: set[str] = set()
        used: set[str] = set()
        for event, counts in zip(self.history.events, wanted, strict=True):
            if not counts:
                continue
            if isinstance(event, FamiliesOpened):
                families.update(event.families)
                shown.update(event.cases)
            elif isinstance(event, RunFinished):
                used.update(event.cases)
                start = self.history.starts.get(event.run_id)
                if start is None or start.purpose is not RunPurpose.CERTIFICATION:
                    families.update(event.families)
                    shown.update(event.cases)
        return Exposure(frozenset(families), frozenset(shown), frozenset(used | shown))

    @cached_property
    def runs(self) -> tuple[RunRecord, ...]:
        """The runs that stand before the moment or beside it, never those behind it."""
        return tuple(
            RunRecord(start, self.history.finishes.get(run_id), run_id in self.set_aside)
            for run_id, start in self.history.starts.items()
            if run_id not in self._after
        )

    @cached_property
    def set_aside(self) -> frozenset[str]:
        """Runs that a technical reason sets aside, declared before anybody had read their results."""
        read: set[str] = set()
        found: set[str] = set()
        for event in self.history.events:
            if isinstance(event, ResultsRead | VerdictGiven):
                read.add(event.run_id)
            elif isinstance(event, RunSetAside) and event.run_id not in read:
                found.add(event.run_id)
        return frozenset(found)

    def try_number(self, line: str, cases: Sequence[Case]) -> int:
        """Which try of ``line`` a run of ``cases`` is: 1 plus the earlier ones that count.

        Runs of another line count where they tried a sealed family of these cases: a new name for the line
        makes no new families.
        """
        names = {case.family for case in cases}
        contents = {short_digest(case) for case in cases}
        return 1 + sum(
            record.counts_as_try and (record.start.line == line or _shares(record.finish, names, contents))
            for record in self.runs
        )

    def tries_of(self, candidate: str) -> tuple[RunRecord, ...]:
        """Earlier decisive runs of the same candidate, oldest first."""
        return tuple(
            record for record in self.runs if record.counts_as_try and record.start.candidate == candidate
        )


def _shares(finish: RunFinished | None, names: AbstractSet[str], contents: AbstractSet[str]) -> bool:
    """Whether a run tried one of these families; of a run without an end that cannot be told."""
    if finish is None:
        return True
    return not (names.isdisjoint(finish.families) and contents.isdisjoint(finish.cases))
