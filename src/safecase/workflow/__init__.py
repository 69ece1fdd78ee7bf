"""One use case for each thing that a person asks for, in a file named like its command."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.workflow._project import Project as Project
    from safecase.workflow.calibrate import calibrate_scorer as calibrate_scorer
    from safecase.workflow.catalog import atlas_layer as atlas_layer
    from safecase.workflow.catalog import count_statuses as count_statuses
    from safecase.workflow.catalog import list_catalogs as list_catalogs
    from safecase.workflow.catalog import update_catalog as update_catalog
    from safecase.workflow.check import check_workspace as check_workspace
    from safecase.workflow.compare import Comparison as Comparison
    from safecase.workflow.compare import compare_recorded as compare_recorded
    from safecase.workflow.decisions.keys import KeyRow as KeyRow
    from safecase.workflow.decisions.keys import add_key as add_key
    from safecase.workflow.decisions.keys import list_keys as list_keys
    from safecase.workflow.decisions.keys import new_person_key as new_person_key
    from safecase.workflow.decisions.recommend import recommend_verdicts as recommend_verdicts
    from safecase.workflow.decisions.sign import plan_decision as plan_decision
    from safecase.workflow.decisions.sign import sign_decision as sign_decision
    from safecase.workflow.demo import demonstrate as demonstrate
    from safecase.workflow.gate import changes_since_decision as changes_since_decision
    from safecase.workflow.gate import decide as decide
    from safecase.workflow.gate import evaluate as evaluate
    from safecase.workflow.gate import evaluate_one as evaluate_one
    from safecase.workflow.gate import exit_code as exit_code
    from safecase.workflow.guard.ablate import ablate_guard as ablate_guard
    from safecase.workflow.guard.build import workspace_guard as workspace_guard
    from safecase.workflow.guard.calibrate import TrafficColumns as TrafficColumns
    from safecase.workflow.guard.calibrate import calibrate_check as calibrate_check
    from safecase.workflow.guard.calibrate import write_curve as write_curve
    from safecase.workflow.guard.check import inspect_text as inspect_text
    from safecase.workflow.guard.list import list_checks as list_checks
    from safecase.workflow.guard.measure import measure_guard as measure_guard
    from safecase.workflow.plan import forecast_run as forecast_run
    from safecase.workflow.plugins import PluginRow as PluginRow
    from safecase.workflow.plugins import list_plugins as list_plugins
    from safecase.workflow.pools._sealing import seal_status as seal_status
    from safecase.workflow.pools._state import PoolReport as PoolReport
    from safecase.workflow.pools._state import RuleTries as RuleTries
    from safecase.workflow.pools.certify import prepare_certification as prepare_certification
    from safecase.workflow.pools.open import open_families as open_families
    from safecase.workflow.pools.open import plan_opening as plan_opening
    from safecase.workflow.report import write_report as write_report
    from safecase.workflow.run import PreparedRun as PreparedRun
    from safecase.workflow.run import RunOptions as RunOptions
    from safecase.workflow.run import execute as execute
    from safecase.workflow.run import prepare as prepare
    from safecase.workflow.run import prepare_resume as prepare_resume
    from safecase.workflow.set_aside import set_aside_run as set_aside_run
    from safecase.workflow.show import count_coverage as count_coverage
    from safecase.workflow.show import find_attempt as find_attempt
    from safecase.workflow.show import list_runs as list_runs
    from safecase.workflow.show import project_graph as project_graph
    from safecase.workflow.verify.pack import verify_pack as verify_pack
else:
    __getattr__, __dir__ = lazy_exports(__name__)
