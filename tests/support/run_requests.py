"""Runs of the real engine: a request with a fake target and scorer, a gate that counts, and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safecase.engine import PlanDraft, RunPlan, RunRequest, build_plan
from safecase.model import AttemptSummary, Case, DrawOrder, Limits, PlannedAttempt, RunSettings
from support.runs import SYSTEM
from support.scorers import build_refusal_scorer
from support.targets import FakeTarget

FAST = Limits(concurrency=8, backoff_seconds=0.001, backoff_ceiling_seconds=0.002, timeout_seconds=5)


class CountingGate:
    """Wants a fixed number of attempts; remembers what it saw."""

    def __init__(self, enough: int, *, refuses: Callable[[PlannedAttempt], bool] | None = None) -> None:
        self.enough = enough
        self.seen: list[AttemptSummary] = []
        self._refuses = refuses

    def observe(self, summary: AttemptSummary) -> None:
        self.seen.append(summary)

    def wants(self, planned: PlannedAttempt, case: Case) -> bool:
        return not (self._refuses is not None and self._refuses(planned))

    @property
    def finished(self) -> bool:
        return len(self.seen) >= self.enough

    def progress(self) -> Mapping[str, str]:
        return {"rule": f"{len(self.seen)} of {self.enough}"}


def request(
    store: Path,
    plan: RunPlan | PlanDraft | Sequence[Case],
    *,
    target: FakeTarget | None = None,
    **fields: Any,
) -> RunRequest:
    """A run into ``store``, each field by its name, those of the settings as well."""
    if not isinstance(plan, RunPlan | PlanDraft):
        plan = build_plan(plan, seed=7, order=DrawOrder.UNIFORM)
    chosen = {
        name: fields.pop(name)
        for name in tuple(fields)
        if name in RunSettings.model_fields and name != "cache"
    }
    values: dict[str, Any] = {
        "settings": RunSettings(**{"limits": FAST, **chosen}),
        "target": target if target is not None else FakeTarget(),
        "build_scorer": build_refusal_scorer,
        "system": SYSTEM,
        "store": store,
        "handle_signals": False,
        "progress_seconds": 0.02,
        **fields,
    }
    return RunRequest(plan=plan, **values)


def log(folder: Any) -> list[tuple[Any, ...]]:
    """The log without what may differ between two runs of the same plan: times."""
    return [
        (a.draw, a.id, a.case_digest, a.seed, a.outcome, a.scores, a.error, a.transcript, a.usage, a.cached)
        for a in folder.attempts()
    ]
