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
        about = f"what '{declared}' selects" if declared else "all cases of the workspace"
        found.append(
            f"It tried what '{manifest.selection}' selects, and the gate is about {about}: leaving cases out "
            "decides nothing. Run without --select, or declare the selection in the gate."
        )
    if not derived_order:
        found.append(
            "Its order was chosen (--seed), and an order that somebody chooses can be fitted to the system. "
            "Run without --seed: each run draws an order of its own."
        )
    if manifest.purpose is RunPurpose.EXPLORATORY and not found:
        found.append("It was made to look at something, not to decide.")
    return tuple(f"This run is exploratory. {reason}" for reason in found)
