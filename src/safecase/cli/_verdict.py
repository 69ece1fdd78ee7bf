"""A verdict on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from safecase.model import STATUS_WORDS, VERDICT_WORDS, RuleChange, RuleStatus, Verdict, VerdictKind, counted

if TYPE_CHECKING:
    from rich.console import Console

_VERDICT_STYLE = {
    VerdictKind.GO: "bold green",
    VerdictKind.GO_WITH_CONDITIONS: "bold green",
    VerdictKind.NO_GO: "bold red",
    VerdictKind.INSUFFICIENT_EVIDENCE: "bold yellow",
    VerdictKind.NOT_CONFIGURED: "bold yellow",
}
_STATUS_STYLE = {RuleStatus.MET: "green", RuleStatus.NOT_MET: "red"}
# The sentences of the rules begin one under the other.
_STATUS_WIDTH = max(len(word) for word in STATUS_WORDS.values())


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Each rule in one sentence, then the recommendation and its reasons."""
    if verdict.demo:
        console.print("DEMO TARGET: this is evidence about no real system.\n", style="bold yellow")
    for result in verdict.rules:
        mark = STATUS_WORDS[result.status].ljust(_STATUS_WIDTH)
        console.print(mark, style=_STATUS_STYLE.get(result.status, "yellow"), end=" ")
        console.print(f"{result.rule.id}: {result.sentence}")
    word = VERDICT_WORDS[verdict.kind].upper()
    console.print(f"\n{word}", style=_VERDICT_STYLE[verdict.kind], end="  ")
    told = "sealed" if verdict.sealed else counted(verdict.attempts, "attempt")
    place = f"try {verdict.try_number} of line {verdict.line}"
    console.print(f"(gate {verdict.gate}, run {verdict.run_id}, {place}, {told})")
    for reason in verdict.reasons:
        console.print(f"  - {reason}")
    for condition in verdict.conditions:
        console.print(f"  * {condition}")


def change_lines(rules: Sequence[RuleChange], people: Sequence[str]) -> list[str]:
    """What changed since the last decision, as a diff of rules, and of keys and rights."""
    lines = []
    if rules:
        lines.append("Rules since the last decision:")
        lines += [f"  ± {change.sentence}" for change in rules]
        if any(change.looser for change in rules):
            lines.append("  A loosened rule takes two people: change_threshold in people.decision_rights.")
    if people:
        lines.append("Keys, roles and rights since the decision log last recorded them:")
        lines += [f"  ± {line}" for line in people]
    return lines
