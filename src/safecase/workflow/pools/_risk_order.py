"""Which risks a run tries first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from safecase.base import SafecaseError
from safecase.engine import RunFolder
from safecase.gate import HELD, VIOLATED, connected_risks
from safecase.model import Case, Gate, RunPurpose
from safecase.workflow._project import Project

_RUNS_READ = 20
"""Earlier runs that are looked into for the rate of a risk: newer ones tell more than older ones."""


def riskiest_first(
    project: Project, gates: Sequence[Gate], cases: Sequence[Case]
) -> tuple[tuple[str, ...], ...] | None:
    """The blocks of risks of a run, the one that did worst in earlier runs first; None where nothing can be
    won.

    A binding rule that fails ends the run, so a bad system is found out after a few calls where its worst
    risk comes first. That needs an earlier run, and rules that leave the risks in more than one block. The
    order of blocks may come from any data: it changes calls, and never the error of a test."""
    blocks = connected_risks(gates, cases)
    if len(blocks) < 2:
        return None
    rates = _earlier_rates(project, {case.risk for case in cases})
    if not rates:
        return None

    def worst(block: set[str]) -> float:
        # Of a risk that nobody tried nothing is known, so it comes first.
        return max(rates.get(risk, float("inf")) for risk in block)

    ranked = sorted(blocks, key=lambda block: (-worst(block), min(block)))
    return tuple(tuple(sorted(block)) for block in ranked)


def _earlier_rates(project: Project, risks: set[str]) -> dict[str, float]:
    """Risk → violation rate in the latest run that tried it; absent where none did."""
    found: dict[str, float] = {}
    # What a certification showed is sealed, and the order of the next run would tell it.
    told = [
        place
        for place, manifest in reversed(project.manifests())
        if manifest.purpose is not RunPurpose.CERTIFICATION
    ]
    for path in told[:_RUNS_READ]:
        if risks <= found.keys():
            break
        try:
            folder = RunFolder.open(path)
            cases, columns = folder.cases(), folder.columns()
        except SafecaseError:
            # A run that cannot be read has nothing to say here; whoever asks for it hears why.
            continue
        of_case = np.array([case.risk for case in cases], dtype=object)
        decided = (columns.outcome == HELD) | (columns.outcome == VIOLATED)
        tried = of_case[columns.case_index[decided]]
        bad = columns.outcome[decided] == VIOLATED
        for risk in set(tried.tolist()) - found.keys():
            mine = tried == risk
            # Half an event and one attempt more, so that one clean attempt is no clean record.
            found[risk] = (float(bad[mine].sum()) + 0.5) / (float(mine.sum()) + 1.0)
    return found
