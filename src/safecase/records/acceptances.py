"""How people write that they accept a risk: ``--accept``, its form and its reader."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from safecase.base import InputError, did_you_mean

if TYPE_CHECKING:
    from safecase.model import RiskAcceptance

ACCEPTANCE_FORM = "risk=ID;rule=ID;until=YYYY-MM-DD;control=…;because=…"
"""The one place that writes the form; `parse_acceptance` takes what it says."""

# Field of the form → whether it must be there. A rule is named only where one is open.
_FIELDS = {"risk": True, "rule": False, "until": True, "control": True, "because": True}


def parse_acceptance(text: str) -> RiskAcceptance:
    """An accepted risk from `ACCEPTANCE_FORM`; raises InputError naming what is wrong or missing."""
    # Not at the top: the help of the program shows the form, and must not load the vocabulary for it.
    from safecase.model import RiskAcceptance

    fields: dict[str, str] = {}
    last = ""
    for part in text.split(";"):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if separator and name in _FIELDS:
            fields[name], last = value, name
        elif last in ("control", "because") and not (separator and did_you_mean(name, _FIELDS)):
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
    return RiskAcceptance(
        risk=fields["risk"],
        rule=fields.get("rule", ""),
        justification=fields["because"],
        compensating_control=fields["control"],
        expires=until,
    )
