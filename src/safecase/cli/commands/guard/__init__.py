"""`safecase guard`: try it, measure it, take it apart, set its thresholds, train its classifier."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safecase.base import ExitCode, InputError
from safecase.cli._console import leave, out, print_json
from safecase.cli._options import (
    HERE,
    GateName,
    Json,
    Repeats,
    Select,
    TargetName,
    Vulnerability,
    Workspace,
)

if TYPE_CHECKING:
    from safecase.model import Estimate
    from safecase.workflow import RunOptions

guard = typer.Typer(
    no_args_is_help=True, help="The runtime guard: try it, measure it, calibrate it, train it."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(guard, name="guard", rich_help_panel="Guard")


@guard.command("list")
def list_checks(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """The workspace's checks in order, and the kinds of checks that there are."""
    from safecase.guard import CHECKS
    from safecase.workflow import Project, list_checks

    there = (workspace / "safecase.yaml").exists()
    rows = list_checks(Project.open(workspace)) if there else ()
    if as_json:
        print_json({"checks": rows, "kinds": CHECKS.names()})
        return
    for row in rows:
        where = ", ".join(row.surfaces)
        out().print(f"{row.id} (version {row.version}): {where}; fails {row.on_failure}")
    out().print(f"Kinds: {', '.join(CHECKS.names())}")


