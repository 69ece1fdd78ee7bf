"""Each rule in one sentence that a manager can repeat."""

from __future__ import annotations

from safecase.model import RuleStatus

_NAMED = 4
"""Slices that a sentence names; who wants all of them reads the table."""


def rule_sentence(demand: str, statuses: dict[str, RuleStatus], single: str) -> str:
    """The sentence of a whole rule: its one slice's, or how many of its slices met it.

    ``demand``: what the rule asks for. ``statuses``: slice → status. ``single``: the sentence of the only
    slice.
    """
    if len(statuses) <= 1:
        return single or f"{demand}: nothing in this run is about it, so there is no evidence."
    met = sum(status is RuleStatus.MET for status in statuses.values())
    missed = [name for name, status in statuses.items() if status is RuleStatus.NOT_MET]
    open_ = [name for name, status in statuses.items() if status not in (RuleStatus.MET, RuleStatus.NOT_MET)]
    text = f"{demand}, in each of {len(statuses)} categories: {met} met it"
    if missed:
        text += f", {len(missed)} did not ({_names(missed)})"
    if open_:
        text += f", {len(open_)} could not be decided ({_names(open_)})"
    return text + "."


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
