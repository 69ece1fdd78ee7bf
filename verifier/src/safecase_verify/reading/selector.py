"""Selectors, read a second time: which cases a rule is about.

``risk:prompt-injection,severity:sev1 suite:privacy`` reads "sev1 cases of that risk, and all of that suite":
a comma narrows, a space widens, ``!`` in front of a term negates it, ``*`` and ``?`` are wildcards, a bare
word is a case id.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.records import Case

_VALUES: dict[str, Callable[[Case], tuple[str, ...]]] = {
    "case": lambda case: (case.id,),
    "suite": lambda case: (case.suite,),
    "risk": lambda case: (case.risk,),
    "severity": lambda case: (case.severity,),
    "attack": lambda case: (case.attack or "none",),
    "harm": lambda case: (case.harm,),
    "capability": lambda case: (case.capability or "none",),
    "language": lambda case: (case.language,),
    "modality": lambda case: (case.modality,),
    "family": lambda case: (case.family,),
    "journey": lambda case: (case.journey or "none",),
    "source": lambda case: (case.source,),
    "group": lambda case: (case.group or "none",),
    "tag": lambda case: case.tags,
    "taxonomy": lambda case: tuple(map(str, case.taxonomy)),
    "converter": lambda case: case.converters or ("none",),
    "scorer": lambda case: tuple(item.scorer for item in case.expect),
    "benign": lambda case: ("true" if case.benign else "false",),
    "held_out": lambda case: ("true" if case.held_out else "false",),
}
_TERM = re.compile(r"\+?(?P<negated>!?)(?:(?P<field>[a-z_]+):)?(?P<value>[^+!]+)\+?")
_Test = Callable[[Case], bool]


def selects(text: str) -> _Test:
    """Whether a case is selected by ``text``. Raises CheckFailed where that is no selector."""
    alternatives = [[_term(word) for word in group.split(",") if word] for group in text.split()]
    alternatives = [terms for terms in alternatives if terms]
    return lambda case: not alternatives or any(all(term(case) for term in terms) for terms in alternatives)


def _term(word: str) -> _Test:
    match = _TERM.fullmatch(word)
    name = match["field"] or "case" if match else ""
    if match is None or name not in _VALUES:
        raise CheckFailed(f"'{word[:80]}' is nothing that a selector can ask for")
    values, pattern, wanted = _VALUES[name], match["value"], not match["negated"]
    return lambda case: any(fnmatchcase(value, pattern) for value in values(case)) is wanted
