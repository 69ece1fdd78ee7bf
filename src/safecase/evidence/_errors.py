"""The errors of safecase and those of the verifier, which imports nothing of safecase, in each other's
place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import safecase_verify
from safecase.base import CheckFailed, InputError


@contextmanager
def as_ours() -> Iterator[None]:
    """Bad input that the verifier tells, as an error of safecase."""
    try:
        yield
    except safecase_verify.InputError as error:
        raise InputError(error.message, where=error.where or None, hint=error.hint or None) from None


@contextmanager
def as_theirs() -> Iterator[None]:
    """A failed check of safecase, as one of the verifier, which reports it."""
    try:
        yield
    except CheckFailed as error:
        raise safecase_verify.CheckFailed(
            error.message, where=error.where or "", hint=error.hint or ""
        ) from None
