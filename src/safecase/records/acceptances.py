"""How people write that they accept a risk: ``--accept``, its form and its reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from safecase.base import InputError, did_you_mean

if TYPE_CHECKING:
    from safecase.model import Severity

ACCEPTANCE_FORM = "risk=ID;rule=ID;category=NAME;until=YYYY-MM-DD;control=ID;because=…;scope=version"
"""The one place that writes the form; `parse_acceptance` takes what it says."""

# Field of the form → whether it must be there. A rule is named only where one is open, a category where
# several are.
_FIELDS = {"risk": True, "rule": False, "category": False, "until": True, "control": True, "because": True,
           "scope": False, "materiality": False}  # fmt: skip
_SCOPES = ("version", "line")
_ID = "acc-"


@dataclass(frozen=True)
class AcceptanceRequest:
    """What somebody asks to have accepted, before it is held against the verdict."""

    id: str = ""
    """Of an acceptance that another one signed already; then nothing else is said."""
    risk: str = ""
    rule: str = ""
    category: str = ""
    until: date = date.min
    control: str = ""
    because: str = ""
    whole_line: bool = False
    """For every version of the release line, not for this one alone."""
    materiality: Severity | None = None
    """Raised above what follows from the risks."""


def parse_acceptance(text: str) -> AcceptanceRequest:
    """A request from `ACCEPTANCE_FORM`, or the id of an acceptance.

    Raises InputError naming what is wrong or missing.
    """
    # Not at the top: the help of the program shows the form, and must not load the vocabulary for it.
    from safecase.model import Severity

    if text.strip().startswith(_ID) and "=" not in text:
        return AcceptanceRequest(id=text.strip())
    fields: dict[str, str] = {}
    last = ""
    for part in text.split(";"):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if separator and name in _FIELDS:
            if name in fields:
                raise InputError(f"--accept says '{name}' twice", hint=f"write {ACCEPTANCE_FORM}")
            fields[name], last = value, name
        elif last == "because" and not (separator and did_you_mean(name, _FIELDS)):
            # A semicolon inside of a sentence: no word that somebody gave as a reason may be lost.
            fields[last] += f"; {part.strip()}"
        elif name:
            raise InputError(
                f"--accept does not know '{name}'",
                hint=did_you_mean(name, _FIELDS) or f"write {ACCEPTANCE_FORM}",
            )
    missing = [name for name, needed in _FIELDS.items() if needed and not fields.get(name)]
    if missing:
        raise InputError(f"--accept lacks {', '.join(missing)}", hint=f"write {ACCEPTANCE_FORM}")
    try:
        until = date.fromisoformat(fields["until"])
    except ValueError:
        raise InputError(f"'{fields['until']}' is not a date", hint="until=YYYY-MM-DD") from None
    scope, materiality = fields.get("scope", _SCOPES[0]), fields.get("materiality")
    if scope not in _SCOPES:
        raise InputError(f"'{scope}' is no scope", hint=f"scope={' or scope='.join(_SCOPES)}")
    if materiality is not None and materiality not in tuple(Severity):
        raise InputError(f"'{materiality}' is no severity", hint=f"materiality={', '.join(Severity)}")
    return AcceptanceRequest(
        risk=fields["risk"],
        rule=fields.get("rule", ""),
        category=fields.get("category", ""),
        until=until,
        control=fields["control"],
        because=fields["because"],
        whole_line=scope == "line",
        materiality=Severity(materiality) if materiality else None,
    )
