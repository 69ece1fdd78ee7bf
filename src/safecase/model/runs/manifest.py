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
from safecase.model.vocabulary import RunPurpose

MANIFEST_VERSION: Literal[3] = 3
"""Version of the run folder's format. 3: the order follows from plan and nonce, the chain holds results, and
what the system was set to stands in a masked file beside it."""

_FROM_THE_NONCE = frozenset(
    ("seed", "nonce", "nonce_source", "registrar_proof", "draw_order_digest", "plan_digest")
)


class DrawOrder(StrEnum):
    """How attempts are put in order. Each order is honest for the claims that its entry names."""

    UNIFORM = "uniform"
    """A uniform random permutation of all attempts, right for every claim: whatever part of the cases a rule
    reads, and whether it reads all of their attempts or one designated draw of each family, comes in a
    uniform order too, whatever the sizes of the families."""
    RISKIEST_FIRST = "riskiest_first"
    """Blocks of risks one after another, the riskiest in front, each in a uniform order of its own.

    Right for rules that look at risks of one block, and a bad system is found out after a few calls. A test
    over several blocks refuses to stop early in it (measured false ship 88 %). """


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


class NonceSource(StrEnum):
    """Who gave the nonce that a run's order follows from."""

    OWN = "own"
    """Drawn on the machine of the run: that nobody drew twice is its word."""
    REGISTRAR = "registrar"
    """Given by somebody else, after they had seen the digest of the plan."""


class RegistrarProof(Record):
    """What a registrar gave together with the nonce."""

    registrar: str
    """What the registrar calls itself."""
    public_key: str = ""
    """Ed25519 key of the registrar, base64; empty where it signs nothing."""
    signature: str = ""
    """Its signature, base64, over the words of `nonce_statement`."""


class Predecessor(Record):
    """A run that stood at an end of the chain when another began."""

    run_id: str
    manifest_digest: str
    result_digest: str = ""
    """Digest of its `RunResult`; empty where it had none yet."""


class RunManifest(Record):
    """What was planned. Written before the first call; never changed afterwards."""

    schema_version: Literal[3] = MANIFEST_VERSION
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
    purpose: RunPurpose = RunPurpose.OPEN
    line: str = "main"
    """Release line of the system."""
    try_number: int = Field(default=1, ge=1)
    """Which try of the line this is, as counted when it began."""
    open_families: tuple[str, ...] = ()
    """Families of the plan that somebody had seen when the run began; the others were sealed."""
    one_per_family: bool = False
    """Only the member of each family that the seed puts first is tried."""
    cases_digest: str = ""
    """Digest over the digests of the cases, in order: what was planned before there was an order."""
    seed: int
    """Follows from `draft_digest` and the nonce; chosen in an exploratory run without one."""
    nonce: str = ""
    """Drawn after everything else here was written down: 64 hex digits."""
    nonce_source: NonceSource = NonceSource.OWN
    registrar_proof: RegistrarProof | None = None
    repeats: int = Field(ge=1)
    planned: int = Field(ge=1)
    draw_order: DrawOrder = DrawOrder.UNIFORM
    draw_order_digest: str
    plan_digest: str
    """Digest of the plan file: cases and draw order as they stand in the run folder."""
    gates: tuple[Gate, ...] = ()
    scorers: tuple[ScorerReference, ...] = ()
    scorer_cards: tuple[ScorerCard, ...] = ()
    baseline: Baseline | None = None
    predecessors: tuple[Predecessor, ...] = ()
    """All ends of the chain of runs when this one began; two where runs overlap."""
    candidate: str = ""
    """Digest over system version and gates: a changed rule is a new candidate."""
    notes: tuple[str, ...] = ()
    environment: dict[str, JsonValue] = {}
    settings: RunSettings = RunSettings()

    @property
    def digest(self) -> str:
        """Content digest, which the successor in the chain names."""
        return digest(self.model_dump(mode="json", by_alias=True))

    @property
    def draft_digest(self) -> str:
        """Digest of all that was fixed before the nonce was drawn: the plan without its order."""
        return digest(self.model_dump(mode="json", by_alias=True, exclude=set(_FROM_THE_NONCE)))


def nonce_statement(draft_digest: str, nonce: str) -> bytes:
    """The words that a registrar signs: this nonce is for this plan."""
    return f"safecase nonce 1\n{draft_digest}\n{nonce}\n".encode()


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
