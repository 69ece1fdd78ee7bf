"""A verdict on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safecase.model import STATUS_WORDS, VERDICT_WORDS, RuleStatus, Verdict, VerdictKind, counted

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
    attempts = counted(verdict.attempts, "attempt")
    console.print(f"(gate {verdict.gate}, run {verdict.run_id}, {attempts})")
    for reason in verdict.reasons:
        console.print(f"  - {reason}")
    for condition in verdict.conditions:
        console.print(f"  * {condition}")
