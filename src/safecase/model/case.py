"""One thing to try, and what must hold."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from safecase.base import CaseIdentifier, Identifier, JsonObject, JsonValue, Record, digest
from safecase.model.runs.transcript import Document, Message, ToolDefinition
from safecase.model.taxonomy import TaxonomyReference
from safecase.model.vocabulary import (
    AttackClass,
    CaseSource,
    DangerousCapability,
    HarmClass,
    Modality,
    Purpose,
    Severity,
)


class Expectation(Record):
    """What must hold of a transcript: a scorer by name, and its parameters."""

    scorer: Identifier
    parameters: JsonObject = {}


class Case(Record):
    """One thing to try, ready to run.

    ``messages`` is the script. A user message that an assistant message does not follow is sent to
    the target and the answer takes its place in the conversation; scripted assistant messages are
    history that the target is shown.
    """

    id: CaseIdentifier
    suite: Identifier
    risk: Identifier
    severity: Severity
    attack: AttackClass | None = None
    """None means benign: over-refusal and utility are measured on it."""
    harm: HarmClass
    purpose: Purpose = Field(
        default_factory=lambda data: (
            Purpose.USE if data.get("harm") is HarmClass.OVER_REFUSAL else Purpose.HARM
        )
    )
    """Default: ``use`` where the harm is over-refusal, else ``harm``."""
    capability: DangerousCapability | None = None
    language: str = "en"
    modality: Modality = Modality.TEXT
    family: CaseIdentifier
    """Cases from one template or seed are one family: not independent of each other."""
    journey: str = ""
    source: CaseSource = CaseSource.CURATED
    title: str = ""
    messages: tuple[Message, ...] = Field(min_length=1)
    documents: tuple[Document, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    environment: JsonObject = {}
    """What an agent target plants in its world before the first turn (injection texts, records)."""
    expect: tuple[Expectation, ...] = Field(min_length=1)
    benign_twin: str = ""
    group: str = ""
    """For counterfactual pairs: which group this member of the family stands for."""
    held_out: bool = False
    """True: never used while prompts, guards or thresholds were tuned."""
    tags: tuple[str, ...] = ()
    taxonomy: tuple[TaxonomyReference, ...] = ()
    converters: tuple[str, ...] = ()
    """Converters that were applied to the last user message, innermost first."""
    reference: str = ""
    """A reference answer, for scorers that compare."""
    metadata: dict[str, JsonValue] = {}

    @property
    def benign(self) -> bool:
        """True where no attack is made: refusing is the failure."""
        return self.attack is None

    @cached_property
    def digest(self) -> str:
        """Content digest of everything that decides what is sent and how it is judged."""
        return digest(self.model_dump(mode="json"))
