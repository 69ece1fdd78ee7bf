"""The errors of safecase in the place of those of the verifier, which imports nothing of safecase."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import safecase_verify
from safecase.base import CheckFailed


@contextmanager
def as_theirs() -> Iterator[None]:
    """A failed check of safecase, as one of the verifier, which reports it."""
    try:
        yield
    except CheckFailed as error:
        raise safecase_verify.CheckFailed(
            error.message, where=error.where or "", hint=error.hint or ""
        ) from None
