"""A part of the recorded data, so that examples take seconds: some questions, and every answer to them."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import orjson

from documentation.blocks import ROOT

_HANDFUL = 10
_WHOLE = frozenset({"xstest_completions.jsonl"})
"""Recordings that stay whole: of a part of the prompts no run can exclude a rise by 5 points."""
_LARGE = 10_000


def recorded_files(example: str) -> set[str]:
    """The names of the recorded files that an example reads."""
    texts = (file.read_text(encoding="utf-8") for file in (ROOT / "examples" / example).rglob("*.yaml"))
    return {name for text in texts for name in re.findall(r"\w+\.jsonl", text)}


def write_sample(source: Path, destination: Path) -> None:
    """Write some of the n questions of a recording, in its order, each with all the rows that answer it.

    That is about 2√n of them, of large recordings √n. The step is odd, because rows that take turns (a
    question with and without its context) would else fall out by kind. It begins three fifths into the first
    step: with that part the examples' gates decide as with the whole. What was recorded of one attack on one
    model stays whole where it is a handful of rows, so that no suite is empty.
    """
    rows = source.read_bytes().splitlines(keepends=True)
    parsed = [orjson.loads(row) for row in rows]
    distinct = list(dict.fromkeys(map(_question, parsed)))
    step = int(math.sqrt(len(distinct)) / (1 if len(rows) > _LARGE else 2)) | 1
    if source.name in _WHOLE or os.environ.get("SAFECASE_DOCUMENTATION_FULL"):
        step = 1
    kept = set(distinct[3 * step // 5 :: step])
    recordings = Counter(map(_recording, parsed))
    chosen = (
        row
        for row, fields in zip(rows, parsed, strict=True)
        if _question(fields) in kept or recordings[_recording(fields)] < _HANDFUL
    )
    destination.write_bytes(b"".join(chosen))


def _recording(row: dict[str, Any]) -> Hashable:
    return row.get("model"), row.get("labels", {}).get("attack")


def _question(row: dict[str, Any]) -> Hashable:
    """What was asked, in whatever words: a user's task, the goal behind an attack, a prompt."""
    labels = row.get("labels", {})
    if "user_task" in row:
        return row["suite"], row["user_task"]
    return labels.get("goal") or labels.get("user_instruction") or row["prompt"]
