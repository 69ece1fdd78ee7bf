"""Gates that inherit: a system's gate takes over a template's rules and says only what differs (LIF-05).

    gates:
      - id: release
        extends: agent                # a gate of the workspace, or a built-in template
        without: [lesser-harm]        # rules that are dropped, by name
        rules:
          - {id: serious-harm, bound: 0.03, rationale: "Pilot with forty users."}   # fields that differ
          - {id: own-rule, ...}       # and rules of its own

A floor may be made stricter freely. Where it is loosened or taken out, the gate has to say why, so that
nobody weakens a floor by accident.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from safecase.base import load_own_yaml, suggest
from safecase.workspace.yaml_reader import LocatedDocument, Path_

_DEEPEST = 20
"""Gates above a gate: nobody could follow so many, so that it is told as a circle."""


@dataclass(frozen=True)
class RawGate:
    """A gate as it was written, and where."""

    value: dict[str, Any]
    document: LocatedDocument
    path: Path_


@lru_cache(maxsize=1)
def templates() -> dict[str, dict[str, Any]]:
    """The built-in gates by the class of use that they are for."""
    text = files("safecase.workspace.library").joinpath("gate_templates.yaml").read_text(encoding="utf-8")
    return {item["id"]: item for item in load_own_yaml(text)["gates"]}


def resolve_gate(gate: RawGate, known: dict[str, RawGate]) -> dict[str, Any] | None:
    """The gate with everything that it inherits; None where that cannot be told, with a problem noted."""
    return _resolve(gate, known, ())


def _resolve(gate: RawGate, known: dict[str, RawGate], above: tuple[str, ...]) -> dict[str, Any] | None:
    """The gate merged down from its last ancestor; ``above`` is the way here, to find circles."""
    value, document, path = gate.value, gate.document, gate.path
    name = value.get("extends")
    if name is None:
        return {key: item for key, item in value.items() if key != "without"}
    own = str(value.get("id", ""))
    place = (*path, "extends")
    if not isinstance(name, str):
        document.problem(place, "wrong-value", "'extends' names one gate")
        return None
    if name == own or name in above or len(above) > _DEEPEST:
        chain = " → ".join((*above, own, name))
        document.problem(place, "cycle", f"the gates extend each other in a circle: {chain}")
        return None
    if name in known:
        parent = _resolve(known[name], known, (*above, own))
    elif name in templates():
        parent = dict(templates()[name])
    else:
        names = [*known, *templates()]
        hint = suggest(name, sorted(names))
        document.problem(place, "unknown-gate", f"there is no gate '{name}' to extend", hint=hint)
        return None
    return _merge(parent, gate) if parent is not None else None


def _merge(parent: dict[str, Any], gate: RawGate) -> dict[str, Any] | None:
    """The parent's gate with this one's changes; weaker floors need a reason."""
    value, document, path = gate.value, gate.document, gate.path
    own_rules, dropped = value.get("rules") or [], value.get("without") or []
    if not isinstance(own_rules, list) or not isinstance(dropped, list):
        document.problem(path, "wrong-value", "'rules' and 'without' are lists")
        return None
    rules = {str(rule.get("id", "")): dict(rule) for rule in parent.get("rules") or []}
    for index, name in enumerate(dropped):
        place = (*path, "without", index)
        if name not in rules:
            hint = suggest(str(name), rules, label="inherited")
            document.problem(place, "unknown-rule", f"there is no inherited rule '{name}' to drop", hint=hint)
        elif rules[name].get("class") == "floor" and not value.get("rationale"):
            document.problem(
                place, "weaker-floor", f"the rule '{name}' is a floor and is dropped without a word",
                hint="say why in the gate's 'rationale'",
            )  # fmt: skip
        rules.pop(name, None)
    for index, rule in enumerate(own_rules):
        if not isinstance(rule, dict):
            document.problem((*path, "rules", index), "wrong-value", "a rule is a mapping")
            return None
        name = str(rule.get("id", ""))
        before = rules.get(name)
        if before is not None and _weaker(before, rule) and not rule.get("rationale"):
            document.problem(
                (*path, "rules", index), "weaker-floor",
                f"the rule '{name}' loosens a floor that it inherits without saying why",
                hint="give the rule a 'rationale'",
            )  # fmt: skip
        rules[name] = {**(before or {}), **rule}
    inherited = {key: item for key, item in parent.items() if key not in ("id", "extends", "rules")}
    here = {k: v for k, v in value.items() if k not in ("extends", "without", "rules", "rationale")}
    return {**inherited, **here, "rules": list(rules.values())}


def _weaker(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether an override asks less of a floor than what it overrides."""
    if before.get("class") != "floor":
        return False
    if after.get("class", "floor") != "floor":
        return True
    at_least = before.get("comparator") == ">="
    for name in ("bound", "margin"):
        old, new = before.get(name), after.get(name)
        if (
            name in after
            and isinstance(old, (int, float))
            and (not isinstance(new, (int, float)) or (new < old if at_least else new > old))
        ):
            return True
    old, new = before.get("confidence", 0.95), after.get("confidence", before.get("confidence", 0.95))
    return isinstance(new, (int, float)) and isinstance(old, (int, float)) and new < old
