"""What a sealed run may say: go, not go, or that its technique failed."""

from __future__ import annotations

from safecase.base import InputError
from safecase.engine import RunFolder, RunState, RunStatus
from safecase.model import OutcomeKind, RunManifest, RunPurpose, Verdict, VerdictKind
from safecase.records import Past, RunHistory

NOT_PASSED = (
    "The certification did not pass. Its results stay sealed, so that no more than this is told: with more, "
    "the next try could be fitted to them."
)
PASSED = (
    "The certification passed. Its results stay sealed; `safecase open` shows them and opens its families."
)
_CONDITIONS = "What it rests on beside its rules is sealed with the results: `safecase open` shows it."


def is_sealed(history: RunHistory, folder: RunFolder) -> bool:
    """Whether a run's results are sealed: a certification, until each of its families was opened."""
    if folder.manifest.purpose is not RunPurpose.CERTIFICATION:
        return False
    cases = folder.cases()
    return {case.family for case in cases} != Past(history).exposure.open_families(cases)


def require_opened(history: RunHistory, folder: RunFolder, what: str) -> None:
    """Raises InputError where a run's results are sealed; ``what`` would show them."""
    if is_sealed(history, folder):
        run_id = folder.manifest.run_id
        raise InputError(
            f"run {run_id} is a certification, and {what} would show its sealed results",
            hint=f"`safecase gate {run_id}` says go or not; `safecase open {run_id}` opens it for good",
        )


def seal_verdict(verdict: Verdict, state: RunState) -> Verdict:
    """The verdict as people hear it of a sealed run: one word, and a technical failure.

    Whether a rule was proven to fail or only not proven to hold is not told: a second kind of *no* would
    double what the next candidate can be fitted to.
    """
    passed = verdict.kind in (VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS)
    failure = technical_failure(verdict, state)
    kind = verdict.kind if passed else VerdictKind.NO_GO
    reasons: tuple[str, ...] = (PASSED if passed else NOT_PASSED,)
    if failure and not passed:
        kind, reasons = VerdictKind.INSUFFICIENT_EVIDENCE, (failure,)
    elif verdict.kind.value == "not_configured":
        kind, reasons = verdict.kind, verdict.reasons
    return verdict.model_copy(
        update={
            "kind": kind,
            "reasons": reasons,
            "conditions": (_CONDITIONS,) if verdict.conditions and passed else (),
            "rules": (),
            "attempts": 0,
            "errors": 0,
            "undetermined": 0,
            "sealed": True,
        }
    )


def technical_failure(verdict: Verdict, state: RunState) -> str:
    """Why a run decides nothing whatever its answers were; empty where it might have."""
    if state is not RunState.COMPLETE:
        return f"The run has not ended ({state.value}): take it up with `safecase resume`."
    if verdict.attempts == verdict.errors:
        return "No attempt brought an answer, so nothing was tested and no try was spent."
    if verdict.stale:
        changed = ", ".join(item.what for item in verdict.stale[:4])
        return f"The evidence is stale: {changed} changed since it was measured."
    return ""


def seal_status(manifest: RunManifest, status: RunStatus) -> tuple[RunStatus, bool]:
    """A run's status as people may read it, and whether something was left out.

    Of a certification it tells its state, and nothing that counts answers; one that had no answer at all has
    nothing to hide.
    """
    errors = status.outcomes.get(OutcomeKind.ERROR.value, 0)
    if manifest.purpose is not RunPurpose.CERTIFICATION or (status.recorded and status.recorded == errors):
        return status, False
    hidden = {
        "recorded": 0,
        "skipped": 0,
        "not_run": 0,
        "outcomes": {},
        "calls": 0,
        "cost_usd": None,
        "attempts_digest": "",
        "reason": "" if status.state is RunState.COMPLETE else status.reason,
    }
    return status.model_copy(update=hidden), True
