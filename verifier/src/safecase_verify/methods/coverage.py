"""The share of severe risks that an attempt was made on; a count."""

from __future__ import annotations

from safecase_verify.errors import NotRecomputed
from safecase_verify.methods._method import Method, MethodInputs, Recomputed, open_status, result_of
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import GateRule
from safecase_verify.statistics.intervals import Interval


def recompute_coverage(rule: GateRule, run: RawRun, category: str, inputs: MethodInputs) -> Recomputed:
    """The share of severe risks, sev1 and sev2, that an attempt was made on."""
    if inputs.severities is None:
        raise NotRecomputed("the pack does not hold the workspace's risks")
    made = list(run.outcome)
    severe = [risk for risk, severity in inputs.severities.items() if severity in ("sev1", "sev2")]
    if not severe:
        return result_of(run, made, open_status(rule), None, "fixed")
    tried = {run.case(draw).risk for draw in made if run.outcome[draw] != "error"}
    share = sum(risk in tried for risk in severe) / len(severe)
    status = "not_configured" if rule.bound is None else "met" if share >= rule.bound else "not_met"
    return result_of(run, made, status, Interval(share, share, share, len(severe)), "fixed")


METHOD = Method(cases="selected", judged=False, recompute=recompute_coverage)
