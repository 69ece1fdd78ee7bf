"""One use case for each thing that a person asks for."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.workflow.calibrating import calibrate_scorer as calibrate_scorer
    from safecase.workflow.checking import check_workspace as check_workspace
    from safecase.workflow.checking import project_graph as project_graph
    from safecase.workflow.deciding import decide as decide
    from safecase.workflow.deciding import exit_code as exit_code
    from safecase.workflow.deciding import read_verdict as read_verdict
    from safecase.workflow.deciding import sign_decision as sign_decision
    from safecase.workflow.demonstration import demonstrate as demonstrate
    from safecase.workflow.guard_calibration import TrafficColumns as TrafficColumns
    from safecase.workflow.guard_calibration import calibrate_check as calibrate_check
    from safecase.workflow.guard_calibration import write_curve as write_curve
    from safecase.workflow.guarded import workspace_guard as workspace_guard
    from safecase.workflow.guarding import ablate as ablate
    from safecase.workflow.guarding import measure as measure
    from safecase.workflow.navigator import atlas_layer as atlas_layer
    from safecase.workflow.planning import forecast_run as forecast_run
    from safecase.workflow.plugins import PluginRow as PluginRow
    from safecase.workflow.plugins import list_plugins as list_plugins
    from safecase.workflow.project import Project as Project
    from safecase.workflow.reporting import write_report as write_report
    from safecase.workflow.running import PreparedRun as PreparedRun
    from safecase.workflow.running import RunOptions as RunOptions
    from safecase.workflow.running import execute as execute
    from safecase.workflow.running import prepare as prepare
    from safecase.workflow.running import prepare_resume as prepare_resume
else:
    __getattr__, __dir__ = lazy_exports(__name__)
