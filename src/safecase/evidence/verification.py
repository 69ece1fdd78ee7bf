"""A pack checked: by the independent verifier, and by what only safecase itself can do again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import safecase_verify
from safecase.base import InputError
from safecase.evidence._packed_workspace import check_workspace
from safecase_verify import KnownKey, VerificationReport


def verify_pack(
    path: Path | str, *, known: Sequence[KnownKey] = (), require_trust: bool = False
) -> VerificationReport:
    """Check a pack. Needs no network and no workspace.

    What ``safecase-verify`` checks, and the workspace files against what the pack says of them. ``known``:
    the keys that the reader knows; with any, only a signature by one of them counts. ``require_trust``:
    without a known key nothing holds. Raises InputError where the file is no pack at all; everything else
    stands in the report.
    """
    try:
        return safecase_verify.verify_pack(
            path, known=known, require_trust=require_trust, steps={"workspace files": check_workspace}
        )
    except safecase_verify.InputError as error:
        raise InputError(error.message, where=error.where or None, hint=error.hint or None) from None


def known_keys(file: Path | None, public_key: str) -> tuple[KnownKey, ...]:
    """The keys that a reader trusts: those of a file, and one on the command line, base64.

    Raises InputError where one does not read or could prove nothing.
    """
    try:
        found = safecase_verify.read_known_keys(file) if file else ()
        if public_key:
            key = safecase_verify.decode_key(public_key, "--public-key")
            found = (*found, KnownKey("--public-key", key))
    except safecase_verify.InputError as error:
        raise InputError(error.message, where=error.where or None, hint=error.hint or None) from None
    return found
