"""The system that is being assured, and the fingerprint of one version of it."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from safecase.base import Identifier, Record, digest
from safecase.model.vocabulary import ReleaseTier, Severity, SurfaceType


class Surface(Record):
    """A place where people meet the system (INV-01, INV-02)."""

    id: Identifier
    title: str = ""
    type: SurfaceType
    users: str = ""
    markets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Component(Record):
    """A part of the system: model, system prompt, index, tool, guard, user interface (INV-04, INV-05)."""

    id: Identifier
    kind: str
    """``model``, ``system_prompt``, ``retrieval``, ``tool``, ``guard``, ``user_interface``, ``data``..."""
    title: str = ""
    version: str = ""
    digest: str = ""
    """Content digest where the component is a file; a changed digest makes evidence stale."""
    file: str = ""
    """Workspace-relative file that holds the component (a system prompt, say)."""
    files: tuple[str, ...] = ()
    """Workspace-relative files, folders or patterns (``prompts/*.txt``) that decide what the component does
    and that no code imports: data that it reads when it runs."""
    vendor: str = ""
    trust_boundary: str = ""
    alignment: str = ""
    """How a model was aligned (SFT, RLHF, constitutional, DPO...) where known (INV-07)."""
    limitations: tuple[str, ...] = ()


class DataFlow(Record):
    """Data that passes from one component to another."""

    source: Identifier
    target: Identifier
    data: str = ""
    trusted: bool = False


class Journey(Record):
    """A critical user journey."""

    id: Identifier
    title: str
    tools: tuple[str, ...] = ()


class RiskTolerance(Record):
    """How safe is safe enough, per severity: the highest acceptable violation rate (RSK-13)."""

    severity: Severity
    bound: float = Field(ge=0, le=1)
    rationale: str = ""


class RolloutStage(Record):
    """One step of the planned rollout (INV-06)."""

    id: Identifier
    audience: str = ""
    share: float | None = Field(default=None, ge=0, le=1)
    starts: date | None = None


class System(Record):
    """An AI system or feature: the subject of the safety case."""

    id: Identifier
    title: str
    description: str = ""
    owner: str = ""
    tier: ReleaseTier = ReleaseTier.MEDIUM
    tier_reason: str = ""
    surfaces: tuple[Surface, ...] = ()
    components: tuple[Component, ...] = ()
    data_flows: tuple[DataFlow, ...] = ()
    journeys: tuple[Journey, ...] = ()
    data_classes: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    """What the system can do that matters for attacks: ``browse``, ``execute_code``, ``memory``..."""
    tolerance: tuple[RiskTolerance, ...] = ()
    rollout: tuple[RolloutStage, ...] = ()
    users: str = ""
    regulated: bool = False
    release_line: Identifier = "main"
    """The line of releases that this workspace assures: runs of one line are one body of evidence."""


class SystemVersion(Record):
    """A fingerprint of every component. All evidence hangs on it; change makes evidence stale."""

    system: str
    components: dict[str, str]
    """Component name → digest or resolved version, the target's own fingerprint included. What the digests
    stand for never stands here: manifests travel, and prompts, headers and bodies hold what must not."""

    @property
    def fingerprint(self) -> str:
        """Digest over the components: equal for equal systems, on any machine."""
        return digest({"system": self.system, "components": self.components})
