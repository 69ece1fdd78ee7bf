"""What a metric declares of itself, and where metrics are found.

The declaration is what rooms read that do not compute anything: the check of a rule's limits, the workspace's
findings, the planning of a run, the report. How a metric is evaluated stands beside its declaration, one file
a metric, in ``safecase.gate.metrics``; the room of the gate lies above this one, so nothing here imports it.
`METRICS` finds it as it finds the metrics of outside packages: by name, when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from safecase.base import Registry
from safecase.model.vocabulary import Comparator, OutcomeKind


class CaseScope(StrEnum):
    """Whose cases a metric looks at."""

    HARM = "harm"
    """Cases that can do harm, out of those that the rule selects."""
    USEFULNESS = "usefulness"
    """Cases that ought to be served, unless the rule selects others."""
    GROUPED = "grouped"
    """Selected cases that name a group of people."""
    SELECTED = "selected"
    """Whatever the rule selects."""
    RISKS = "risks"
    """No case: the workspace's risks."""


class LimitRange(StrEnum):
    """Where a metric's limit may lie."""

    SHARE = "share"
    """Between 0 and 1, both ends included."""
    INSIDE = "inside"
    """Strictly between 0 and 1, because no data could exclude the end points."""
    QUANTITY = "quantity"
    """Anything that is not negative, in the metric's unit."""


class RequiredOrder(StrEnum):
    """In which order a metric's test must read attempts, so that its error rate holds."""

    UNIFORM = "uniform"
    """Attempts are read as they come, up to the first that was not made, so what comes first must be chance:
    a claim about a suite takes a uniform order of its attempts, one about a population one draw per family in
    an order that was fixed beforehand."""
    ANY = "any"
    """The number of attempts is fixed beforehand, and their order plays no part."""


class IndependentUnit(StrEnum):
    """What a metric's test takes for independent of each other."""

    FAMILY = "family"
    """Families of cases; cases of one family may fail together."""
    PROMPT = "prompt"
    """Prompts, each put to every group or to both systems: the attempts on one prompt are paired."""
    ATTEMPT = "attempt"
    """Single attempts."""
    NOTHING = "nothing"
    """Nothing is drawn: the metric counts what is there."""


@dataclass(frozen=True, kw_only=True)
class MetricDeclaration:
    """What everybody may know about a metric without computing it."""

    name: str
    """As people write it in a rule; the name of the metric's file."""
    comparator: Comparator
    """The direction of its limits: at most where less is better."""
    unit: str
    """Unit of its estimates: ``rate``, ``points``, ``ms``, ``usd``."""
    limits: LimitRange
    cases: CaseScope
    order: RequiredOrder
    independence: IndependentUnit
    judged: bool
    """Whether it rests on what scorers say, so that a scorer without a card matters."""
    counts: OutcomeKind | None
    """The outcome whose share or weight it limits; None where it looks at no outcome."""
    needs_tries: bool = False
    """Whether its rules must say ``k``, the tries per case."""
    needs_baseline: bool = False
    """Whether it compares with an earlier run; its limit may then stand under ``margin``."""
    plain_harm_rate: bool = False
    """Whether it is the share of attempts that end in harm and no more: what a system's tolerance is stated
    in, and what a number of families without a failure can claim."""

    @property
    def failure_rate(self) -> bool:
        """Whether it is a rate of failures, of which less is better: those can be drawn on one axis."""
        at_most = self.comparator is Comparator.AT_MOST
        return at_most and self.unit == "rate" and self.counts is OutcomeKind.VIOLATED


METRICS: Registry[MetricDeclaration] = Registry(
    "metric",
    packages=["safecase.gate.metrics"],
    group="safecase.metric",
    attribute="METRIC",
    accepts=lambda found: found if isinstance(found, MetricDeclaration) else None,
)
"""Every metric by name. A built-in one is a file of ``safecase.gate.metrics`` that defines ``METRIC``;
outside packages add theirs through the entry-point group ``safecase.metric``."""


def _known(value: object) -> str:
    """Refuse what is no metric, in pydantic's words for an enum, so that messages and schema stay as for
    one."""
    if isinstance(value, str) and value in METRICS:
        return value
    raise PydanticCustomError(
        "enum", "Input should be {expected}", {"expected": _alternatives(METRICS.names())}
    )


def _alternatives(names: Sequence[str]) -> str:
    """The names as pydantic lists the words of an enum."""
    quoted = [f"'{name}'" for name in names]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


class _NameOfMetric:
    """Checks a metric's name like the word of an enum whose words are those of `METRICS`."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_known)

    @staticmethod
    def __get_pydantic_json_schema__(
        schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"title": "Metric", "type": "string", "enum": list(METRICS.names())}


MetricName = Annotated[str, _NameOfMetric]
"""The name of a metric in `METRICS`."""
