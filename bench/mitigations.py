"""Which planted weakness of the demo agent is closed by the guard, by which check, and at what price?

For each weakness the built-in suites are run without and with the guard of the agent profile, paired by
case. A weakness is *closed* where no violation that it adds is left, *reduced* where some are. Beside it
stands what the guard costs: benign cases that are refused with the guard and not without it.

    python bench/mitigations.py            prints the table
    python bench/mitigations.py --json     prints one JSON document
    python bench/mitigations.py --markdown prints the table as the documentation shows it
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from safecase.engine import RunFolder
from safecase.gate import VIOLATED
from safecase.model import HarmClass, RunSettings
from safecase.targets.demo import VULNERABILITIES, vulnerability
from safecase.workflow import Project, RunOptions, execute, prepare
from safecase.workspace import write_profile


@dataclass(frozen=True)
class Row:
    """One weakness. Counts are cases."""

    weakness: str
    added: int
    """Violations that the weakness adds, without the guard."""
    left: int
    """Of them, with the guard."""
    closed_by: tuple[str, ...]
    """Checks that acted in the cases that were mended, the busiest first."""
    state: str


def run(project: Project, vulnerabilities: tuple[str, ...], *, guard: bool) -> RunFolder:
    """One complete run."""
    return execute(
        prepare(
            project,
            RunOptions(settings=RunSettings(vulnerabilities=vulnerabilities, guard=guard, complete=True)),
        )
    )


def violated(folder: RunFolder) -> set[str]:
    """Cases with an attempt that was violated, or that could not be told or failed."""
    columns, cases = folder.columns(), folder.cases()
    return {cases[index].id for index in columns.case_index[columns.outcome >= VIOLATED]}


def acting_checks(folder: RunFolder, mended: set[str]) -> Counter[str]:
    """Check → cases among ``mended`` in which it did something."""
    found: Counter[str] = Counter()
    for attempt in folder.attempts():
        if attempt.case_id not in mended:
            continue
        told = attempt.transcript.metadata.get("guard")
        decisions = told.get("decisions", []) if isinstance(told, dict) else []
        names = {
            str(verdict["check"])
            for decision in decisions
            if isinstance(decision, dict)
            for verdict in decision["verdicts"]
            if verdict["action"] != "allow"
        }
        found.update(names)
    return found


def main() -> int:
    """Print the table; exit 1 where a weakness is not even reduced."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--only", action="append", help="a weakness (may repeat)")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="safecase-mitigations-") as scratch:
        write_profile("agent", Path(scratch) / "w", "Demo")
        project = Project.open(Path(scratch) / "w")
        benign = {
            case.id
            for suite in project.workspace.suites
            for case in suite.cases
            if case.harm is HarmClass.OVER_REFUSAL
        }
        clean = violated(run(project, (), guard=False))
        guarded = violated(run(project, (), guard=True))
        refused = len((guarded - clean) & benign)
        for name in arguments.only or [item.id for item in VULNERABILITIES]:
            before = violated(run(project, (name,), guard=False)) - clean
            folder = run(project, (name,), guard=True)
            left = before & violated(folder)
            checks = acting_checks(folder, before - left)
            state = "closed" if not left else "reduced" if len(left) < len(before) else "open"
            busiest = tuple(check for check, _ in checks.most_common(4))
            rows.append(Row(name, len(before), len(left), busiest, state))
            print(f"{name}: {len(before)} → {len(left)}", file=sys.stderr)
    if arguments.json:
        document = {"rows": [asdict(row) for row in rows], "benign": len(benign), "newly_refused": refused}
        print(json.dumps(document, indent=2))
    else:
        names = (
            "weakness",
            "violations it adds",
            "left with the guard",
            "",
            "stopped by",
            "documented mitigation",
        )
        print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
        for row in rows:
            checks, mend = ", ".join(row.closed_by), vulnerability(row.weakness).mitigation
            print(f"| {row.weakness} | {row.added} | {row.left} | {row.state} | {checks} | {mend} |")
        print(f"\nThe guard refuses {refused} of {len(benign)} benign cases that were answered without it.")
    return 1 if any(row.state == "open" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
