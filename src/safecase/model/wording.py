"""The words that people read for what the vocabulary names."""

from __future__ import annotations

from safecase.model.verdict import RuleResult


def rule_name(result: RuleResult) -> str:
    """What to call a rule in front of people."""
    return result.rule.title or result.rule.id.replace("-", " ").replace("_", " ")
