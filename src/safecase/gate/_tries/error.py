"""The one place in which the confidence of a rule for a try is computed."""

from __future__ import annotations

from safecase.model import GateRule
from safecase.stats import error_of_try


def rule_of_try(rule: GateRule, number: int) -> GateRule:
    """The rule as the ``number``-th try of its line must meet it: at the error that is this try's to spend.

    Streaming, evaluation, sentences and forecasts all read the rule that comes out of here.
    """
    return rule.model_copy(update={"confidence": 1.0 - error_of_try(1.0 - rule.confidence, number)})
