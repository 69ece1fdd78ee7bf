"""AgentDojo's recorded runs as a callable target: for field names that the replay target does not read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safecase.base import InputError
from safecase.model import TargetRequest


class RecordedRuns:
    """One agent's rows by id. A run that an error ended raises, so that it is an error and no verdict."""

    def __init__(self, pipeline: str) -> None:
        folder = os.environ.get("SAFECASE_SHARED_DATA", "")
        if not folder:
            raise InputError("set SAFECASE_SHARED_DATA to the folder of the recorded data")
        self._rows: dict[str, dict[str, Any]] = {}
        path = Path(folder) / "agentdojo_important_instructions_a.jsonl"
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                if row["pipeline"] == pipeline:
                    self._rows[row["id"]] = row

    def query(self, request: TargetRequest) -> dict[str, Any]:
        """The recorded answer and its tool calls."""
        row = self._rows[request.case_id]
        if row["labels"]["error"] is not None:
            raise RuntimeError(f"the recorded run failed: {row['labels']['error'][:200]}")
        calls = [{"name": call["fn"], "arguments": call["args"]} for call in row["tool_calls"]]
        return {"text": row["final"] or "", "tool_calls": calls}
