"""A verdict on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safecase.model import RuleStatus, Verdict, VerdictKind

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {
    VerdictKind.GO: ("GO", "bold green"),
    VerdictKind.GO_WITH_CONDITIONS: ("GO, WITH CONDITIONS", "bold green"),
    VerdictKind.NO_GO: ("NO-GO", "bold red"),
    VerdictKind.INSUFFICIENT_EVIDENCE: ("INSUFFICIENT EVIDENCE", "bold yellow"),
}
_MARKS = {
    RuleStatus.MET: ("met           ", "green"),
    RuleStatus.NOT_MET: ("not met       ", "red"),
    RuleStatus.INSUFFICIENT: ("insufficient  ", "yellow"),
    RuleStatus.NOT_CONFIGURED: ("not configured", "yellow"),
}


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Each rule in one sentence, then the recommendation and its reasons."""
    if verdict.demo:
        console.print("DEMO TARGET: this is evidence about no real system.\n", style="bold yellow")
    for result in verdict.rules:
        mark, style = _MARKS[result.status]
        console.print(mark, style=style, end=" ")
        console.print(f"{result.rule.id}: {result.sentence}")
    word, style = _WORDS[verdict.kind]
    console.print(f"\n{word}", style=style, end="  ")
    console.print(f"(gate {verdict.gate}, run {verdict.run_id}, {verdict.attempts} attempts)")
    for reason in verdict.reasons:
        console.print(f"  - {reason}")
    for condition in verdict.conditions:
        console.print(f"  * {condition}")
