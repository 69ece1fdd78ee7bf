"""The base of every type in the vocabulary: frozen, strict about unknown fields, digestible."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=128)
]
"""A name that people type: letters, digits, dot, underscore and hyphen."""


CaseIdentifier: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]+$", min_length=1, max_length=256)
]
"""A case's name: anything printable without white space, because data sets bring their own ids."""


class Record(BaseModel):
    """An immutable record that refuses unknown fields and non-finite numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )
