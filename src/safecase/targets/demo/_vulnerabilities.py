"""The planted weaknesses of the demo agent: each is documented and can be switched on alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from safecase.base import InputError, suggest
from safecase.model import AttackClass, HarmClass


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One planted weakness.

    ``attack`` is None where no attack is needed: an ordinary request shows it. ``references`` are taxonomy
    references that the catalog resolves.
    """

    id: str
    title: str
    description: str
    breaks: str
    """What it means for people."""
    attack: AttackClass | None
    harm: HarmClass
    references: tuple[str, ...]
    mitigation: str


def _read() -> tuple[Vulnerability, ...]:
    content = (resources.files("safecase.targets.demo") / "data" / "vulnerabilities.json").read_text("utf-8")
    return tuple(
        Vulnerability(
            **{
                **row,
                "attack": AttackClass(row["attack"]) if row["attack"] else None,
                "harm": HarmClass(row["harm"]),
                "references": tuple(row["references"]),
            }
        )
        for row in json.loads(content)
    )


VULNERABILITIES: tuple[Vulnerability, ...] = _read()
"""All of them, in the order in which they are documented: ``data/vulnerabilities.json``."""

_BY_ID = {vulnerability.id: vulnerability for vulnerability in VULNERABILITIES}


def vulnerability(identifier: str) -> Vulnerability:
    """One planted weakness by id; raises InputError with the nearest id where there is none."""
    found = _BY_ID.get(identifier)
    if found is None:
        raise InputError(
            f"the demo has no vulnerability '{identifier}'",
            hint=suggest(identifier, _BY_ID),
        )
    return found


def select_vulnerabilities(names: Iterable[str]) -> frozenset[str]:
    """The ids that ``names`` stand for: ids, ``all`` or ``none``. Raises InputError for an unknown name."""
    chosen: set[str] = set()
    for name in names:
        if name == "all":
            chosen.update(_BY_ID)
        elif name != "none":
            chosen.add(vulnerability(name).id)
    return frozenset(chosen)
