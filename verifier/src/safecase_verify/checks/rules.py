"""Were the rules frozen before the data, and is every change of them told?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.canonical import digest
from safecase_verify.reading.records import Case, Gate, PackedWorkspace, RunManifest, Verdict

_OTHER_RULES = "under other rules"
_SAME_RULES = "This candidate was run"
"""What a manifest's notes say of earlier runs of the same system."""


def frozen_gate(verdict: Verdict, manifest: RunManifest, name: str) -> Gate:
    """The gate of a verdict as the manifest froze it. Raises CheckFailed where it is another."""
    gate = next((item for item in manifest.gates if item.id == verdict.gate), None)
    if gate is None or gate.digest != verdict.gate_digest:
        raise CheckFailed("the verdict's rules are not those that were frozen before the run", where=name)
    return gate


def check_manifest(manifest: RunManifest, cases: Sequence[Case], place: str) -> None:
    """What the manifest says of itself: its candidate, its suites, its cards. Raises CheckFailed."""
    candidate = digest(
        {"system": manifest.system.fingerprint, "gates": [gate.digest for gate in manifest.gates]}
    )
    if manifest.candidate and manifest.candidate != candidate:
        raise CheckFailed("the candidate is not this system under these rules", where=place)
    names = [gate.id for gate in manifest.gates]
    if len(set(names)) != len(names):
        raise CheckFailed("two gates of the manifest have one name", where=place)
    counts = Counter(case.suite for case in cases)
    if manifest.suites and {item.id: item.cases for item in manifest.suites} != counts:
        raise CheckFailed("the suites do not hold the cases that the manifest counts", where=place)
    cards = {digest(card) for card in manifest.raw["scorer_cards"]}
    for scorer in manifest.scorers:
        if scorer.card_digest and scorer.card_digest not in cards:
            raise CheckFailed(f"the card of the scorer {scorer.name} is missing", where=place)


def check_rules(
    manifest: RunManifest,
    verdicts: Sequence[Verdict],
    earlier: Sequence[RunManifest],
    workspace: PackedWorkspace,
    skipped: list[str],
) -> str:
    """Hold the frozen rules against the workspace in the pack and against the runs before.

    Raises CheckFailed where a rule changed after data was seen and nothing says so.
    """
    told: list[str] = []
    for verdict in verdicts:
        gate = frozen_gate(verdict, manifest, f"verdicts/{verdict.gate}.json")
        if gate.id not in workspace.gates or workspace.gates[gate.id] == gate.digest:
            continue
        present = workspace.gates[gate.id]
        if present is None:
            skipped.append(f"whether the rules of {gate.id} changed: the workspace's do not read")
            continue
        templated = gate.id in workspace.templated
        if any(
            item.recorded == gate.digest and (templated or item.present == present) for item in verdict.stale
        ):
            told.append(f"gate {gate.id} changed after data was seen, and the verdict says so")
        elif templated:
            skipped.append(
                f"whether the rules of {gate.id} changed: its template may be that of another version"
            )
        else:
            raise CheckFailed(
                f"the workspace's rules of gate {gate.id} are not those that were frozen before the run, "
                "and the verdict does not say so",
                where=f"verdicts/{gate.id}.json",
                hint="run the gate again before the report",
            )
    told.extend(_earlier_runs(manifest, earlier))
    frozen = f"{len(manifest.gates)} gate{'' if len(manifest.gates) == 1 else 's'} as frozen before the run"
    return "; ".join((frozen, *told))


def _earlier_runs(manifest: RunManifest, earlier: Sequence[RunManifest]) -> list[str]:
    """What must be told of the runs before this one of the same system; they come nearest first."""
    same = [item for item in earlier if item.system.fingerprint == manifest.system.fingerprint]
    # Who explored may repeat: no gate reads that.
    repeated = [item for item in same if item.purpose != "exploratory"]
    rules = [gate.digest for gate in manifest.gates]
    under_other = [item for item in same if [gate.digest for gate in item.gates] != rules]
    under_same = [item for item in repeated if [gate.digest for gate in item.gates] == rules]
    told = []
    for runs, words, text in (
        (under_other, _OTHER_RULES, "the same system was run under other rules before: a new candidate"),
        (under_same, _SAME_RULES, "this candidate was run before"),
    ):
        if not runs:
            continue
        # Manifests of before the candidate was recorded could not know.
        if manifest.candidate and not any(words in note for note in manifest.notes):
            raise CheckFailed(
                f"{text} (run {runs[0].run_id}), and the manifest does not say so", where="run/manifest.json"
            )
        told.append(f"{text} ({len(runs)} in the pack's chain, last {runs[0].run_id})")
    return told
