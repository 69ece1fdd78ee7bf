"""What changed between two states of a gate, and which changes ask for less (ROL-03)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safecase.base import Record
from safecase.model.rule import CoverageRequirement, Gate, GateRule
from safecase.model.vocabulary import Comparator, RuleClass, Severity

_CLASSES = (RuleClass.ADVISORY, RuleClass.BOUNDED, RuleClass.FLOOR)
_WORDS_ONLY = frozenset({"id", "title", "rationale", "good", "power"})
"""Fields that plan and explain: no verdict becomes go by them alone."""


class RuleChange(Record):
    """One difference between a gate that was decided on and the gate as it stands."""

    rule: str
    """Empty where the change is one of the gate itself."""
    field: str
    before: str
    after: str
    looser: bool
    """Whether it asks for less, or cannot be told to ask for as much."""

    @property
    def sentence(self) -> str:
        """The change in one line, as a diff shows it."""
        where = f"{self.rule}.{self.field}" if self.rule else self.field
        return f"{where}: {self.before} → {self.after}" + (" (looser)" if self.looser else "")


def changed_rules(before: Gate | None, after: Gate) -> tuple[RuleChange, ...]:
    """Every change from ``before`` to ``after``; a gate that was never decided by is a change by itself."""
    if before is None:
        return (RuleChange(rule="", field="gate", before="none", after=after.id, looser=True),)
    found = []
    old, new = ({rule.id: rule for rule in gate.rules} for gate in (before, after))
    for name, rule in old.items():
        if name not in new:
            binding = rule.rule_class is not RuleClass.ADVISORY
            found.append(
                RuleChange(rule=name, field="rule", before=_shown(rule.bound), after="none", looser=binding)
            )
        else:
            found += _fields(name, rule, new[name])
    found += [
        RuleChange(rule=name, field="rule", before="none", after=_shown(rule.bound), looser=False)
        for name, rule in new.items()
        if name not in old
    ]
    return (*found, *_coverage(before.coverage, after.coverage))


def _fields(name: str, before: GateRule, after: GateRule) -> list[RuleChange]:
    found = []
    for field in GateRule.model_fields:
        old, new = getattr(before, field), getattr(after, field)
        if old == new or field in _WORDS_ONLY:
            continue
        stricter = _STRICTER.get(field)
        looser = not (stricter is not None and stricter(old, new, after))
        if before.rule_class is RuleClass.ADVISORY and field != "rule_class":
            looser = False
        shown = "class" if field == "rule_class" else field
        found.append(RuleChange(rule=name, field=shown, before=_shown(old), after=_shown(new), looser=looser))
    return found


def _limit(old: float | None, new: float | None, rule: GateRule) -> bool:
    # An unset limit is never a pass, so that unsetting one loosens nothing, and setting one may.
    if new is None or old is None:
        return new is None
    return new <= old if rule.comparator is Comparator.AT_MOST else new >= old


def _smaller(old: Any, new: Any, rule: GateRule) -> bool:
    return new is None or (old is not None and new <= old)


_STRICTER: dict[str, Callable[[Any, Any, GateRule], bool]] = {
    "bound": _limit,
    "margin": _smaller,
    "rule_class": lambda old, new, rule: _CLASSES.index(new) >= _CLASSES.index(old),
    "confidence": lambda old, new, rule: new >= old,
    "per": lambda old, new, rule: old == "none",
    "population": lambda old, new, rule: new == "families",
    "minimum_n": lambda old, new, rule: new >= old,
    "error_budget": _smaller,
    "undetermined_budget": _smaller,
    "requires_calibrated_scorers": lambda old, new, rule: new,
}
"""Field → whether the change asks for as much or more. What is not here (whom the rule is about, how it is
split, what it measures) cannot be compared, and counts as looser."""


def _coverage(before: CoverageRequirement, after: CoverageRequirement) -> list[RuleChange]:
    found = []
    if before.risks_at_least is not after.risks_at_least:
        order = tuple(Severity)
        old, new = (
            -1 if level is None else order.index(level)
            for level in (before.risks_at_least, after.risks_at_least)
        )
        found.append(
            _coverage_change("risks_at_least", before.risks_at_least, after.risks_at_least, new < old)
        )
    if before.held_out_share != after.held_out_share:
        looser = after.held_out_share < before.held_out_share
        found.append(_coverage_change("held_out_share", before.held_out_share, after.held_out_share, looser))
    return found


def _coverage_change(field: str, before: object, after: object, looser: bool) -> RuleChange:
    return RuleChange(rule="coverage", field=field, before=_shown(before), after=_shown(after), looser=looser)


def _shown(value: object) -> str:
    """A value as somebody would write it in YAML."""
    if value is None or value == "":
        return "unset"
    return str(getattr(value, "value", None) or (f"{value:g}" if isinstance(value, float) else value))
