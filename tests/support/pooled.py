"""A small workspace with pools, and commands in this process: for tests that need many of them."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from safecase.cli.main import run

_WORKSPACE = """\
system:
  id: bot
  title: Bot
  components: [{{id: model, kind: model, version: "1"}}]
targets: [{{id: bot, kind: python_callable, callable: "{module}:answer"}}]
defaults: {{target: bot, gate: release}}
{pools}
risks: [{{id: r, title: R, severity: sev2, likelihood: possible, harm: misuse_enablement, attack: jailbreak}}]
gates:
  - id: release
    rules:
      - {{id: harm, metric: violation_rate, class: floor, bound: 0.1, population: {population}, rationale: x}}
suites:
  - id: s
    datasets: [{{id: d, path: d.csv, columns: {{prompt: prompt, id: id, family: family}}}}]
    defaults:
      {{risk: r, severity: sev2, attack: jailbreak, harm: misuse_enablement,
       expect: [{{scorer: contains, none_of: [LEAK]}}]}}
"""


@dataclass
class Pooled:
    """The workspace, and what its commands say."""

    folder: Path
    module: str
    capture: pytest.CaptureFixture[str]

    def fails(self, share: float) -> None:
        """The bot fails on so many of a hundred cases from now on: another system."""
        (self.folder / f"{self.module}.py").write_text(
            "def answer(text):\n"
            "    n = int(text.split()[-1])\n"
            f"    return 'LEAK' if n * 37 % 100 < {100 * share} else 'no'\n"
        )
        sys.modules.pop(self.module, None)

    def command(self, *words: str, code: int | tuple[int, ...] = 0) -> str:
        """All that a command prints, on both streams."""
        here, argv = Path.cwd(), sys.argv
        self.capture.readouterr()
        os.chdir(self.folder)
        sys.argv = ["safecase", *words]
        try:
            run()
            ended: object = 0
        except SystemExit as end:
            ended = end.code or 0
        finally:
            os.chdir(here)
            sys.argv = argv
        said = self.capture.readouterr()
        assert ended in (code if isinstance(code, tuple) else (code,)), (words, ended, said)
        return said.out + said.err

    @property
    def latest(self) -> Path:
        """The folder of the run that began last."""
        return max((self.folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime)


def make_pooled(
    folder: Path,
    capture: pytest.CaptureFixture[str],
    *,
    module: str,
    pools: str = "pools: {open: 0.5}",
    population: str = "families",
) -> Pooled:
    """The workspace in ``folder``: 240 families of one case, no two alike, and one rule."""
    folder.mkdir(parents=True, exist_ok=True)
    text = _WORKSPACE.format(module=module, pools=pools, population=population)
    (folder / "safecase.yaml").write_text(text)
    rows = ["id,prompt,family"]
    for number in range(240):
        words = " ".join(hashlib.sha256(f"{number} {place}".encode()).hexdigest()[:8] for place in range(6))
        rows.append(f"c{number},{words} {number},f{number}")
    (folder / "d.csv").write_text("\n".join(rows) + "\n")
    pooled = Pooled(folder, module, capture)
    pooled.fails(0)
    return pooled


def without_names(text: str) -> str:
    """``text`` without what is new in every run: ids, digests, times, folders."""
    text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "RUN", text)
    text = re.sub(r"sha256:[0-9a-f]{64}|\b[0-9a-f]{12,64}\b", "DIGEST", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "TIME", text)
    text = re.sub(r"/[\w./-]*/(?=packs|runs)", "", text)
    text = re.sub(r"\b\d+(\.\d+)? ?s\b", "SECONDS", text)
    return re.sub(r"\b(nonce|seed)\"?:?\s*\S+", "NONCE", text)
