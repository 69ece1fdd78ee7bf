"""The chain of runs: each manifest names the digests of all that stood at its ends when the run began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from safecase.model import RunManifest

_LENGTH = 200
"""Runs of which a pack carries the manifests. Chosen without measurement: it bounds the pack of a system that
is tried every night."""


def chain_for(manifest: RunManifest, manifests: Sequence[RunManifest]) -> tuple[RunManifest, ...]:
    """The runs before a run, nearest first, as far as the store still holds them."""
    by_id = {item.run_id: item for item in manifests}
    found: dict[str, RunManifest] = {}
    for name in _before(manifest, by_id):
        if len(found) == _LENGTH:
            break
        found[name] = by_id[name]
    return tuple(found.values())


def _before(manifest: RunManifest, by_id: dict[str, RunManifest]) -> Iterator[str]:
    """Ids of the ancestors that are there, nearest first, each once."""
    seen = {manifest.run_id}
    waiting = [manifest]
    while waiting:
        following = []
        for current in waiting:
            for named in current.predecessors:
                if named.run_id in by_id and named.run_id not in seen:
                    seen.add(named.run_id)
                    following.append(by_id[named.run_id])
                    yield named.run_id
        waiting = following
