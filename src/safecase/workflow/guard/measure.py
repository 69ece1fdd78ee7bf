"""What a guard is worth: the same suite with and without it, and each hypothesis' verdict."""

from __future__ import annotations

from typing import Literal

import numpy as np

from safecase.base import InputError, Record
from safecase.engine import SummaryColumns
from safecase.gate import RunComparison, compare_runs, majority_violated
from safecase.model import (
    Control,
    Estimate,
    Hypothesis,
    Purpose,
    Selector,
    counted,
    number,
    with_interval,
)
from safecase.stats import quantile_interval
from safecase.workflow._display import Display
from safecase.workflow._project import Project
from safecase.workflow.guard._paired import PairedRun, measure_fall, run_whole
from safecase.workflow.pools._sealing import require_opened
from safecase.workflow.run import RunOptions
from safecase.workspace import select_cases

Conclusion = Literal["supported", "refuted", "inconclusive"]


class HypothesisResult(Record):
    """The verdict on what a control was expected to do."""

    control: str
    statement: str
    cases: int
    effect: Estimate | None
    """Fall of the violation rate, in points as a share; positive is better."""
    over_refusal: Estimate | None
    """Rise of over-refusal, in points as a share; negative is better."""
    conclusion: Conclusion
    sentence: str


class LatencyChange(Record):
    """How long an attempt took, without and with the guard, in milliseconds."""

    median_before: Estimate
    median_after: Estimate
    p95_before: Estimate
    p95_after: Estimate


class GuardMeasurement(Record):
    """The same suite with and without the guard, paired by case."""

    run_before: str
    run_after: str
    slices: tuple[RunComparison, ...]
    latency: LatencyChange
    hypotheses: tuple[HypothesisResult, ...]


def measure_guard(
    project: Project, options: RunOptions, display: Display, *, before: str = ""
) -> GuardMeasurement:
    """Run the suite without and with the guard, or with it only where ``before`` names the earlier run."""
    if before:
        folder = project.run_folder(before)
        require_opened(project.history(), folder, "measuring a guard against it")
        first = PairedRun(folder, folder.cases(), folder.columns())
    else:
        first = run_whole(project, options, display, guard=False)
    second = run_whole(project, options, display, guard=True, without=options.settings.guard_without)
    rows = compare_runs((first.cases, first.columns), (second.cases, second.columns))
    return GuardMeasurement(
        run_before=first.run_id,
        run_after=second.run_id,
        slices=rows,
        latency=_latency(first.columns, second.columns),
        hypotheses=tuple(
            judge_hypothesis(project, control, control.hypothesis, first, second)
            for control in project.workspace.controls
            if control.hypothesis is not None
        ),
    )


def _latency(before: SummaryColumns, after: SummaryColumns) -> LatencyChange:
    def at(columns: SummaryColumns, share: float) -> Estimate:
        values = columns.latency_ms[np.isfinite(columns.latency_ms)]
        if not len(values):
            raise InputError("no attempt has a latency")
        interval = quantile_interval(values, share)
        # The extreme quantile of few attempts has no finite limit; the largest value stands for it then.
        upper = interval.upper if np.isfinite(interval.upper) else float(values.max())
        lower = interval.lower if np.isfinite(interval.lower) else float(values.min())
        return Estimate(
            value=interval.value, lower=min(lower, interval.value), upper=max(upper, interval.value),
            confidence=interval.confidence, method=interval.method, n=interval.n, unit="ms",
        )  # fmt: skip

    return LatencyChange(
        median_before=at(before, 0.5),
        median_after=at(after, 0.5),
        p95_before=at(before, 0.95),
        p95_after=at(after, 0.95),
    )


def judge_hypothesis(
    project: Project, control: Control, hypothesis: Hypothesis, before: PairedRun, after: PairedRun
) -> HypothesisResult:
    """Whether the control did what was said of it, by the paired difference on its tests."""
    tests = hypothesis.tests or control.efficacy or tuple(f"risk:{risk}" for risk in control.risks)
    wanted = {
        case.id
        for test in tests
        for case in select_cases(project.workspace, Selector.parse(test, where=f"control '{control.id}'"))
    }
    earlier, later = (
        majority_violated(before.cases, before.columns),
        majority_violated(after.cases, after.columns),
    )
    benign = {case.id for case in after.cases if case.purpose is Purpose.USE}
    shared = [name for name in later if name in earlier]
    tested = [name for name in shared if name in wanted and name not in benign]
    refusable = [name for name in shared if name in benign]
    effect = measure_fall(earlier, later, tested, hypothesis.confidence)
    rise = measure_fall(later, earlier, refusable, hypothesis.confidence)
    conclusion, sentence = _conclude(hypothesis, effect, rise, len(tested))
    return HypothesisResult(
        control=control.id,
        statement=hypothesis.statement,
        cases=len(tested),
        effect=effect,
        over_refusal=rise,
        conclusion=conclusion,
        sentence=sentence,
    )


def _conclude(
    hypothesis: Hypothesis, effect: Estimate | None, rise: Estimate | None, cases: int
) -> tuple[Conclusion, str]:
    """Whether the guard does what its hypothesis says, at the price that it allows."""
    if effect is None:
        return "inconclusive", "None of its tests was decided in both runs."
    said = (
        f"Violations fell by {with_interval(effect, signed=False)} on {counted(cases, 'case')}, "
        f"at least {number(100 * hypothesis.minimum_effect, 6)} were expected"
    )
    cost = ""
    too_dear = open_cost = False
    if rise is not None:
        cost = (
            f"; over-refusal rose by {with_interval(rise, signed=False)}, at most "
            f"{number(100 * hypothesis.maximum_over_refusal, 6)} were allowed"
        )
        too_dear = rise.lower > hypothesis.maximum_over_refusal
        open_cost = rise.upper > hypothesis.maximum_over_refusal
    elif hypothesis.maximum_over_refusal < 1:
        open_cost, cost = True, "; over-refusal was not tested"
    sentence = f"{said}{cost}."
    if effect.upper < hypothesis.minimum_effect or effect.upper <= 0 or too_dear:
        return "refuted", sentence
    # An effect of nothing at all is not what anybody expects of a control.
    if effect.lower >= hypothesis.minimum_effect and effect.lower > 0 and not open_cost:
        return "supported", sentence
    return "inconclusive", sentence
