"""What is tried: cases, templates that expand to families, data sets by reference, suites."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import cached_property

from pydantic import Field

from safecase.base import Identifier, JsonObject, JsonValue, Record, digest
from safecase.model.case import Case


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


class Dataset(Record):
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


class PoolName(StrEnum):
    """Where a family stands before anybody has seen its results."""

    OPEN = "open"
    """For development: everything about it is shown, and it says nothing about the population."""
    SEALED = "sealed"
    """For certification: the results stay sealed, and people hear the verdict."""


class Pools(Record):
    """How a workspace divides its families before anybody has seen one."""

    open: float = Field(ge=0, le=1)
    """Share of the families that are open from the start, chosen by a hash of the family's name."""


class Suite(Record):
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
    pool: PoolName | None = None
    """The pool of all its families; None: the workspace's share divides them."""

    @cached_property
    def version(self) -> str:
        """Content digest over the cases in order."""
        return digest({"id": self.id, "repeats": self.repeats, "cases": [case.digest for case in self.cases]})

    @property
    def families(self) -> frozenset[str]:
        """The distinct families of the suite."""
        return frozenset(case.family for case in self.cases)
