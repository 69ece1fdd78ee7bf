"""Runtime controls: checks on what comes in, what tools bring and do, and what goes out.

from safecase.guard import Guard, guard_from_mapping

guard = guard_from_mapping({"injection": "injection", "pii": "pii", "leak": "leak"})
decision = guard.check_input("...")
if decision.blocked: ...
"""

from safecase.guard.check import CheckContext
from safecase.guard.configuration import guard_from_controls, guard_from_mapping
from safecase.guard.content import Content
from safecase.guard.pipeline import Guard, GuardCheck
from safecase.guard.streaming import OutputStream
from safecase.model.guard import (
    CheckResult,
    EvidenceSpan,
    GuardAction,
    GuardDecision,
    GuardVerdict,
    Replacement,
    Surface,
)

__all__ = [
    "CheckContext",
    "CheckResult",
    "Content",
    "EvidenceSpan",
    "Guard",
    "GuardAction",
    "GuardCheck",
    "GuardDecision",
    "GuardVerdict",
    "OutputStream",
    "Replacement",
    "Surface",
    "guard_from_controls",
    "guard_from_mapping",
]
