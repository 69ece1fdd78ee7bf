"""From run logs to a verdict: rules, tests, estimates, and a sentence for each."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.gate._rates.limits import failure_bound as failure_bound
    from safecase.gate._tries.carried import families_by_slice as families_by_slice
    from safecase.gate.baseline import BaselineRun as BaselineRun
    from safecase.gate.compare import RunComparison as RunComparison
    from safecase.gate.compare import compare_runs as compare_runs
    from safecase.gate.compare import majority_violated as majority_violated
    from safecase.gate.coverage import by_severity as by_severity
    from safecase.gate.coverage import case_spread as case_spread
    from safecase.gate.coverage import risk_coverage as risk_coverage
    from safecase.gate.estimates import from_interval as from_interval
    from safecase.gate.estimates import rate_estimate as rate_estimate
    from safecase.gate.forecasting import GateForecast as GateForecast
    from safecase.gate.forecasting import forecast as forecast
    from safecase.gate.label_sheets import sheet_for as sheet_for
    from safecase.gate.labels import COLUMNS as COLUMNS
    from safecase.gate.labels import parse_labels as parse_labels
    from safecase.gate.metrics._metric import Metric as Metric
    from safecase.gate.metrics._metric import RunReading as RunReading
    from safecase.gate.metrics._quantity import LatencyMetric as LatencyMetric
    from safecase.gate.metrics._quantity import QuantityMetric as QuantityMetric
    from safecase.gate.metrics._rate import RateMetric as RateMetric
    from safecase.gate.outcomes import ERROR as ERROR
    from safecase.gate.outcomes import HELD as HELD
    from safecase.gate.outcomes import UNDETERMINED as UNDETERMINED
    from safecase.gate.outcomes import VIOLATED as VIOLATED
    from safecase.gate.rule_slices import RuleSlice as RuleSlice
    from safecase.gate.rule_slices import about_population as about_population
    from safecase.gate.rule_slices import case_mask as case_mask
    from safecase.gate.rule_slices import connected_risks as connected_risks
    from safecase.gate.rule_slices import stakes as stakes
    from safecase.gate.slice_results import made_codes as made_codes
    from safecase.gate.slice_results import slice_result as slice_result
    from safecase.gate.slice_results import status_against as status_against
    from safecase.gate.streaming import StreamingEvaluation as StreamingEvaluation
    from safecase.gate.verdict import conclude as conclude
    from safecase.gate.verdict import evaluate_gate as evaluate_gate
else:
    __getattr__, __dir__ = lazy_exports(__name__)
