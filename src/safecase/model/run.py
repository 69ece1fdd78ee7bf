"""The manifest of a run: all that was fixed before the first call."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from safecase.base import JsonObject, JsonValue, Record, digest
from safecase.model.rule import Gate
from safecase.model.scorer_card import ScorerCard
from safecase.model.system import SystemVersion


class SuiteReference(Record):
    """A suite at one version."""

    id: str
    version: str
    cases: int


class ScorerReference(Record):
    """A scorer as it was used: name, version, parameters digest, and its card where it has one."""

    name: str
    version: str
    card_digest: str = ""
    judge_model: str = ""

    @property
    def calibrated(self) -> bool:
        """True where a card stands behind the scorer."""
        return bool(self.card_digest)


class Baseline(Record):
    """The earlier run that a regression rule compares with."""

    run_id: str
    manifest_digest: str
    system_version: str


class RunManifest(Record):
    """What was planned. Written before the first call; never changed afterwards."""

    schema_version: int = 1
    run_id: str
    created_at: datetime
    safecase_version: str
    system: SystemVersion
    target_name: str
    target_kind: str
    demo: bool = False
    suites: tuple[SuiteReference, ...]
    selection: str = ""
    seed: int
    repeats: int = Field(ge=1)
    planned: int = Field(ge=1)
    draw_order_digest: str
    plan_digest: str
    """Digest of the plan file: cases and draw order as they stand in the run folder."""
    gates: tuple[Gate, ...] = ()
    scorers: tuple[ScorerReference, ...] = ()
    scorer_cards: tuple[ScorerCard, ...] = ()
    baseline: Baseline | None = None
    predecessor_run_id: str = ""
    predecessor_digest: str = ""
    """Manifest digest of the run before this one in the store: the hash chain."""
    candidate: str = ""
    """Digest over system version and gates: a changed rule is a new candidate."""
    notes: tuple[str, ...] = ()
    environment: dict[str, JsonValue] = {}
    settings: JsonObject = {}

    @property
    def digest(self) -> str:
        """Content digest, which the successor in the chain names."""
        return digest(self.model_dump(mode="json", by_alias=True))
