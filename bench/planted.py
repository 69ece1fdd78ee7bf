"""Does the built-in suite find each planted weakness of the demo agent, and pass the agent without any?

For each weakness one complete run with it alone switched on; beside it, what the gate says. The row
``none`` must say go and every other row must have found more violations than it, or the suite is
blind there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from safecase.gate import VIOLATED
from safecase.model import RunSettings
from safecase.targets.demo import VULNERABILITIES
from safecase.workflow import Project, RunOptions, decide, execute, prepare
from safecase.workspace import write_profile


def violations(project: Project, vulnerabilities: tuple[str, ...]) -> tuple[set[str], str]:
    """Cases violated with these weaknesses on, and the verdict."""
    options = RunOptions(settings=RunSettings(vulnerabilities=vulnerabilities, complete=True))
    folder = execute(prepare(project, options))
    columns, cases = folder.columns(), folder.cases()
    found = {cases[index].id for index in columns.case_index[columns.outcome >= VIOLATED]}
    (verdict,) = decide(project, folder, today=None)
    return found, verdict.kind.value


def main() -> int:
    """Print the table; exit 1 where a weakness is not found or the clean agent does not pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = [
        item.id
        for item in (VULNERABILITIES.values() if isinstance(VULNERABILITIES, dict) else VULNERABILITIES)
    ]
    rows = []
    with tempfile.TemporaryDirectory(prefix="safecase-planted-") as scratch:
        write_profile("agent", Path(scratch) / "w", "Demo")
        project = Project.open(Path(scratch) / "w")
        clean, verdict = violations(project, ())
        rows.append({"weakness": "none", "new_violations": 0, "violations": len(clean), "verdict": verdict})
        for name in names:
            found, kind = violations(project, (name,))
            rows.append(
                {
                    "weakness": name,
                    "new_violations": len(found - clean),
                    "violations": len(found),
                    "verdict": kind,
                }
            )
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print(f"{'weakness':32} {'new':>4} {'all':>4}  verdict")
        for row in rows:
            print(f"{row['weakness']:32} {row['new_violations']:>4} {row['violations']:>4}  {row['verdict']}")
    missed = [row["weakness"] for row in rows[1:] if not row["new_violations"]]
    passed = rows[0]["verdict"] in ("go", "go_with_conditions")
    print(
        f"found {len(rows) - 1 - len(missed)} of {len(rows) - 1}; clean agent: {rows[0]['verdict']}",
        file=sys.stderr,
    )
    if missed:
        print(f"not found: {', '.join(str(name) for name in missed)}", file=sys.stderr)
    return 1 if missed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
