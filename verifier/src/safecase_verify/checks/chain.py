"""The chain of runs: each manifest names the digest of the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.records import RunManifest


def check_chain(manifest: RunManifest, predecessors: Sequence[RunManifest]) -> int:
    """How many links were checked. Raises CheckFailed where a manifest is not the one that was named."""
    current = manifest
    for before in predecessors:
        if before.run_id != current.predecessor_run_id or before.digest != current.predecessor_digest:
            raise CheckFailed(
                f"run {current.run_id} names another predecessor than {before.run_id} as it stands here"
            )
        current = before
    return len(predecessors)
