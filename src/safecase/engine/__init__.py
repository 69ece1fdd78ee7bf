"""From a plan to a run folder: draw order, calls within limits, the journal, resume."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.engine.calls.response_cache import ResponseCache as ResponseCache
    from safecase.engine.executors.local import LocalExecutor as LocalExecutor
    from safecase.engine.executors.protocol import Executor as Executor
    from safecase.engine.executors.ray import RayExecutor as RayExecutor
    from safecase.engine.heap import settled_heap as settled_heap
    from safecase.engine.nonces import Nonce as Nonce
    from safecase.engine.nonces import draw_own_nonce as draw_own_nonce
    from safecase.engine.nonces import registrar as registrar
    from safecase.engine.plan import PlanDraft as PlanDraft
    from safecase.engine.plan import RunPlan as RunPlan
    from safecase.engine.plan import build_plan as build_plan
    from safecase.engine.plan import derive_seed as derive_seed
    from safecase.engine.plan import has_derived_order as has_derived_order
    from safecase.engine.progress import Progress as Progress
    from safecase.engine.progress import ProgressCallback as ProgressCallback
    from safecase.engine.request import RunRequest as RunRequest
    from safecase.engine.results_check import check_results as check_results
    from safecase.engine.results_check import comparison as comparison
    from safecase.engine.run import BegunRun as BegunRun
    from safecase.engine.run import begin_run as begin_run
    from safecase.engine.run import event_loop as event_loop
    from safecase.engine.run import is_active as is_active
    from safecase.engine.run import resume_run as resume_run
    from safecase.engine.run import run_begun as run_begun
    from safecase.engine.run import run_plan as run_plan
    from safecase.engine.run_folder import MANIFEST_NAME as MANIFEST_NAME
    from safecase.engine.run_folder import RunFolder as RunFolder
    from safecase.engine.run_folder import case_line as case_line
    from safecase.engine.status import RunState as RunState
    from safecase.engine.status import RunStatus as RunStatus
    from safecase.engine.status import write_file as write_file
    from safecase.engine.store import is_forgetful as is_forgetful
    from safecase.engine.store import is_remote as is_remote
    from safecase.engine.store import local_path as local_path
    from safecase.engine.store import publish_file as publish_file
    from safecase.engine.store import remote_runs as remote_runs
    from safecase.engine.summary import OUTCOME_CODES as OUTCOME_CODES
    from safecase.engine.summary import SummaryColumns as SummaryColumns
else:
    __getattr__, __dir__ = lazy_exports(__name__)
