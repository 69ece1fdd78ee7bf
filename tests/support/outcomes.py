"""Outcomes by their short names; the codes of the same names, for arrays, are those of `safecase.gate`."""

from __future__ import annotations

from safecase.model import OutcomeKind

HELD = OutcomeKind.HELD
VIOLATED = OutcomeKind.VIOLATED
UNDETERMINED = OutcomeKind.UNDETERMINED
ERROR = OutcomeKind.ERROR
