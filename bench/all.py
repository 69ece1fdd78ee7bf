"""Run the benchmarks of the performance table one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    ("throughput.py",),
    ("throughput.py", "--latency", "0.2", "--in-flight", "200"),
    ("million.py",),
    ("gate_million.py",),
    ("operating_characteristics.py",),
    ("planted.py",),
)


def main() -> int:
    """Run each benchmark, print what it prints, and report the first failure by exit code 1."""
    folder = Path(__file__).parent
    failed = []
    for name, *arguments in BENCHMARKS:
        print(f"\n== {name} {' '.join(arguments)}", flush=True)
        if subprocess.run([sys.executable, str(folder / name), *arguments], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed or missed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
