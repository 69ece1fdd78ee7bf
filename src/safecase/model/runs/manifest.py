"""The manifest of a run: all that was fixed before the first call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from safecase.base import JsonObject, JsonValue, Record, digest
from safecase.model.case import Case
from safecase.model.declarations import Limits
from safecase.model.rule import Gate
from safecase.model.scorer_card import ScorerCard
from safecase.model.system import SystemVersion

MANIFEST_VERSION: Literal[2] = 2
"""Version of the run folder's format. 2: the settings are typed, the draw order is a field of its own."""


class DrawOrder(StrEnum):
    """How attempts are put in order. Each order is honest for the claims that its entry names."""

    FAMILY_ROUNDS = "family_rounds"
    """Rounds in which each family appears at most once; all of repeat 0 before any of repeat 1.

    The first attempts of the families form a uniform random sequence: right for claims about the population
    that the families stand for. Big families come late, so with families of unequal size a prefix is *not* a
    uniform sample of the suite's attempts: use ``UNIFORM`` for finite-suite claims.
    """
    UNIFORM = "uniform"
    """A uniform random permutation of all attempts: right for claims about this finite suite."""
    RISKIEST_FIRST = "riskiest_first"
    """Family rounds, and inside a round the categories one after another, the riskiest in front.

    Each category's own stream stays in random order, so rules per risk stay valid; a rule over all risks
    together is not valid in this order (measured false ship 88 %).
    """


class RunSettings(Record):
    """How a run is carried out: chosen before the first call, recorded in the manifest, kept by a resume."""

    limits: Limits = Limits()
    """How hard the target may be driven."""
    complete: bool = False
    """Run every planned attempt, also where the gate has decided."""
    guard: bool = False
    """Put the guard that the workspace's controls declare around the target."""
    guard_without: tuple[str, ...] = ()
    """Checks of the guard that are left out."""
    vulnerabilities: tuple[str, ...] = ()
    """For demo targets: planted weaknesses to switch on."""
    cache: bool = False
    """Reuse recorded answers to identical calls."""
    cache_repeats: bool = False
    """Cache repeats above 0 too: their answers are then the same in every run, not fresh draws."""
    executor: str = "local"
    """Who does the attempts: ``local`` (this process) or ``ray`` (a cluster)."""
    scorer_concurrency: int = Field(default=32, ge=1)
    """Calls to judges in flight at most."""


class SuiteReference(Record):
    """A suite at one version."""

    id: str
    version: str
    cases: int


class ScorerReference(Record):
    """A scorer as it was used: what it is, its version, and its card where it has one."""

    name: str
    """As cases ask for it."""
    version: str
    kind: str = ""
    """What the workspace means by a name of its own; empty: the name is that of the kind."""
    parameters: JsonObject = {}
    """What the workspace declares under its own name; a case's own parameters come on top."""
    own_code: bool = False
    """Whether it is code of the workspace, which nobody runs who only checks."""
    surroundings: tuple[str, ...] = ()
    """What it reads of the system under test that stands in no record: ``canaries``, ``system_prompt``."""
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

    schema_version: Literal[2] = MANIFEST_VERSION
    run_id: str
    created_at: datetime
    safecase_version: str
    system: SystemVersion
    target_name: str
    target_kind: str
    target_fingerprint: dict[str, str] = {}
    """Component → version or digest, as the target itself tells it: a resumed run must find the same."""
    demo: bool = False
    suites: tuple[SuiteReference, ...]
    selection: str = ""
    seed: int
    repeats: int = Field(ge=1)
    planned: int = Field(ge=1)
    draw_order: DrawOrder = DrawOrder.FAMILY_ROUNDS
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
    settings: RunSettings = RunSettings()

    @property
    def digest(self) -> str:
        """Content digest, which the successor in the chain names."""
        return digest(self.model_dump(mode="json", by_alias=True))


def candidate_digest(system: SystemVersion, gates: Iterable[Gate]) -> str:
    """What a release candidate is: one system version under one set of rules."""
    return digest({"system": system.fingerprint, "gates": [gate.digest for gate in gates]})


def suite_references(cases: Sequence[Case], versions: Mapping[str, str]) -> tuple[SuiteReference, ...]:
    """The suites that ``cases`` come from, in the order of their first case, each with its number of cases.

    ``versions`` (suite id → version) may lack a suite: its version is then the digest of its cases here.
    """
    by_suite: dict[str, list[Case]] = {}
    for case in cases:
        by_suite.setdefault(case.suite, []).append(case)
    return tuple(
        SuiteReference(
            id=suite,
            version=versions.get(suite) or digest([case.digest for case in members]),
            cases=len(members),
        )
        for suite, members in by_suite.items()
    )
