"""Work is bounded before it is done: few bytes cannot ask for many objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safecase.evidence._pack_writer import PackWriter, remove_abandoned
from safecase.model import ScorerReference
from support.cases import case
from support.outcomes import HELD
from support.rules import gate, rule

from .packs import edit, pack, repack
from .run_folders import write_run

_MEGABYTES = 200
_PROGRAM = """\
import sys
from safecase.evidence import check_evidence
report = check_evidence(sys.argv[1])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024, report.ok, *(item.detail for item in report.checks if not item.ok))
"""


def _many_cases(data: bytes) -> bytes:
    first = json.loads(data.splitlines()[0])
    rows = (first | {"id": f"c{n}", "family": f"f{n}"} for n in range(150_000))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _wide_case(data: bytes) -> bytes:
    first = json.loads(data.splitlines()[0])
    return json.dumps(first | {"metadata": {f"k{n}": [] for n in range(1_000_000)}}).encode() + b"\n"


def _wide_verdict(verdict: dict[str, Any]) -> None:
    verdict["rules"][0]["categories"] *= 100_000


BOMBS: list[tuple[str, dict[str, Any], str]] = [
    ("cases", {"run/cases.jsonl": _many_cases}, "more cases than so few bytes"),
    ("a case", {"run/cases.jsonl": _wide_case}, "more parts than cases have"),
    (
        "the manifest",
        {"run/manifest.json": edit(lambda m: m.update(environment={f"k{n}": [] for n in range(2_000_000)}))},
        "more parts than packs have",
    ),
    (
        "the workspace",
        {
            "workspace/risks.yaml": lambda data: (
                b"risks:\n" + b"".join(b"- {a: %d}\n" % n for n in range(200_000))
            )
        },
        "more than people write",
    ),
    (
        "draws",
        {
            "run/draws.csv": lambda data: data.splitlines()[0] + b"\n" + b"0,0,0\n" * 150_000,
            "run/manifest.json": edit(lambda m: m.update(planned=150_000)),
        },
        "more draws than so few bytes",
    ),
]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize(("name", "change", "words"), BOMBS, ids=[item[0] for item in BOMBS])
def test_few_bytes_cannot_ask_for_much_memory(
    tmp_path: Path, name: str, change: dict[str, Any], words: str
) -> None:
    run = write_run(
        tmp_path,
        [case(n) for n in range(4)],
        dict.fromkeys(range(4), HELD),
        [gate(rule("harm", bound=0.1))],
        scorers=(ScorerReference(name="refusal", version="1", own_code=True),),
    )
    bomb = repack(pack(run, tmp_path / "pack.zip"), tmp_path / "bomb.zip", change)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(bomb)], capture_output=True, text=True, check=True
    )
    megabytes, ok, *said = done.stdout.split()
    assert ok == "False"
    assert words in " ".join(said)
    assert int(megabytes) < _MEGABYTES


def test_what_a_killed_report_left_goes_with_the_next_one(tmp_path: Path) -> None:
    left = tmp_path / ".pack-abc.part"
    left.write_bytes(b"half a pack")
    with PackWriter(tmp_path / "pack.zip") as writer:
        assert not left.exists()
        own = next(tmp_path.glob(".pack-*.part"))
        remove_abandoned(tmp_path)
        assert own.exists(), "a report that is at work keeps its file"
        writer.add("README.txt", b"x")
    assert [item.name for item in tmp_path.iterdir()] == ["pack.zip"]
