"""Each metric has a hand of its own in the verifier, and a metric from outside brings both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from safecase.evidence import METHODS
from safecase.gate._proportion_test import make_test
from safecase.model import METRICS, CaseScope
from safecase_verify.methods import built_in_metrics
from safecase_verify.statistics.sequential import family_decision
from support.packages import write_distribution

SCOPES = {
    CaseScope.HARM: "harmful",
    CaseScope.USEFULNESS: "useful",
    CaseScope.GROUPED: "grouped",
    CaseScope.SELECTED: "selected",
    CaseScope.RISKS: "selected",
}
TESTS = Path(__file__).parents[1]


def test_every_metric_has_a_method_and_no_method_is_left_over() -> None:
    assert METHODS.names() == METRICS.names() == built_in_metrics()


@pytest.mark.parametrize("name", METRICS.names())
def test_both_hands_know_the_same_of_a_metric(name: str) -> None:
    metric, method = METRICS.get(name), METHODS.get(name)
    assert method.cases == SCOPES[metric.cases]
    assert method.judged == metric.judged


@pytest.mark.parametrize("families", [1, 2])
def test_a_calibrated_threshold_that_is_met_exactly_is_met_in_both_hands(families: int) -> None:
    """Found by random gates: with a limit of 90 % and 90 % sure, one or two clean families are just
    enough."""
    bound, good, confidence = 0.9, 0.225, 0.9
    test = make_test(
        population="families", bound=bound, good=good, size=families, confidence=confidence, uniform=True,
        independent=True, minimum_n=1,
    )  # fmt: skip
    made = test.first_decision(np.zeros(families, dtype=np.bool_))
    found = family_decision(
        [False] * families, bound=bound, good=good, size=families, alpha=1 - confidence, minimum_n=1,
        uniform=True,
    )  # fmt: skip
    assert (made.kind, made.n) == (found.kind, found.n) == ("ship", 1)


VERIFY = """
import sys
from pathlib import Path
from safecase_verify import verify_pack
report = verify_pack(Path(sys.argv[1]))
assert report.ok, report
loaded = [name for name in sys.modules if name.startswith(("safecase.gate", "safecase.stats"))]
print(sorted(name for name in loaded if not name.startswith("safecase.gate.metrics")))
"""

JUDGE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.cases import case
from evidence.packs import pack
from support.rules import gate, rule
from evidence.run_folders import write_run
from support.verdicts import judge
from safecase.model import METRICS, OutcomeKind
from safecase_verify import verify_pack
rules = [rule(*item) for item in eval(sys.argv[3])]
folder = Path(sys.argv[2])
cases = [case(f"case-{number}") for number in range(40)]
run = write_run(folder, cases, dict.fromkeys(range(40), OutcomeKind.HELD), [gate(*rules)])
verdicts = judge(run)
report = verify_pack(pack(run, folder / "pack.zip", verdicts))
print(report.ok, report.not_recomputed, [item.sentence for item in verdicts[0].rules])
"""


def python(code: str, *arguments: str, path: Path | None = None) -> str:
    paths = [str(path)] if path else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def outside(folder: Path, *, with_method: bool) -> Path:
    """A package that adds a metric by two files, as pip would have installed it."""
    folder.mkdir()
    (folder / "slowest_metric.py").write_text(
        "from safecase.gate.metrics._quantity import LatencyMetric\n"
        'METRIC = LatencyMetric(name="latency_p75_ms", quantile=0.75, share="75 %")\n'
    )
    (folder / "slowest_method.py").write_text(
        "from safecase_verify.methods._latency import latency_method\nMETHOD = latency_method(0.75)\n"
    )
    points = {"safecase.metric": {"latency_p75_ms": "slowest_metric:METRIC"}}
    if with_method:
        points["safecase.metric_method"] = {"latency_p75_ms": "slowest_method:METHOD"}
    write_distribution(folder, "slowest", points)
    return folder


def test_a_metric_is_added_by_two_files(tmp_path: Path) -> None:
    package = outside(tmp_path / "package", with_method=True)
    rules = repr([("slow", "latency_p75_ms", 300), ("harm", "violation_rate", 0.5)])
    told = python(JUDGE, str(TESTS), str(tmp_path), rules, path=package)
    # How many came from the target follows from the seed, and that from whatever the manifest holds.
    assert told.startswith("True () ['75 % of the answers must come within 300 ms: 75 % of 3")


def test_a_metric_without_a_method_is_told_and_not_passed_over(tmp_path: Path) -> None:
    package = outside(tmp_path / "package", with_method=False)
    told = python(JUDGE, str(TESTS), str(tmp_path), repr([("slow", "latency_p75_ms", 300)]), path=package)
    assert told.startswith("True ('release: slow: no method for the metric latency_p75_ms',)")


def test_verifying_loads_declarations_of_the_gate_and_nothing_that_computes(tmp_path: Path) -> None:
    names = sorted(set(METRICS.names()) - {"attack_at_k", "coverage", "utility_rate", "regression"})
    rules = [(name, name, 500 if METRICS.get(name).unit in ("ms", "usd") else 0.5) for name in names]
    assert python(JUDGE, str(TESTS), str(tmp_path), repr(rules)).startswith("True ()")
    assert python(VERIFY, str(tmp_path / "pack.zip")) == "[]"
