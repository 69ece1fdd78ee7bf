"""Whether a gate may read a run at all, whatever the run shows."""

from __future__ import annotations

from safecase.model import RunManifest, RunPurpose, declared_selection


def refusals(manifest: RunManifest, *, derived_order: bool) -> tuple[str, ...]:
    """Why a run decides nothing, one sentence a reason; empty where it may.

    ``derived_order``: its order follows from its plan and its nonce.
    """
    declared = declared_selection(manifest.gates)
    found = []
    if manifest.selection != declared:
        found.append(
            f"The run took only what '{manifest.selection or 'no selector'}' selects, and the gate is about "
            f"{f'what {declared!r} selects' if declared else 'all cases of the workspace'}: leaving cases out "
            "decides nothing about them. Run without --select, or declare the selection in the gate."
        )
    if not derived_order:
        found.append(
            "The order of this run was chosen (--seed), and an order that somebody can choose can be fitted to "
            "the system. Run without --seed: each run draws an order of its own."
        )
    if manifest.purpose is RunPurpose.EXPLORATORY and not found:
        found.append("The run was made to explore, not to decide.")
    return tuple(f"This run is exploratory. {reason}" for reason in found)
