"""The registry of scorers, and the one way to build a scorer from a name and parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import ValidationError

from safecase.base import InputError, Record, Registry, did_you_mean
from safecase.model import Scorer, Target

Parameters = TypeVar("Parameters", bound=Record)


@dataclass(frozen=True)
class ScorerContext:
    """What scorers may know about the run beside their own parameters."""

    judges: Mapping[str, Target] = field(default_factory=dict)
    """Target id → target, for the scorers that ask a model."""
    target_model: str = ""
    """The model under test, so that a judge can be told apart from it."""
    canaries: tuple[str, ...] = ()
    """Secrets that were planted in the system under test."""
    system_prompt: str = ""
    """The system prompt of the system under test, where it does not stand in the transcript."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that answers may link to."""


@runtime_checkable
class ScorerFactory(Protocol):
    """Builds scorers of one kind; ``version`` changes whenever a reading could change."""

    name: str
    version: str
    parameters_model: type[Record]

    def create(self, parameters: Record, context: ScorerContext) -> Scorer:
        """Build a scorer from validated parameters. Raises InputError where the context lacks something."""


class BuiltinFactory(Generic[Parameters]):
    """A factory made of a name, a version, a parameters model and a function that builds the scorer."""

    def __init__(
        self,
        name: str,
        version: str,
        parameters_model: type[Parameters],
        build: Callable[[Parameters, ScorerContext], Scorer],
    ) -> None:
        self.name = name
        self.version = version
        self.parameters_model: type[Record] = parameters_model
        self._model = parameters_model
        self._build = build

    def create(self, parameters: Record, context: ScorerContext) -> Scorer:
        """Build the scorer; raises InputError where ``parameters`` are those of another scorer."""
        if not isinstance(parameters, self._model):
            raise InputError(f"scorer '{self.name}' was given the parameters of another scorer")
        return self._build(parameters, context)


SCORERS: Registry[ScorerFactory] = Registry(
    "scorer",
    {
        "advice_deferral": "safecase.scorers.conduct.advice_deferral:FACTORY",
        "counterfactual": "safecase.scorers.conduct.counterfactual:FACTORY",
        "toxicity": "safecase.scorers.conduct.toxicity:FACTORY",
        "canary_leak": "safecase.scorers.leaks.canary_leak:FACTORY",
        "exfiltration": "safecase.scorers.leaks.exfiltration:FACTORY",
        "pii_leak": "safecase.scorers.leaks.pii_leak:FACTORY",
        "system_prompt_leak": "safecase.scorers.leaks.system_prompt_leak:FACTORY",
        "compliance": "safecase.scorers.refusal.compliance:FACTORY",
        "refusal": "safecase.scorers.refusal.refusal:FACTORY",
        "contains": "safecase.scorers.rules.contains:FACTORY",
        "exact_answer": "safecase.scorers.rules.exact_answer:FACTORY",
        "json_schema": "safecase.scorers.rules.json_schema:FACTORY",
        "regex": "safecase.scorers.rules.regex:FACTORY",
        "tool_call": "safecase.scorers.rules.tool_call:FACTORY",
        "grounding": "safecase.scorers.grounding.grounding:FACTORY",
        "stated_confidence": "safecase.scorers.grounding.stated_confidence:FACTORY",
        "judge": "safecase.scorers.judges.judge:FACTORY",
        "judge_panel": "safecase.scorers.judges.judge_panel:FACTORY",
        "pairwise_judge": "safecase.scorers.judges.pairwise_judge:FACTORY",
    },
)
"""Every scorer by name; outside packages add theirs through the entry-point group ``safecase.scorer``."""


def validate_parameters(name: str, parameters: Mapping[str, Any]) -> Record:
    """The parameters of scorer ``name``, checked.

    Raises InputError naming the scorer, each wrong parameter, and the parameter that was probably meant.
    """
    model = SCORERS.get(name).parameters_model
    known = {field_name: info.alias or field_name for field_name, info in model.model_fields.items()}
    try:
        return model.model_validate(dict(parameters))
    except ValidationError as error:
        problems = []
        for item in error.errors():
            place = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden" and len(item["loc"]) == 1:
                hint = did_you_mean(place, known.values()) or f"known: {', '.join(known.values()) or 'none'}"
                problems.append(f"there is no parameter '{place}' ({hint})")
            elif place:
                problems.append(f"parameter '{place}': {_first_lower(item['msg'])}")
            else:
                problems.append(_first_lower(item["msg"]))
        raise InputError(f"scorer '{name}': {'; '.join(problems)}") from None


def build_scorer(name: str, parameters: Mapping[str, Any], context: ScorerContext | None = None) -> Scorer:
    """Check ``parameters`` and build scorer ``name``. Raises InputError."""
    factory = SCORERS.get(name)
    return factory.create(validate_parameters(name, parameters), context or ScorerContext())


def _first_lower(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
