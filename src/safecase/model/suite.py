"""What is tried: cases, templates that expand to families, data sets by reference, suites."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import cached_property

from pydantic import Field

from safecase.model.base import CaseIdentifier, Frozen, Identifier, JsonObject, JsonValue, digest
from safecase.model.taxonomy import TaxonomyReference
from safecase.model.transcript import Document, Message, ToolDefinition
from safecase.model.vocabulary import (
    AttackClass,
    CaseSource,
    DangerousCapability,
    HarmClass,
    Modality,
    Severity,
)


class Expectation(Frozen):
    """What must hold of a transcript: a scorer by name, and its parameters."""

    scorer: Identifier
    parameters: JsonObject = {}


class Case(Frozen):
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


class Combination(StrEnum):
    """How a template's parameter lists combine."""

    PRODUCT = "product"
    ZIP = "zip"


class DatasetFormat(StrEnum):
    """Formats that a data set reference may name."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    HUGGING_FACE = "hugging_face"


class Dataset(Frozen):
    """Cases kept in a data file. The content digest is locked in ``safecase.lock``."""

    id: Identifier
    path: str
    format: DatasetFormat | None = None
    """Guessed from the file name where not given."""
    columns: dict[str, str] = {}
    """Case field → column (dotted paths reach into JSON objects)."""
    defaults: JsonObject = {}
    where: dict[str, JsonValue] = {}
    """Rows are kept where each named column equals the value (or is in the list)."""
    limit: int | None = Field(default=None, ge=1)
    split: str = ""
    revision: str = ""
    licence: str = ""


class Suite(Frozen):
    """A versioned set of cases. The version is the digest of its content, so it cannot lie."""

    id: Identifier
    title: str = ""
    description: str = ""
    owner: str = ""
    cases: tuple[Case, ...] = ()
    tags: tuple[str, ...] = ()
    public_benchmark: bool = False
    reviewed: date | None = None
    review_due: date | None = None
    licence: str = ""
    repeats: int = Field(default=1, ge=1)

    @cached_property
    def version(self) -> str:
        """Content digest over the cases in order."""
        return digest({"id": self.id, "repeats": self.repeats, "cases": [case.digest for case in self.cases]})

    @property
    def families(self) -> frozenset[str]:
        """The distinct families of the suite."""
        return frozenset(case.family for case in self.cases)
