"""From run logs to a verdict: rules, tests, estimates, and a sentence for each."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.gate.compare import RunComparison as RunComparison
    from safecase.gate.compare import compare_runs as compare_runs
    from safecase.gate.compare import majority_violated as majority_violated
    from safecase.gate.display import from_interval as from_interval
    from safecase.gate.display import rate_estimate as rate_estimate
    from safecase.gate.label_sheets import sheet_for as sheet_for
    from safecase.gate.labels import COLUMNS as COLUMNS
    from safecase.gate.labels import parse_labels as parse_labels
    from safecase.gate.measures import BaselineRun as BaselineRun
    from safecase.gate.plan import GateForecast as GateForecast
    from safecase.gate.plan import forecast as forecast
    from safecase.gate.populations import case_mask as case_mask
    from safecase.gate.rates import ERROR as ERROR
    from safecase.gate.rates import HELD as HELD
    from safecase.gate.rates import UNDETERMINED as UNDETERMINED
    from safecase.gate.rates import VIOLATED as VIOLATED
    from safecase.gate.streaming import StreamingEvaluation as StreamingEvaluation
    from safecase.gate.verdict import evaluate_gate as evaluate_gate
else:
    __getattr__, __dir__ = lazy_exports(__name__)
