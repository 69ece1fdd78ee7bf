"""The chain of runs: each manifest names the digests of all that stood at its ends when the run began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.records import RunManifest


def check_chain(manifest: RunManifest, predecessors: Sequence[RunManifest]) -> tuple[RunManifest, ...]:
    """The runs before a run, nearest first. Raises CheckFailed where a manifest is not the one that was
    named, or that nobody named."""
    by_id = {item.run_id: item for item in predecessors}
    for current in (manifest, *predecessors):
        for named in current.predecessors:
            before = by_id.get(named.run_id)
            if before is not None and before.digest != named.manifest_digest:
                raise CheckFailed(
                    f"run {current.run_id} names another predecessor than {before.run_id} as it stands here"
                )
    found = tuple(_before(manifest, by_id))
    stray = set(by_id) - set(found)
    if stray or len(by_id) != len(predecessors):
        raise CheckFailed(f"{min(stray, default='a run')} is no link of the run's chain")
    return tuple(by_id[name] for name in found)


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
