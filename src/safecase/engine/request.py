"""What a caller asks of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safecase.base import JsonValue
from safecase.engine.attempt_runner import ScorerBuilder
from safecase.engine.cache import ResponseCache
from safecase.engine.conversation import PriceLookup
from safecase.engine.executor import Executor, LocalExecutor
from safecase.engine.journal import JournalSettings
from safecase.engine.outage import BreakerSettings
from safecase.engine.plan import RunPlan
from safecase.engine.progress import ProgressCallback
from safecase.model import (
    Baseline,
    EarlyStop,
    Gate,
    Limits,
    ScorerCard,
    ScorerReference,
    SuiteReference,
    SystemVersion,
    Target,
)


@dataclass(frozen=True)
class RunRequest:
    """All that a run needs. What the manifest records stands here once and nowhere else."""

    plan: RunPlan
    target: Target
    build_scorer: ScorerBuilder
    system: SystemVersion
    store: Path | str = "runs"
    """Folder or fsspec URL in which the run's folder is made."""
    limits: Limits = field(default_factory=Limits)
    price: PriceLookup | None = None
    suites: tuple[SuiteReference, ...] = ()
    """Default: made from the plan's cases."""
    selection: str = ""
    gates: tuple[Gate, ...] = ()
    streaming_gate: EarlyStop | None = None
    """A fresh one: a resumed run shows it the recorded attempts first."""
    scorers: tuple[ScorerReference, ...] = ()
    scorer_cards: tuple[ScorerCard, ...] = ()
    baseline: Baseline | None = None
    predecessor_run_id: str = ""
    predecessor_digest: str = ""
    notes: tuple[str, ...] = ()
    environment: Mapping[str, JsonValue] = field(default_factory=dict)
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    cache: ResponseCache | None = None
    cache_repeats: bool = False
    """Cache repeats above 0 too: their answers are then the same in every run, not fresh draws."""
    progress: ProgressCallback | None = None
    progress_seconds: float = 0.2
    executor: Executor = field(default_factory=LocalExecutor)
    journal: JournalSettings = field(default_factory=JournalSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    scorer_concurrency: int = 32
    run_id: str = ""
    """Default: the time and six random hex digits."""
    handle_signals: bool = True
    """Stop in good order on SIGINT and SIGTERM (main thread only)."""
    stop_grace_seconds: float = 10.0
    """How long attempts in flight may take to finish after a signal."""
