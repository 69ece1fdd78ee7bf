"""What each part of a guard adds: the same suite with one part off in turn."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.base import InputError, Record
from safecase.gate import majority_violated
from safecase.guard import LAYERS, GuardCheck
from safecase.model import ControlLayer, Estimate, FlowPoint, Purpose, Severity
from safecase.workflow._display import Display
from safecase.workflow._project import Project
from safecase.workflow.guard._paired import measure_fall, run_whole
from safecase.workflow.guard.build import workspace_guard
from safecase.workflow.run import RunOptions


class LayerContribution(Record):
    """What is lost when one part of the guard is off."""

    part: str
    """A layer or a check."""
    checks: tuple[str, ...]
    run: str
    violated: int
    """Cases violated with this part off."""
    opened: tuple[str, ...]
    """Cases that only this part held."""
    opened_severe: int
    """Of them, of severity sev1."""
    change: Estimate
    """Rise of the violation rate with this part off, paired by case."""
    over_refusals_mended: int
    """Benign cases that this part alone refuses."""


class Ablation(Record):
    """What each part of the guard adds, and which single failure opens the door."""

    run_without: str
    run_with: str
    cases: int
    violated_without: int
    violated_with: int
    parts: tuple[LayerContribution, ...]
    single_points_of_failure: dict[str, tuple[str, ...]]
    """Risk → parts whose failure alone opens a sev1 case of it."""


def ablate_guard(project: Project, options: RunOptions, display: Display, *, by: str = "layer") -> Ablation:
    """Run the suite without the guard, with it, and with each of its parts off in turn.

    ``by``: ``layer`` or ``check``. Raises InputError for another word.
    """
    if by not in ("layer", "check"):
        raise InputError(f"the guard has no parts by '{by}'", hint="layer or check")
    parts = _parts(workspace_guard(project).checks, by)
    without = run_whole(project, options, display, guard=False)
    whole = run_whole(project, options, display, guard=True, without=options.settings.guard_without)
    bare, held = (majority_violated(run.cases, run.columns) for run in (without, whole))
    by_id = {case.id: case for case in whole.cases}
    contributions = []
    failing: dict[str, list[str]] = {}
    for part, checks in parts.items():
        run = run_whole(project, options, display, guard=True, without=checks)
        off = majority_violated(run.cases, run.columns)
        shared = [name for name in off if name in held]
        harmful = [name for name in shared if by_id[name].purpose is Purpose.HARM]
        opened = tuple(sorted(name for name in harmful if off[name] and not held[name]))
        severe = [name for name in opened if by_id[name].severity is Severity.SEV1]
        for risk in sorted({by_id[name].risk for name in severe}):
            failing.setdefault(risk, []).append(part)
        change = measure_fall(off, held, harmful, 0.95)
        if change is None:
            raise InputError("the runs share no decided harmful case", hint="select cases that attack")
        contributions.append(
            LayerContribution(
                part=part,
                checks=checks,
                run=run.run_id,
                violated=sum(off[name] for name in harmful),
                opened=opened,
                opened_severe=len(severe),
                change=change,
                over_refusals_mended=sum(
                    held[name] and not off[name] for name in shared if by_id[name].purpose is Purpose.USE
                ),
            )
        )
    harmful_ids = {case.id for case in whole.cases if case.purpose is Purpose.HARM}
    return Ablation(
        run_without=without.run_id,
        run_with=whole.run_id,
        cases=len(harmful_ids),
        violated_without=sum(bare[name] for name in bare if name in harmful_ids),
        violated_with=sum(held[name] for name in held if name in harmful_ids),
        parts=tuple(contributions),
        single_points_of_failure={risk: tuple(names) for risk, names in failing.items()},
    )


def _parts(checks: Sequence[GuardCheck], by: str) -> dict[str, tuple[str, ...]]:
    """What is left out each time, by name: a check, or all checks of a layer."""
    if by == "check":
        return {check.id: (check.id,) for check in checks}
    parts: dict[str, list[str]] = {}
    for check in checks:
        layer = check.layer or _layer_of(check)
        parts.setdefault(layer.value, []).append(check.id)
    return {layer: tuple(names) for layer, names in parts.items()}


def _layer_of(check: GuardCheck) -> ControlLayer:
    """The layer of the first surface that the check looks at, in the order of a conversation."""
    return next(LAYERS[surface] for surface in FlowPoint if check.looks_at(surface))
