"""The sheet that people fill for a two-phase judge correction: which attempts to look at, in which order."""

from __future__ import annotations

from collections.abc import Collection

from safecase.engine import RunPlan, SummaryColumns
from safecase.gate._rates.evaluation import read_stream
from safecase.gate.labels import Labels, label_sheet
from safecase.gate.metrics import metric_of
from safecase.gate.metrics._rate import RateMetric
from safecase.gate.outcomes import ERROR, outcomes_by_draw
from safecase.gate.rule_slices import rule_slices
from safecase.model import GateRule


def sheet_for(
    rule: GateRule,
    plan: RunPlan,
    columns: SummaryColumns,
    labels: Labels,
    open_families: Collection[str] = frozenset(),
) -> bytes:
    """A CSV sheet with both strata of each slice of a rate rule, labels that exist already filled in.

    Attempts that ended in an error are left out: nobody can label them, and they count as violated.
    ``open_families``: those that somebody had seen when the run began.
    """
    metric = metric_of(rule)
    if not isinstance(metric, RateMetric):
        return label_sheet({}, plan.base_seed, labels)
    by_draw = outcomes_by_draw(plan, columns)
    strata: dict[str, list[str]] = {}
    for rule_slice in rule_slices(rule, plan, open_families):
        stream = read_stream(metric, rule_slice, by_draw)
        for bad, name in ((True, "judged bad"), (False, "judged good")):
            chosen = stream.draws[(stream.events == bad) & (stream.codes != ERROR)]
            strata[f"{rule_slice.name}: {name}"] = [plan.planned(int(draw)).id for draw in chosen]
    return label_sheet(strata, plan.base_seed, labels)
