"""`safecase demo`: the main job on the built-in demo target, and the demo as a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli._console import leave, out, print_json
from safecase.cli._options import Json

demo = typer.Typer(
    no_args_is_help=True, help="The built-in demo: a shop-support agent with planted weaknesses."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(demo, name="demo", rich_help_panel="Demo")


@demo.command("run")
def run_demo(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Where to keep the demo's workspace.")
    ] = Path("demo-workspace"),
    vulnerability: Annotated[
        list[str] | None,
        typer.Option("--vulnerability", "-v", help="Switch a planted weakness on (see `demo list`)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Do the main job, whole: make a workspace, run it, decide, write and verify the evidence."""
    from safecase.cli._progress import RunDisplay
    from safecase.workflow import demonstrate

    with RunDisplay(quiet=as_json) as display:
        result = demonstrate(workspace, tuple(vulnerability or ()), display)
    verdict = result.verdict
    if as_json:
        print_json(
            {
                "verdict": verdict.kind,
                "run_id": verdict.run_id,
                "report": str(result.files.html),
                "pack": str(result.files.pack),
                "verified": result.verification.ok,
            }
        )
        leave(result.exit_code)
    from safecase.cli._verdict import print_verdict
    from safecase.model import counted

    console = out()
    print_verdict(console, verdict)
    console.print(f"\nReport:  {result.files.html}")
    console.print(f"Pack:    {result.files.pack}")
    verification = result.verification
    left = len(verification.not_recomputed)
    numbers = f"all results recomputed but {left}" if left else "every result recomputed"
    console.print(
        f"Verified: {'yes' if verification.ok else 'NO'}, "
        f"{counted(len(verification.checks), 'check')}, {numbers}"
    )
    console.print("\nNext:")
    console.print("  open the report in a browser")
    console.print(
        f"  safecase demo run -w {workspace} --vulnerability markdown-image-exfiltration   # and see it found"
    )
    console.print(
        f"  safecase plan -w {workspace}    # its families are open now: what a next try could still show"
    )
    console.print("  safecase init safety --profile agent                      # your own system")
    leave(result.exit_code)


@demo.command("serve")
def serve_demo(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8123,
    vulnerability: Annotated[
        list[str] | None, typer.Option("--vulnerability", "-v", help="Switch a planted weakness on.")
    ] = None,
) -> None:
    """Serve the demo agent as an OpenAI-compatible API on loopback."""
    from safecase.targets.demo import serve

    serve(host, port, tuple(vulnerability or ()))


@demo.command("list")
def list_vulnerabilities(as_json: Json = False) -> None:
    """List the planted weaknesses: what each breaks, and what would close it."""
    from safecase.targets.demo import VULNERABILITIES

    rows = [{"id": item.id, "title": item.title, "mitigation": item.mitigation} for item in VULNERABILITIES]
    if as_json:
        print_json({"vulnerabilities": rows})
        return
    for row in rows:
        out().print(f"{row['id']}: {row['title']}\n    mend: {row['mitigation']}")
