"""The sheet that people fill for a two-phase judge correction: which attempts to look at, in which order."""

from __future__ import annotations

from safecase.engine import RunPlan, SummaryColumns
from safecase.gate.labels import Labels, label_sheet
from safecase.gate.populations import rule_slices
from safecase.gate.rates import ERROR, RATE_METRICS, outcomes_by_draw, read_stream
from safecase.model import GateRule


def sheet_for(rule: GateRule, plan: RunPlan, columns: SummaryColumns, labels: Labels) -> bytes:
    """A CSV sheet with both strata of each category of a rate rule, labels that exist already filled in.

    Attempts that ended in an error are left out: nobody can label them, and they count as violated.
    """
    if rule.metric not in RATE_METRICS:
        return label_sheet({}, plan.base_seed, labels)
    by_draw = outcomes_by_draw(plan, columns)
    strata: dict[str, list[str]] = {}
    for category in rule_slices(rule, plan):
        stream = read_stream(rule, category, by_draw)
        draws, codes = stream.draws[stream.counted], stream.codes[stream.counted]
        for bad, name in ((True, "judged bad"), (False, "judged good")):
            chosen = draws[(stream.events == bad) & (codes != ERROR)]
            strata[f"{category.name}: {name}"] = [plan.planned(int(draw)).id for draw in chosen]
    return label_sheet(strata, plan.base_seed, labels)
