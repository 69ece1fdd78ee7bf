"""The registry of scorers, and the one way to build a scorer from a name and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from safecase.base import InputError, Kind, KindRegistry, Record, describe
from safecase.model import BuildContext, Scorer

SCORERS: KindRegistry[Scorer, BuildContext] = KindRegistry(
    "scorer",
    offers=[Scorer],
    packages=[
        "safecase.scorers.conduct",
        "safecase.scorers.grounding",
        "safecase.scorers.judges",
        "safecase.scorers.leaks",
        "safecase.scorers.refusal",
        "safecase.scorers.rules",
    ],
    group="safecase.scorer",
)
"""Every scorer by name, one file each; outside packages add theirs through the entry-point group
``safecase.scorer``."""


def validate_parameters(name: str, parameters: Mapping[str, Any]) -> Record:
    """The parameters of scorer ``name``, checked.

    Raises InputError naming the scorer, each wrong parameter, and the parameter that was probably meant.
    """
    return checked_parameters(SCORERS.get(name), parameters)


def checked_parameters(kind: Kind[Scorer, BuildContext], parameters: Mapping[str, Any]) -> Record:
    """The parameters of a kind of scorer, which may stand in no registry; raises InputError likewise."""
    name, model = kind.name, kind.parameters
    try:
        return model.model_validate(dict(parameters))
    except ValidationError as error:
        raise InputError(f"scorer '{name}': {describe(error, model, noun='parameter')}") from None


def build_scorer(name: str, parameters: Mapping[str, Any], context: BuildContext | None = None) -> Scorer:
    """Check ``parameters`` and build scorer ``name``. Raises InputError."""
    return SCORERS.get(name).create(validate_parameters(name, parameters), context or BuildContext())
