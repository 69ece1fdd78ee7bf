"""The base of every type in the vocabulary: frozen, strict about unknown fields, digestible."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, WithJsonSchema

Identifier: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=128)
]
"""A name that people type: letters, digits, dot, underscore and hyphen."""


CaseIdentifier: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]+$", min_length=1, max_length=256)
]
"""A case's name: anything printable without white space, because data sets bring their own ids."""


PYTHON_REFERENCE = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$"


def _require_reference(text: str) -> str:
    if not re.match(PYTHON_REFERENCE, text):
        raise ValueError(f"'{text}' is no reference to Python code; write module:name, as my_code:Short")
    return text


PythonReference: TypeAlias = Annotated[
    str,
    AfterValidator(_require_reference),
    WithJsonSchema({"type": "string", "pattern": PYTHON_REFERENCE}),
]
"""``module:attribute``, as ``my_scorers:Short``."""


class Record(BaseModel):
    """An immutable record that refuses unknown fields and non-finite numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )
