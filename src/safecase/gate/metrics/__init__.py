"""What gate rules measure: one file a metric, named as people write it in a rule.

A file without a leading underscore defines ``METRIC``, and `safecase.model.METRICS` finds it by its name. The
verifier has its own hand for each in ``safecase_verify.methods``, under the same name.

A metric's file is read whenever somebody names it in a rule, by ``safecase check`` and by the verifier of a
pack too. So that checking stays quick, and the verifier free of what it checks, the file imports what
computes (numpy, the engine, the statistics, the gate's own machinery) inside of the functions that compute.
"""

from __future__ import annotations

from safecase.gate.metrics._metric import Metric
from safecase.model import METRICS, GateRule


def metric_of(rule: GateRule) -> Metric:
    """The metric of a rule, to compute with. Raises TypeError where it was only declared, not written."""
    found = METRICS.get(rule.metric)
    if not isinstance(found, Metric):
        raise TypeError(
            f"the metric {rule.metric} is no safecase.gate.metrics.Metric, so nothing evaluates it"
        )
    return found
