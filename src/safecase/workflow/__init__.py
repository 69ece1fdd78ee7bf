"""One use case for each thing that a person asks for."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.workflow._project import Project as Project
    from safecase.workflow.calibrate import calibrate_scorer as calibrate_scorer
    from safecase.workflow.catalog import atlas_layer as atlas_layer
    from safecase.workflow.check import check_workspace as check_workspace
    from safecase.workflow.check import project_graph as project_graph
    from safecase.workflow.demo import demonstrate as demonstrate
    from safecase.workflow.gate import decide as decide
    from safecase.workflow.gate import exit_code as exit_code
    from safecase.workflow.gate import read_verdict as read_verdict
    from safecase.workflow.gate import sign_decision as sign_decision
    from safecase.workflow.guard.build import workspace_guard as workspace_guard
    from safecase.workflow.guard.calibrate import TrafficColumns as TrafficColumns
    from safecase.workflow.guard.calibrate import calibrate_check as calibrate_check
    from safecase.workflow.guard.calibrate import write_curve as write_curve
    from safecase.workflow.guard.measure import ablate as ablate
    from safecase.workflow.guard.measure import measure as measure
    from safecase.workflow.plan import forecast_run as forecast_run
    from safecase.workflow.report import write_report as write_report
    from safecase.workflow.run import PreparedRun as PreparedRun
    from safecase.workflow.run import RunOptions as RunOptions
    from safecase.workflow.run import execute as execute
    from safecase.workflow.run import prepare as prepare
    from safecase.workflow.run import prepare_resume as prepare_resume
else:
    __getattr__, __dir__ = lazy_exports(__name__)
