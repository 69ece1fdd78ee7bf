"""The chain of runs: each manifest names the digest of the one before it in its store."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.model import RunManifest

_LENGTH = 200
"""Runs of which a pack carries the manifests. Chosen without measurement: it bounds the pack of a system that
is tried every night."""


def chain_for(manifest: RunManifest, manifests: Sequence[RunManifest]) -> tuple[RunManifest, ...]:
    """The predecessors of a run, nearest first, as far as the store still holds them."""
    by_id = {item.run_id: item for item in manifests}
    found: list[RunManifest] = []
    current = manifest
    while current.predecessor_run_id and len(found) < _LENGTH:
        before = by_id.get(current.predecessor_run_id)
        if before is None:
            break
        found.append(before)
        current = before
    return tuple(found)
