"""Selectors: the small language of ``--select``, gate rules and policy tests.

``risk:prompt-injection,severity:sev1 suite:privacy`` reads "sev1 cases of that risk, and all of
that suite": a comma narrows, a space widens, ``!`` in front of a term negates it, ``*`` and ``?``
are wildcards. A bare word is a case id. ``+`` before or after a term asks for what hangs on it and
is answered by the workspace's graph, not here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from safecase.base import InputError, suggest
from safecase.model.case import Case


def _flag(value: bool) -> tuple[str, ...]:
    return ("true",) if value else ("false",)


_FIELDS: dict[str, Callable[[Case], tuple[str, ...]]] = {
    "case": lambda case: (case.id,),
    "suite": lambda case: (case.suite,),
    "risk": lambda case: (case.risk,),
    "severity": lambda case: (case.severity.value,),
    "attack": lambda case: (case.attack.value if case.attack else "none",),
    "harm": lambda case: (case.harm.value,),
    "capability": lambda case: (case.capability.value if case.capability else "none",),
    "language": lambda case: (case.language,),
    "modality": lambda case: (case.modality.value,),
    "family": lambda case: (case.family,),
    "journey": lambda case: (case.journey or "none",),
    "source": lambda case: (case.source.value,),
    "group": lambda case: (case.group or "none",),
    "tag": lambda case: case.tags,
    "taxonomy": lambda case: tuple(str(reference) for reference in case.taxonomy),
    "converter": lambda case: case.converters or ("none",),
    "scorer": lambda case: tuple(item.scorer for item in case.expect),
    "benign": lambda case: _flag(case.benign),
    "held_out": lambda case: _flag(case.held_out),
}

_TERM = re.compile(r"^(?P<before>\+?)(?P<negated>!?)(?:(?P<field>[a-z_]+):)?(?P<value>[^+!]+)(?P<after>\+?)$")


@dataclass(frozen=True, slots=True)
class Term:
    """One test of one field, with the ``+`` marks that only the graph can answer."""

    field: str
    pattern: str
    negated: bool = False
    upstream: bool = False
    downstream: bool = False

    def matches(self, case: Case) -> bool:
        """Whether ``case`` passes the test, ``+`` marks disregarded."""
        values = _FIELDS[self.field](case)
        return any(fnmatchcase(value, self.pattern) for value in values) is not self.negated


@dataclass(frozen=True, slots=True)
class Selector:
    """A union of intersections of terms. The empty selector matches every case."""

    alternatives: tuple[tuple[Term, ...], ...]
    text: str

    @classmethod
    def parse(cls, text: str, *, where: str | None = None) -> Selector:
        """Read a selector; raises InputError that names the term that cannot be read."""
        alternatives = tuple(
            tuple(_term(word, where) for word in group.split(",") if word) for group in text.split()
        )
        return cls(tuple(group for group in alternatives if group), text)

    @property
    def needs_graph(self) -> bool:
        """True where a ``+`` mark asks for what hangs on a term."""
        return any(term.upstream or term.downstream for group in self.alternatives for term in group)

    def matches(self, case: Case) -> bool:
        """Whether ``case`` is selected."""
        if not self.alternatives:
            return True
        return any(all(term.matches(case) for term in group) for group in self.alternatives)


def _term(word: str, where: str | None) -> Term:
    """One word of a selector. Raises InputError where it is none."""
    match = _TERM.match(word)
    if match is None:
        raise InputError(
            f"cannot read '{word}' in a selector", where=where, hint="write field:value, such as risk:privacy"
        )
    field = match["field"] or "case"
    if field not in _FIELDS:
        raise InputError(
            f"'{field}' is not something a selector can name",
            where=where,
            hint=suggest(field, _FIELDS),
        )
    return Term(field, match["value"], bool(match["negated"]), bool(match["before"]), bool(match["after"]))
