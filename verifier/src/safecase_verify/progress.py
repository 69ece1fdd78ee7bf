"""What a verification has established so far, and what it reports in the end."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from safecase_verify.errors import CheckFailed, VerifyError
from safecase_verify.reading.archive import read_entry
from safecase_verify.reading.canonical import read_json
from safecase_verify.reading.frames import ZstdError
from safecase_verify.reading.keys import KnownKey
from safecase_verify.reading.ledger import PackedLedger
from safecase_verify.reading.records import PackedWorkspace, RunManifest
from safecase_verify.reading.run import InOrder, Look, PackedRun, first_line

Scoring: TypeAlias = Callable[[zipfile.ZipFile, str], Look]
"""What scores the attempts of a run again, made for the run that a pack holds under a prefix. Raises
CheckFailed."""
SCORED_AGAIN = "scored again"
"""Under this name a `Look` counts scores that came out as recorded; under any other, why one was not made."""
_LONGEST_DETAIL = 1_000
"""Characters of a hostile pack's words that reach the terminal: a message, and no flood."""
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ZstdError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    RecursionError,
)
"""What reading hostile bytes can raise: it fails the check that it happened in, and nothing else."""


@dataclass(frozen=True)
class VerificationStep:
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str
    shows_something: bool = True
    """False where there was nothing to check, so that it is no tick: no history, for instance."""


@dataclass(frozen=True)
class VerificationReport:
    """What a verification found."""

    ok: bool
    checks: tuple[VerificationStep, ...]
    demo: bool = False
    signer: str = ""
    """Key id of the signer."""
    trusted: str = ""
    """Name of the signer's key among those that the reader knows; empty: nobody vouches for it, so that the
    pack proves integrity only."""
    not_recomputed: tuple[str, ...] = ()
    """Results that this code has no independent method for, each with the reason."""


@dataclass
class Progress:
    """What a verification has established so far. Steps of a caller may read it, and add to ``skipped``."""

    archive: zipfile.ZipFile
    known: Sequence[KnownKey]
    require_trust: bool
    scoring: Scoring | None
    in_order: InOrder
    checks: list[VerificationStep]
    statement: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, PackedRun] = field(default_factory=dict)
    signer: str = ""
    trusted: str = ""
    skipped: list[str] = field(default_factory=list)
    workspace: PackedWorkspace = field(default_factory=PackedWorkspace)
    earlier: list[RunManifest] = field(default_factory=list)
    """The runs before this one that the pack holds, nearest first."""
    ledger: PackedLedger | None = None
    untold: set[str] = field(default_factory=set)
    """Checks that found nothing wrong and nothing to hold against anything."""

    @property
    def predicate(self) -> dict[str, Any]:
        """The part of the signed statement that is about the run. Raises CheckFailed where there is none."""
        predicate = self.statement.get("predicate")
        if not isinstance(predicate, dict):
            raise CheckFailed("the signed statement says nothing about the run")
        return predicate

    @property
    def made_at(self) -> datetime:
        """When the pack says that it was made. Raises CheckFailed where it does not, or without a zone."""
        try:
            made = datetime.fromisoformat(str(self.predicate.get("created_at", "")))
        except ValueError:
            made = None
        if made is None or made.tzinfo is None:
            raise CheckFailed("the signed statement does not say when the pack was made")
        return made

    @property
    def state(self) -> tuple[int, str]:
        """Draws that the run skipped because its gates had no use for them, and how it ended."""
        predicate = self.predicate
        skipped, state = predicate.get("skipped"), predicate.get("run_state")
        if type(skipped) is not int or state not in ("complete", "stopped", "failed", "running"):
            raise CheckFailed("the signed statement does not say how the run ended")
        return skipped, str(state)

    def read(self, name: str) -> Any:
        """The JSON of an entry. Raises CheckFailed where it is none."""
        try:
            return read_json(read_entry(self.archive, name))
        except ValueError as error:
            raise CheckFailed(f"this is no JSON: {first_line(error)}", where=name) from error

    def step(self, name: str, work: Callable[[], str]) -> bool:
        """Do one check and note what came of it."""
        try:
            detail, ok = work(), True
        except VerifyError as error:
            detail, ok = error.render(), False
        except BROKEN as error:
            detail, ok = f"the pack is corrupt here: {first_line(error)}", False
        shows = name not in self.untold
        self.checks.append(VerificationStep(name[:120], ok, harmless(detail), shows))
        return ok


Step: TypeAlias = Callable[[Progress], str]
"""A check: what it found, in words. Raises CheckFailed where something does not hold."""


def harmless(text: str) -> str:
    """Words of a hostile pack, short and without characters that steer a terminal."""
    shown = text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}…"
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in shown)
