"""What a stopped run and the whole one must have in common."""

from __future__ import annotations

from safecase.model import CategoryResult, RuleStatus


def assert_only_a_yes_is_taken_away(early: CategoryResult, whole: CategoryResult) -> None:
    """A decision stands on its own attempts: later ones repeat it, or take a yes away, or prove a no."""
    if whole.status is early.status and whole.decision == early.decision:
        assert whole.decided_at == early.decided_at
        assert whole.decided_at is None or whole.estimate == early.estimate
        return
    assert whole.status is not RuleStatus.MET
    if whole.status is RuleStatus.INSUFFICIENT:
        assert early.status is RuleStatus.MET
    assert whole.decision in ("contradicted", "block_proven")
    assert whole.decided_at is None