@guard.command("check")
def check_text(
    text: Annotated[str, typer.Argument(help="The text, or - for standard input.")] = "-",
    surface: Annotated[
        str, typer.Option(help="user_input, untrusted_content or model_output.")
    ] = "user_input",
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Inspect one text with the workspace's guard. Exit code 1 where it may not go on."""
    from safecase.model import FlowPoint
    from safecase.workflow import Project, inspect_text

    where = FlowPoint.parse(surface)
    read = sys.stdin.buffer.read().decode("utf-8", "replace") if text == "-" else text
    decision = inspect_text(Project.open(workspace), read, where)
    if as_json:
        print_json({**decision.to_json(), "text": decision.text})
    else:
        console = out()
        console.print(f"{decision.action.value} in {decision.latency_seconds * 1e6:.0f} µs")
        for verdict in decision.verdicts:
            score = "" if verdict.score is None else f", score {verdict.score:.3f}"
            console.print(f"  {verdict.check}: {verdict.action.value}{score} {verdict.reason}".rstrip())
        if decision.allowed and decision.text != read:
            console.print(decision.text)
    if not decision.allowed:
        leave(ExitCode.CHECK_FAILED)


@guard.command("measure")
def measure_guard(
    workspace: Workspace = HERE,
    target: TargetName = "",
    gate: GateName = "",
    select: Select = "",
    before: Annotated[str, typer.Option(help="Run without the guard, if there is one already.")] = "",
    repeats: Repeats = None,
    vulnerability: Vulnerability = None,
    as_json: Json = False,
) -> None:
    """Run the suite without and with the guard: what it stops, what it costs, each hypothesis' verdict.

    Exit code 1 where a hypothesis is refuted, 3 where one stays open.
    """
    from safecase.cli._progress import RunDisplay
    from safecase.model import counted, percent, with_interval
    from safecase.workflow import Project, measure_guard

    project = Project.open(workspace)
    options = _options(target, gate, select, repeats, vulnerability)
    with RunDisplay(quiet=as_json) as display:
        result = measure_guard(project, options, display, before=before)
    conclusions = {item.conclusion for item in result.hypotheses}
    if as_json:
        print_json(result)
    else:
        console = out()
        console.print(f"\n{result.run_before} → {result.run_after}")
        for row in result.slices:
            console.print(
                f"  {row.slice}: {percent(row.before)} → {percent(row.after)} of "
                f"{counted(row.cases, 'case')}, change {with_interval(row.change)}: {row.conclusion}"
            )
        latency = result.latency
        console.print(
            f"  latency: median {latency.median_before.value:.2f} → {latency.median_after.value:.2f} ms, "
            f"95th percentile {latency.p95_before.value:.2f} → {latency.p95_after.value:.2f} ms"
        )
        for item in result.hypotheses:
            console.print(f"  {item.control}: {item.conclusion}. {item.statement} {item.sentence}")
    if "refuted" in conclusions:
        leave(ExitCode.CHECK_FAILED)
    if "inconclusive" in conclusions:
        leave(ExitCode.INSUFFICIENT_EVIDENCE)


@guard.command("ablate")
def ablate_guard(
    workspace: Workspace = HERE,
    target: TargetName = "",
    gate: GateName = "",
    select: Select = "",
    by: Annotated[str, typer.Option(help="layer or check.")] = "layer",
    repeats: Repeats = None,
    vulnerability: Vulnerability = None,
    as_json: Json = False,
) -> None:
    """Run the suite with each layer of the guard off in turn: what each adds, which failure opens the door.

    Exit code 1 where a single failure opens a case of the worst severity.
    """
    from safecase.cli._progress import RunDisplay
    from safecase.model import counted, with_interval
    from safecase.workflow import Project, ablate_guard

    project = Project.open(workspace)
    options = _options(target, gate, select, repeats, vulnerability)
    with RunDisplay(quiet=as_json) as display:
        result = ablate_guard(project, options, display, by=by)
    if as_json:
        print_json(result)
    else:
        console = out()
        console.print(
            f"\n{counted(result.cases, 'harmful case')}: {result.violated_without} violated without "
            f"the guard, {result.violated_with} with it"
        )
        for part in result.parts:
            console.print(
                f"  without {part.part} ({', '.join(part.checks)}): {part.violated} violated, "
                f"{len(part.opened)} opened, {part.opened_severe} of them sev1; "
                f"rate {with_interval(part.change)}; "
                f"refuses {counted(part.over_refusals_mended, 'benign case')} by itself"
            )
        for risk, parts in result.single_points_of_failure.items():
            console.print(f"  single point of failure for {risk}: {', '.join(parts)}")
    if result.single_points_of_failure:
        leave(ExitCode.CHECK_FAILED)


@guard.command("calibrate")
def calibrate_guard(
    check: Annotated[str, typer.Argument(help="A check of the workspace, or a kind of check.")],
    traffic: Annotated[Path, typer.Argument(help="Labelled texts: csv, jsonl or Label Studio JSON.")],
    max_false_refusal: Annotated[
        float | None, typer.Option(min=0, max=1, help="False refusals at most, as a share.")
    ] = None,
    max_miss: Annotated[float | None, typer.Option(min=0, max=1, help="Misses at most, as a share.")] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the guarantee.")] = 0.95,
    surface: Annotated[str, typer.Option(help="Where the texts come from.")] = "user_input",
    text_column: Annotated[str, typer.Option(help="Column or dotted path of the text.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column or dotted path of the label.")] = "label",
    harmful: Annotated[
        list[str] | None,
        typer.Option(
            "--harmful", help="Label that means harmful (may repeat).", show_default="1, true, harmful"
        ),
    ] = None,
    segment_column: Annotated[str, typer.Option(help="Column of the user segment.")] = "",
    language_column: Annotated[str, typer.Option(help="Column of the language.")] = "",
    cost_miss: Annotated[float | None, typer.Option(help="Cost of one miss.")] = None,
    cost_refusal: Annotated[float | None, typer.Option(help="Cost of one false refusal.")] = None,
    prevalence: Annotated[float, typer.Option(help="Share of harmful messages in use.")] = 0.01,
    curve: Annotated[
        Path | None, typer.Option("--curve", help="Write the whole trade-off curve as csv.")
    ] = None,
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Choose a check's threshold on labelled traffic, with a guarantee.

    Say --max-false-refusal or --max-miss. Exit code 3 where the rows cannot prove any threshold.
    """
    from safecase.guard import Prices
    from safecase.model import with_interval
    from safecase.workflow import TrafficColumns, calibrate_check, write_curve

    if (max_false_refusal is None) == (max_miss is None):
        raise InputError("say one of --max-false-refusal and --max-miss")
    if (cost_miss is None) != (cost_refusal is None):
        raise InputError("costs come in pairs: --cost-miss and --cost-refusal")
    prices = None
    if cost_miss is not None and cost_refusal is not None:
        prices = Prices(miss=cost_miss, false_refusal=cost_refusal, prevalence=prevalence)
    result = calibrate_check(
        check,
        traffic,
        goal="miss" if max_miss is not None else "false_refusal",
        limit=max_miss if max_miss is not None else max_false_refusal or 0.0,
        confidence=confidence,
        surface=surface,
        columns=TrafficColumns(
            text_column, label_column, tuple(harmful or ("1", "true", "harmful")), segment_column,
            language_column,
        ),
        prices=prices,
        workspace=workspace,
    )  # fmt: skip
    if curve is not None:
        write_curve(result, curve)
    if as_json:
        print_json(result)
    else:
        console = out()
        console.print(f"{result.harmful} harmful and {result.benign} harmless texts")
        if result.area_under_curve is not None:
            console.print(f"Area under the ROC curve: {_shown(result.area_under_curve)}")
        console.print(result.guarantee)
        if result.chosen is not None:
            console.print(f"  misses: {with_interval(result.chosen.miss)}")
            console.print(f"  false refusals: {with_interval(result.chosen.false_refusal)}")
            if result.chosen.expected_cost is not None:
                console.print(f"  expected cost per message: {result.chosen.expected_cost:.4g}")
        for row in result.segments:
            miss = with_interval(row.miss) if row.miss else "none seen"
            refused = with_interval(row.false_refusal) if row.false_refusal else "none seen"
            console.print(f"  {row.kind} {row.name}: misses {miss}, false refusals {refused}")
    if result.threshold is None:
        leave(ExitCode.INSUFFICIENT_EVIDENCE)


@guard.command("train")
def train_guard(
    files: Annotated[list[Path], typer.Argument(help="Labelled texts: csv, jsonl or Label Studio JSON.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Weights file to write.")],
    text_column: Annotated[str, typer.Option(help="Column or dotted path of the text.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column or dotted path of the label.")] = "label",
    attack: Annotated[
        list[str] | None,
        typer.Option(
            "--attack",
            help="Label that means attack (may repeat).",
            show_default="1, true, attack, injection, jailbreak",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the injection classifier on your own labelled texts.

    Give the file to the check by `parameters: {weights: FILE}`. A tenth of the rows is kept back to set what
    a score means; measure on rows that were not in the files: `safecase guard calibrate`.
    """  # fmt: skip
    from safecase.cli._console import err
    from safecase.guard import ATTACK_LABELS, train_from_files

    def tell(line: str) -> None:
        if not as_json:
            err().print(line)

    made = train_from_files(
        files,
        output,
        text_column=text_column,
        label_column=label_column,
        attack_labels=attack or ATTACK_LABELS,
        tell=tell,
    )
    if as_json:
        print_json({"weights": str(output), "trained_on": made.trained_on})
    else:
        out().print(f"Wrote {output}")


def _options(
    target: str, gate: str, select: str, repeats: int | None, vulnerability: list[str] | None
) -> RunOptions:
    from safecase.model import RunSettings
    from safecase.workflow import RunOptions

    return RunOptions(
        target=target,
        gate=gate,
        select=select,
        repeats=repeats,
        settings=RunSettings(vulnerabilities=tuple(vulnerability or ())),
    )


def _shown(estimate: Estimate) -> str:
    """An area under a curve: a share that nobody says in percent."""
    return f"{estimate.value:.4f} ({estimate.lower:.4f} to {estimate.upper:.4f})"
