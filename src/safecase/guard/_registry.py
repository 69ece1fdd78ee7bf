"""The registry of the guard's checks, and the one way to build a check from its kind and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from safecase.base import InputError, Kind, KindRegistry, describe
from safecase.guard._check import Check, RemoteCheck
from safecase.model import BuildContext

CHECKS: KindRegistry[Check | RemoteCheck, BuildContext] = KindRegistry(
    "guard check",
    offers=[Check, RemoteCheck],
    packages=[
        "safecase.guard.advice",
        "safecase.guard.grounding",
        "safecase.guard.harm",
        "safecase.guard.hidden_text",
        "safecase.guard.injection",
        "safecase.guard.judges",
        "safecase.guard.leaks",
        "safecase.guard.links",
        "safecase.guard.personal_data",
        "safecase.guard.structure",
        "safecase.guard.tools",
    ],
    group="safecase.check",
)
"""Every kind of check by name, one file each; outside packages add theirs through the entry-point group
``safecase.check``."""


def make_check(
    kind: str, parameters: Mapping[str, Any], context: BuildContext | None = None
) -> Check | RemoteCheck:
    """Check ``parameters`` and build a check of that kind. Raises InputError."""
    return create_check(CHECKS.get(kind), parameters, context or BuildContext())


def create_check(
    kind: Kind[Check | RemoteCheck, BuildContext], parameters: Mapping[str, Any], context: BuildContext
) -> Check | RemoteCheck:
    """The same for a kind that may stand in no registry."""
    try:
        checked = kind.parameters.model_validate(dict(parameters))
    except ValidationError as error:
        raise InputError(describe(error, kind.parameters, noun="parameter"), where="parameters") from None
    return kind.create(checked, context)
