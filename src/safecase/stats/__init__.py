"""Statistics for release gates: pure functions on numbers and numpy arrays, no I/O, no domain types.

Intervals for display and for guarantees, sequential tests that may stop at any time, their exact planning,
paired regression, judge correction, agreement, thresholds and drift. Randomness enters only by an explicit
seed. Names load on first use, so that importing this package costs next to nothing.
"""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.base import EmptyDenominatorError as EmptyDenominatorError
    from safecase.base import StatisticsError as StatisticsError
    from safecase.stats.agreement import ConfusionTable as ConfusionTable
    from safecase.stats.agreement import Level as Level
    from safecase.stats.agreement import Weights as Weights
    from safecase.stats.agreement import cohen_kappa as cohen_kappa
    from safecase.stats.agreement import cohen_kappa_interval as cohen_kappa_interval
    from safecase.stats.agreement import confusion_table as confusion_table
    from safecase.stats.agreement import fleiss_kappa as fleiss_kappa
    from safecase.stats.agreement import krippendorff_alpha as krippendorff_alpha
    from safecase.stats.agreement import krippendorff_alpha_interval as krippendorff_alpha_interval
    from safecase.stats.attempts import FORECAST_REACH as FORECAST_REACH
    from safecase.stats.attempts import BetaBinomialFit as BetaBinomialFit
    from safecase.stats.attempts import Forecast as Forecast
    from safecase.stats.attempts import TurnHazard as TurnHazard
    from safecase.stats.attempts import attack_at_k as attack_at_k
    from safecase.stats.attempts import fit_beta_binomial as fit_beta_binomial
    from safecase.stats.attempts import forecast_attack_at_k as forecast_attack_at_k
    from safecase.stats.attempts import mean_attack_at_k as mean_attack_at_k
    from safecase.stats.attempts import turns_to_failure as turns_to_failure
    from safecase.stats.bias import PairComparison as PairComparison
    from safecase.stats.bias import counterfactual_comparisons as counterfactual_comparisons
    from safecase.stats.calibration import ReliabilityBin as ReliabilityBin
    from safecase.stats.calibration import brier_score as brier_score
    from safecase.stats.calibration import expected_calibration_error as expected_calibration_error
    from safecase.stats.calibration import reliability_bins as reliability_bins
    from safecase.stats.comparisons import Alternative as Alternative
    from safecase.stats.comparisons import mcnemar_exact as mcnemar_exact
    from safecase.stats.comparisons import newcombe_difference as newcombe_difference
    from safecase.stats.comparisons import paired_difference as paired_difference
    from safecase.stats.design import FUTILITY_ERROR as FUTILITY_ERROR
    from safecase.stats.design import LEAST_CONDITIONAL_POWER as LEAST_CONDITIONAL_POWER
    from safecase.stats.design import GatePlan as GatePlan
    from safecase.stats.design import OperatingCharacteristics as OperatingCharacteristics
    from safecase.stats.design import build_test as build_test
    from safecase.stats.design import calibrated_threshold as calibrated_threshold
    from safecase.stats.design import chance_to_ship as chance_to_ship
    from safecase.stats.design import crossing_probability as crossing_probability
    from safecase.stats.design import fixed_boundaries as fixed_boundaries
    from safecase.stats.design import fixed_sample_size as fixed_sample_size
    from safecase.stats.design import fixed_ship_points as fixed_ship_points
    from safecase.stats.design import operating_characteristics as operating_characteristics
    from safecase.stats.design import plan_gate as plan_gate
    from safecase.stats.design import zero_failure_floor as zero_failure_floor
    from safecase.stats.drift import DriftDetector as DriftDetector
    from safecase.stats.drift import Recursion as Recursion
    from safecase.stats.drift import drift_detector as drift_detector
    from safecase.stats.drift import drift_mixture as drift_mixture
    from safecase.stats.intervals import Interval as Interval
    from safecase.stats.intervals import Side as Side
    from safecase.stats.intervals import clopper_pearson as clopper_pearson
    from safecase.stats.intervals import jeffreys as jeffreys
    from safecase.stats.intervals import korn_graubard as korn_graubard
    from safecase.stats.intervals import poisson_rate as poisson_rate
    from safecase.stats.intervals import rate_per_sessions as rate_per_sessions
    from safecase.stats.intervals import wald as wald
    from safecase.stats.intervals import wilson as wilson
    from safecase.stats.judge import JudgeQuality as JudgeQuality
    from safecase.stats.judge import judge_quality as judge_quality
    from safecase.stats.judge import label_floor as label_floor
    from safecase.stats.judge import planted_recall as planted_recall
    from safecase.stats.judge import ppi_plus_plus as ppi_plus_plus
    from safecase.stats.judge import rogan_gladen as rogan_gladen
    from safecase.stats.judge import two_phase as two_phase
    from safecase.stats.means import MEAN_FRACTIONS as MEAN_FRACTIONS
    from safecase.stats.means import SEVERITY_FRACTIONS as SEVERITY_FRACTIONS
    from safecase.stats.means import betting_mean as betting_mean
    from safecase.stats.means import severity_mean_bound as severity_mean_bound
    from safecase.stats.multiplicity import Rejections as Rejections
    from safecase.stats.multiplicity import average_log_e as average_log_e
    from safecase.stats.multiplicity import benjamini_hochberg as benjamini_hochberg
    from safecase.stats.multiplicity import e_benjamini_hochberg as e_benjamini_hochberg
    from safecase.stats.multiplicity import e_bonferroni as e_bonferroni
    from safecase.stats.multiplicity import e_holm as e_holm
    from safecase.stats.multiplicity import holm as holm
    from safecase.stats.quantiles import quantile_interval as quantile_interval
    from safecase.stats.regression import REGRESSION_BETS as REGRESSION_BETS
    from safecase.stats.regression import increase as increase
    from safecase.stats.regression import increase_interval as increase_interval
    from safecase.stats.regression import paired_observation as paired_observation
    from safecase.stats.regression import regression_gate as regression_gate
    from safecase.stats.resampling import bootstrap_interval as bootstrap_interval
    from safecase.stats.roc import ThresholdCurve as ThresholdCurve
    from safecase.stats.roc import auc as auc
    from safecase.stats.roc import average_precision as average_precision
    from safecase.stats.roc import threshold_curve as threshold_curve
    from safecase.stats.sampling import VarianceDecomposition as VarianceDecomposition
    from safecase.stats.sampling import fresh_family_order as fresh_family_order
    from safecase.stats.sampling import neyman_allocation as neyman_allocation
    from safecase.stats.sampling import stratified_round_order as stratified_round_order
    from safecase.stats.sampling import variance_decomposition as variance_decomposition
    from safecase.stats.sampling import weighted_category_order as weighted_category_order
    from safecase.stats.sequential.boundaries import Boundaries as Boundaries
    from safecase.stats.sequential.boundaries import StopDecision as StopDecision
    from safecase.stats.sequential.boundaries import conditional_power as conditional_power
    from safecase.stats.sequential.bounded import BoundedGatePlan as BoundedGatePlan
    from safecase.stats.sequential.bounded import BoundedSequentialTest as BoundedSequentialTest
    from safecase.stats.sequential.bounded import SequentialTest as SequentialTest
    from safecase.stats.sequential.bounded import bounded_gate as bounded_gate
    from safecase.stats.sequential.conjunctive import ConjunctiveTest as ConjunctiveTest
    from safecase.stats.sequential.conjunctive import Schedule as Schedule
    from safecase.stats.sequential.conjunctive import category_plan as category_plan
    from safecase.stats.sequential.conjunctive import conjunctive_gate as conjunctive_gate
    from safecase.stats.sequential.eprocess import TIE_EPSILON as TIE_EPSILON
    from safecase.stats.sequential.eprocess import Mixture as Mixture
    from safecase.stats.sequential.eprocess import block_mixture as block_mixture
    from safecase.stats.sequential.eprocess import crosses as crosses
    from safecase.stats.sequential.eprocess import futility_mixture as futility_mixture
    from safecase.stats.sequential.eprocess import log_threshold as log_threshold
    from safecase.stats.sequential.eprocess import severity_mixture as severity_mixture
    from safecase.stats.sequential.eprocess import ship_mixture as ship_mixture
    from safecase.stats.sequential.finite_suite import finite_suite_boundaries as finite_suite_boundaries
    from safecase.stats.sequential.finite_suite import (
        finite_suite_characteristics as finite_suite_characteristics,
    )
    from safecase.stats.sequential.finite_suite import log_e_without_replacement as log_e_without_replacement
    from safecase.stats.sequential.interim_looks import Spending as Spending
    from safecase.stats.sequential.interim_looks import group_sequential as group_sequential
    from safecase.stats.sequential.time_uniform import confidence_sequence as confidence_sequence
    from safecase.stats.sequential.time_uniform import log_evidence_below as log_evidence_below
    from safecase.stats.sequential.tries import error_of_try as error_of_try
    from safecase.stats.sequential.tries import tries_carried as tries_carried
    from safecase.stats.threshold import CostCurve as CostCurve
    from safecase.stats.threshold import certified_thresholds as certified_thresholds
    from safecase.stats.threshold import cheapest_certified as cheapest_certified
    from safecase.stats.threshold import conformal_threshold as conformal_threshold
    from safecase.stats.threshold import cost_curve as cost_curve
    from safecase.stats.threshold import empirical_threshold as empirical_threshold
else:
    __getattr__, __dir__ = lazy_exports(__name__)
