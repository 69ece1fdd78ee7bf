"""Risks of a workspace."""

from __future__ import annotations

from typing import Any

from safecase.model import HarmClass, Risk, Severity
from safecase.model.vocabulary import Likelihood


def risk(name: str, severity: Severity, **fields: Any) -> Risk:
    """A risk of this severity."""
    values: dict[str, Any] = {
        "id": name,
        "title": name,
        "harm": HarmClass.MISUSE_ENABLEMENT,
        "severity": severity,
        "likelihood": Likelihood.POSSIBLE,
    }
    return Risk(**(values | fields))


RISKS = (risk("jailbreak", Severity.SEV2), risk("risk-0", Severity.SEV1), risk("minor", Severity.SEV4))
"""What the workspace in each pack of the tests declares."""
