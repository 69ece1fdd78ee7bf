"""What a caller asks of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safecase.base import JsonValue
from safecase.engine._circuit_breaker import BreakerSettings
from safecase.engine.attempts._scoring import ScorerBuilder
from safecase.engine.calls._answer import PriceLookup
from safecase.engine.calls.response_cache import ResponseCache
from safecase.engine.executors.local import LocalExecutor
from safecase.engine.executors.protocol import Executor
from safecase.engine.journal._writer import JournalSettings
from safecase.engine.nonces import NonceDrawer, draw_own_nonce
from safecase.engine.plan import PlanDraft, RunPlan
from safecase.engine.progress import ProgressCallback
from safecase.model import (
    Baseline,
    EarlyStop,
    Gate,
    Predecessor,
    RunPurpose,
    RunSettings,
    ScorerCard,
    ScorerReference,
    SystemVersion,
    Target,
)


@dataclass(frozen=True)
class RunRequest:
    """All that a run needs. What the manifest records stands here once and nowhere else."""

    plan: PlanDraft | RunPlan
    """A draft gets its order from a nonce when the run begins. A plan that has one already is an order of
    somebody's own: the run is exploratory."""
    target: Target
    build_scorer: ScorerBuilder
    system: SystemVersion
    settings: RunSettings = field(default_factory=RunSettings)
    """The manifest records them; what is alive below (executor, cache) is told there as it is."""
    store: Path | str = "runs"
    """Folder or fsspec URL in which the run's folder is made."""
    staging: Path | None = None
    """Where a run of a remote store is written until it ends; default: a folder of the system's own."""
    price: PriceLookup | None = None
    suite_versions: Mapping[str, str] = field(default_factory=dict)
    """Suite id → version; a suite that is not named gets the digest of its cases in the plan."""
    selection: str = ""
    gates: tuple[Gate, ...] = ()
    streaming_gate: Callable[[RunPlan], EarlyStop] | None = None
    """Makes a fresh one: a resumed run shows it the recorded attempts first."""
    scorers: tuple[ScorerReference, ...] = ()
    scorer_cards: tuple[ScorerCard, ...] = ()
    baseline: Baseline | None = None
    purpose: RunPurpose = RunPurpose.OPEN
    line: str = "main"
    try_number: int = 1
    open_families: tuple[str, ...] = ()
    """Families of the plan that somebody has seen."""
    predecessors: tuple[Predecessor, ...] = ()
    draw_nonce: NonceDrawer = draw_own_nonce
    """Asked once, when all else about the run is on the disk."""
    notes: tuple[str, ...] = ()
    environment: Mapping[str, JsonValue] = field(default_factory=dict)
    settings_text: Mapping[str, JsonValue] = field(default_factory=dict)
    """What the digests in the manifest stand for, masked already: it is written beside the manifest."""
    cache: ResponseCache | None = None
    progress: ProgressCallback | None = None
    progress_seconds: float = 0.2
    executor: Executor = field(default_factory=LocalExecutor)
    journal: JournalSettings = field(default_factory=JournalSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    run_id: str = ""
    """Default: the time and six random hex digits."""
    handle_signals: bool = True
    """Stop in good order on SIGINT and SIGTERM (main thread only)."""
    stop_grace_seconds: float = 10.0
    """How long attempts in flight may take to finish after a signal."""
