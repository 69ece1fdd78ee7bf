"""How many small, plausible errors the tests catch: mutants of the rooms that a verdict rests on.

One operator of one line is turned at a time (a comparison, a sign, a connective, a bound, a minimum), in a
copy of the sources; the tests of that room, then of the rooms beside it, run against the copy until
one fails. The places are drawn by a hash of file, place and change, each room in turn, so equal sources give
equal mutants. A survivor is printed with its line: either a test is missing or the change means nothing, and
a person says which.

    python bench/mutants.py --count 40
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "safecase/stats": ("tests/stats", "tests/gate"),
    "safecase/gate": ("tests/gate", "tests/evidence", "tests/workflow"),
    "safecase/evidence": ("tests/evidence", "tests/gate"),
    "safecase/records": ("tests/records", "tests/workflow", "tests/cli"),
    "safecase_verify": ("tests/verifier", "tests/evidence", "tests/gate"),
}
"""Room → the test folders that may catch its errors, the nearest first."""
SECONDS_PER_MUTANT = 600
"""A mutant that hangs is caught: no test of this project takes so long."""

COMPARISONS: dict[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
EQUALITIES: dict[type[ast.cmpop], str] = {ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in", ast.NotIn: "in"}
ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
NAMES = {"min": "max", "max": "min", "all": "any", "any": "all", "lower": "upper", "upper": "lower"}


@dataclass(frozen=True)
class Mutant:
    """One change of one place."""

    room: str
    file: Path
    """Below the source folder."""
    line: int
    before: str
    after: str
    start: int
    """Offset in bytes of the changed text; ``end`` is behind it."""
    end: int

    @property
    def key(self) -> str:
        """What the place is called, whatever line it has moved to."""
        return f"{self.file.as_posix()}: {self.before} → {self.after}"


def changes(source: bytes) -> Iterator[tuple[int, str, str, int, int]]:
    """Line, text before and after, and the offsets of each change that a file offers."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(first: ast.expr, second: ast.expr) -> tuple[int, int]:
        """Where the text between two operands lies."""
        left = starts[(first.end_lineno or first.lineno) - 1] + (first.end_col_offset or 0)
        return left, starts[second.lineno - 1] + second.col_offset

    def between(first: ast.expr, second: ast.expr, new: str) -> tuple[int, str, str, int, int]:
        left, right = span(first, second)
        old = source[left:right].decode()
        inner = old.strip(" ()\n")
        at = left + len(old[: old.index(inner)].encode())
        return first.lineno, inner, new, at, at + len(inner.encode())

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            new = {**COMPARISONS, **EQUALITIES}.get(type(node.ops[0]))
            if new:
                yield between(node.left, node.comparators[0], new)
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            text = isinstance(node.left, ast.JoinedStr) or (
                isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
            )
            if not text:
                yield between(node.left, node.right, ARITHMETIC[type(node.op)])
        elif isinstance(node, ast.BoolOp):
            new = "or" if isinstance(node.op, ast.And) else "and"
            yield between(node.values[0], node.values[1], new)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            at = starts[node.lineno - 1] + node.col_offset
            yield node.lineno, "not", "", at, at + 3
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            at = starts[node.lineno - 1] + node.func.col_offset
            yield node.lineno, node.func.id, NAMES[node.func.id], at, at + len(node.func.id)
        elif isinstance(node, ast.Attribute) and node.attr in NAMES and isinstance(node.ctx, ast.Load):
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            yield node.lineno, node.attr, NAMES[node.attr], end - len(node.attr), end


def whole_lines(source: bytes, line: int) -> str:
    """A line of a file without its margins."""
    return source.splitlines()[line - 1].decode().strip()


def is_annotation_or_text(text: str) -> bool:
    """Whether a line only shapes types or words, where a change could mean nothing."""
    return text.startswith(('"', "'", 'f"', "raise", "import", "from", "assert_")) or "TypeAlias" in text


def find_mutants(sources: list[Path]) -> dict[str, list[Mutant]]:
    """Room → its mutants, in the order in which they are tried."""
    found: dict[str, list[Mutant]] = {room: [] for room in TESTS}
    for folder in sources:
        for room in TESTS:
            for file in sorted((folder / room).rglob("*.py")):
                source = file.read_bytes()
                for line, before, after, start, end in changes(source):
                    if not is_annotation_or_text(whole_lines(source, line)):
                        below = file.relative_to(folder)
                        found[room].append(Mutant(room, below, line, before, after, start, end))
    for mutants in found.values():
        mutants.sort(key=lambda item: hashlib.sha256(f"{item.key} {item.start}".encode()).digest())
    return {room: mutants for room, mutants in found.items() if mutants}


def choose(by_room: dict[str, list[Mutant]], count: int) -> list[Mutant]:
    """The first ``count`` of them, each room in turn."""
    chosen: list[Mutant] = []
    for place in range(max(map(len, by_room.values()), default=0)):
        for mutants in by_room.values():
            if place < len(mutants) and len(chosen) < count:
                chosen.append(mutants[place])
    return chosen


def is_killed(mutant: Mutant, sources: list[Path], scratch: Path) -> bool:
    """Whether a test fails on a copy of the sources with the change in it."""
    copies = []
    for folder in sources:
        copy = scratch / folder.relative_to(ROOT)
        if not copy.exists():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
        copies.append(copy)
    changed = next(copy / mutant.file for copy in copies if (copy / mutant.file).is_file())
    original = changed.read_bytes()
    changed.write_bytes(original[: mutant.start] + mutant.after.encode() + original[mutant.end :])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, copies)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SAFECASE_SHARED_DATA": str(scratch / "none"),
    }
    try:
        for tests in TESTS[mutant.room]:
            if not (ROOT / tests).is_dir():
                continue
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", tests]
            try:
                done = subprocess.run(
                    command,
                    cwd=ROOT,
                    env=environment,
                    capture_output=True,
                    timeout=SECONDS_PER_MUTANT,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return True
            if done.returncode not in (0, 5):
                return True
        return False
    finally:
        changed.write_bytes(original)


def main() -> int:
    """Try the mutants; exit 1 where fewer than 95 % are caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="how many mutants (default 40)")
    parser.add_argument("--skip", type=int, default=0, help="leave out the first ones of the list")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sources = [folder for folder in (ROOT / "src", ROOT / "verifier" / "src") if folder.is_dir()]
    chosen = choose(find_mutants(sources), arguments.skip + arguments.count)[arguments.skip :]
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.processes) as pool:
        places = [Path(folder) / str(number) for number in range(arguments.processes)]

        def try_one(numbered: tuple[int, Mutant]) -> tuple[Mutant, bool]:
            place = places.pop()
            try:
                return numbered[1], is_killed(numbered[1], sources, place)
            finally:
                places.append(place)

        for mutant, killed in pool.map(try_one, enumerate(chosen)):
            if not killed:
                survivors.append(mutant)
            if not arguments.json:
                word = "killed  " if killed else "SURVIVED"
                print(
                    f"{word}  {mutant.file}:{mutant.line}  {mutant.before} → {mutant.after or 'nothing'}",
                    flush=True,
                )
    killed_count = len(chosen) - len(survivors)
    if arguments.json:
        left = [{"file": str(item.file), "line": item.line, "change": item.key} for item in survivors]
        print(json.dumps({"mutants": len(chosen), "killed": killed_count, "survivors": left}))
    else:
        print(f"{killed_count} of {len(chosen)} killed")
    return 0 if killed_count >= 0.95 * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
