"""Rules and gates."""

from __future__ import annotations

from typing import Any

from safecase.model import Gate, GateRule
from safecase.model.rule import CoverageRequirement

NO_COVERAGE = CoverageRequirement(risks_at_least=None)
"""For gates whose tests are not about risks that no case tests."""


def rule(
    name: str = "rule", metric: str = "violation_rate", bound: float | None = 0.05, **fields: Any
) -> GateRule:
    """A bounded rule on the violation rate, but for what a test chooses."""
    return GateRule.model_validate({"id": name, "metric": metric, "bound": bound, **fields})


def gate(*rules: GateRule, **fields: Any) -> Gate:
    """A gate of these rules that asks for no coverage of risks."""
    return Gate(**{"id": "release", "coverage": NO_COVERAGE, "rules": rules, **fields})
