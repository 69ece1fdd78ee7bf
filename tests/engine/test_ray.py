"""The Ray executor on a real local cluster of two nodes: the same log as the local executor."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from safecase.base import InfrastructureError, InputError
from safecase.engine import RayExecutor, ResponseCache, RunFolder, build_plan, resume_run, run_plan
from safecase.engine.status import RunState
from safecase.model import FailureKind, TargetFailure
from support.cases import cases
from support.run_requests import FAST, CountingGate, log, request
from support.targets import FakeTarget

pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.ray_cluster,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Ray is NOT installed: the Ray executor is not tested (pip install 'safecase[ray]')",
    ),
]
TESTS = str(Path(__file__).resolve().parent.parent)


@pytest.fixture(scope="module")
def cluster():
    import ray
    from ray.cluster_utils import Cluster

    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    nodes = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False},
    )
    nodes.add_node(num_cpus=1, object_store_memory=80_000_000)
    ray.init(address=nodes.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": TESTS}})
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def dies_once(request, number):
    """Kills its process at one case, once: the marker file says that it was done."""
    marker = Path(os.environ.get("TMPDIR", "/tmp")) / f"safecase-died-{request.conversation_id[:23]}"
    if request.case_id == "case-00050" and not marker.exists():
        marker.touch()
        os._exit(1)


def out_of_order(request, number):
    raise TargetFailure("refused", kind=FailureKind.CONNECTION, retryable=True)


class UnreachableTarget(FakeTarget):
    async def start(self) -> None:
        raise TargetFailure("connection refused", kind=FailureKind.CONNECTION)


async def test_two_nodes_give_the_log_of_one_process(cluster, tmp_path) -> None:
    plan = build_plan(cases(150, families=60), seed=5, repeats=2)
    local = await run_plan(request(tmp_path, plan))
    executor = RayExecutor(2)
    spread = await run_plan(request(tmp_path, plan, executor=executor, target=FakeTarget(delay=0.002)))
    assert len(set(executor.nodes)) == 2
    assert spread.status.state is RunState.COMPLETE
    assert log(spread) == log(local)
    assert spread.status.calls == local.status.calls
    assert spread.manifest.draw_order_digest == local.manifest.draw_order_digest


async def test_the_gate_watches_at_the_head_in_draw_order(cluster, tmp_path) -> None:
    plan = build_plan(cases(600), seed=5)
    gate = CountingGate(80)
    folder = await run_plan(
        request(
            tmp_path,
            plan,
            executor=RayExecutor(2),
            target=FakeTarget(delay=0.002),
            streaming_gate=lambda _: gate,
        )
    )
    assert [summary.draw for summary in gate.seen][:80] == list(range(80))
    assert folder.status.state is RunState.COMPLETE
    assert folder.status.recorded < 80 + 2 * 100
    assert folder.status.recorded + folder.status.skipped == 600


async def test_a_budget_is_kept_across_workers_and_the_run_resumes_locally(cluster, tmp_path) -> None:
    plan = build_plan(cases(100), seed=5)
    limits = FAST.model_copy(update={"maximum_calls": 33})
    folder = await run_plan(request(tmp_path, plan, executor=RayExecutor(2), limits=limits))
    assert folder.status.state is RunState.STOPPED
    assert folder.status.calls == folder.status.recorded == 33
    assert "33 calls" in folder.status.reason
    finished = await resume_run(folder.path, request(tmp_path, plan))
    assert log(finished) == log(await run_plan(request(tmp_path, plan)))


async def test_a_worker_that_dies_loses_nothing(cluster, tmp_path) -> None:
    plan = build_plan(cases(100), seed=5)
    folder = await run_plan(request(tmp_path, plan, executor=RayExecutor(2), target=FakeTarget(dies_once)))
    marker = Path(os.environ.get("TMPDIR", "/tmp")) / f"safecase-died-{folder.manifest.run_id}"
    assert marker.exists()
    marker.unlink()
    assert log(folder) == log(await run_plan(request(tmp_path, plan)))


async def test_a_target_that_is_down_stops_the_run(cluster, tmp_path) -> None:
    with pytest.raises(InfrastructureError, match="does not answer"):
        await run_plan(
            request(tmp_path, cases(300), executor=RayExecutor(2), target=FakeTarget(out_of_order))
        )
    with pytest.raises(InfrastructureError, match="connection refused"):
        await run_plan(request(tmp_path, cases(300), executor=RayExecutor(2), target=UnreachableTarget()))


async def test_the_cache_is_refused(cluster, tmp_path) -> None:
    cache = ResponseCache(tmp_path / "cache.sqlite")
    with pytest.raises(InputError, match="do not go together"):
        await run_plan(request(tmp_path / "runs", cases(3), executor=RayExecutor(2), cache=cache))
    assert RunFolder.open(next((tmp_path / "runs").iterdir())).status.state is RunState.FAILED
    cache.close()
