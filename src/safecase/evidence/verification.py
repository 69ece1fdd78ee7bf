"""A pack checked: by the independent verifier, and by what only safecase itself can do again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

import safecase_verify
from safecase.base import CheckFailed, as_ours, describe
from safecase.evidence._errors import as_theirs
from safecase.evidence._packed_workspace import check_workspace
from safecase.evidence._parallel import in_order
from safecase.evidence.rescoring import Rescoring
from safecase.model import Attempt, Case, RunManifest
from safecase_verify import KnownKey, Look, Progress, Step, VerificationReport, read_entry

if TYPE_CHECKING:
    from zipfile import ZipFile

_LARGEST_CASES = 512 * 1024**2
"""As much as the verifier reads of them."""


def check_evidence(
    path: Path | str,
    *,
    known: Sequence[KnownKey] = (),
    require_trust: bool = False,
    further: Mapping[str, Step] | None = None,
) -> VerificationReport:
    """What ``safecase-verify`` checks, every score that needs no model made again, and the workspace files
    against what the pack says of them.

    ``known``: the keys that the reader knows; with any, only a signature by one of them counts.
    ``require_trust``: without a known key nothing holds. ``further``: steps by name that are taken where
    everything else holds; they raise CheckFailed. Raises InputError where the file is no pack at all;
    everything else stands in the report.
    """
    steps = {"workspace files": check_workspace, **(further or {})}
    with as_ours():
        return safecase_verify.verify_pack(
            path,
            known=known,
            require_trust=require_trust,
            scoring=_scoring,
            in_order=in_order,
            further={name: _translated(step) for name, step in steps.items()},
        )


def _translated(step: Step) -> Step:
    def work(progress: Progress) -> str:
        with as_theirs():
            return step(progress)

    return work


def known_keys(file: Path | None, public_key: str) -> tuple[KnownKey, ...]:
    """The keys that a reader trusts: those of a file, and one on the command line, base64.

    Raises InputError where one does not read or could prove nothing.
    """
    with as_ours():
        found = safecase_verify.read_known_keys(file) if file else ()
        if public_key:
            key = safecase_verify.decode_key(public_key, "--public-key")
            found = (*found, KnownKey("--public-key", key))
    return found


def packed_run(archive: ZipFile, prefix: str) -> tuple[RunManifest, tuple[Case, ...]]:
    """Manifest and cases of a run of a pack in the vocabulary of safecase.

    Raises CheckFailed where the manifest says what this safecase does not know, such as the metric of a
    package that is not installed here; ValueError where something does not read.
    """
    place = f"{prefix}/manifest.json"
    try:
        manifest = RunManifest.model_validate_json(read_entry(archive, place))
    except ValidationError as error:
        raise CheckFailed(describe(error, RunManifest), where=place) from error
    lines = read_entry(archive, f"{prefix}/cases.jsonl", limit=_LARGEST_CASES).splitlines()
    return manifest, tuple(Case.model_validate_json(line) for line in lines if line)


def _scoring(archive: ZipFile, prefix: str) -> Look:
    with as_theirs():
        again = Rescoring(*packed_run(archive, prefix))

    def look(line: bytes, case_index: int) -> Counter[str]:
        with as_theirs():
            return again.check(Attempt.model_validate_json(line), line, case_index)

    return look
