"""The independent recomputation agrees with the gate on every metric, and objects to what is not so."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safecase.base import digest
from safecase.model import (
    Baseline,
    Case,
    HarmClass,
    OutcomeKind,
    ScorerCard,
    ScorerPerformance,
    ScorerReference,
    Severity,
)
from safecase_verify import verify_pack
from safecase_verify.statistics.sequential import (
    NotRecomputed,
    _family_plan,
    family_decision,
    suite_decision,
)
from support.cases import case
from support.moments import TODAY
from support.rules import gate, rule
from support.verdicts import judge

from .packs import failed, pack
from .run_folders import write_run

CARD = ScorerCard(
    scorer="refusal",
    scorer_version="1",
    labels="labels.csv",
    labels_digest="sha256:0",
    measured=TODAY,
    performance=(
        ScorerPerformance(
            category="all", true_positives=90, false_positives=4, true_negatives=196, false_negatives=10
        ),
    ),
)
REFERENCE = ScorerReference(name="refusal", version="1", card_digest=digest(CARD))

RULES = [
    rule("plain", bound=0.1),
    rule("strict", bound=0.0),
    rule("loose", bound=1.0),
    rule("unset", bound=None),
    rule("per-risk", per="risk", bound=0.2),
    rule("per-language", per="language", bound=0.3, confidence=0.9),
    rule("lenient", bound=0.1, error_budget=0.5, undetermined_budget=0.5),
    rule("many", bound=0.1, minimum_n=60),
    rule("families", population="families", bound=0.2),
    rule("families-long", population="families", bound=0.15, good=0.02, minimum_n=30),
    rule("families-capped", population="families", bound=0.3, maximum_n=25),
    rule("families-few", population="families", bound=0.01),
    rule("families-odd", population="families", bound=0.2, good=0.0),
    rule("refusals", "over_refusal_rate", bound=0.1),
    rule("useful", "utility_rate", 0.8, comparator=">="),
    rule(
        "useful-families", "utility_rate", 0.7, comparator=">=", population="families", select="suite:suite"
    ),
    rule("errors", "error_rate", 0.05),
    rule("open", "undetermined_rate", 0.1, population="families"),
    rule("severity", "severity_weighted_rate", 0.2),
    rule("severity-families", "severity_weighted_rate", 0.3, population="families", per="risk"),
    rule("attack", "attack_at_k", 0.2, k=2),
    rule("attack-one", "attack_at_k", 0.2, k=1, per="risk", population="families"),
    rule("groups", "group_difference", 0.2),
    rule("p50", "latency_p50_ms", 300),
    rule("p95", "latency_p95_ms", 250, per="risk"),
    rule("cost", "cost_per_attempt_usd", 1.2),
    rule("coverage", "coverage", 1.0, comparator=">="),
    rule("worse", "regression", None, margin=0.1),
    rule("worse-families", "regression", None, margin=0.2, population="families"),
    rule("corrected", bound=0.1, judge_correction={"method": "rogan_gladen"}),
    rule("planted", bound=0.1, judge_correction={"method": "planted_recall"}),
    rule("two-phase", bound=0.1, judge_correction={"method": "two_phase"}),
]


def suite(size: int, families: int, generator: random.Random) -> tuple[Case, ...]:
    found = []
    for index in range(size):
        served = index % 5 == 4
        fields: dict[str, Any] = {
            "family": f"family-{generator.randrange(families)}",
            "risk": f"risk-{index % 3}",
            "severity": list(Severity)[index % 4],
            "language": "de" if index % 7 == 0 else "en",
            "group": ("", "a", "b", "c")[generator.randrange(4)],
        }
        if served:
            fields |= {"harm": HarmClass.OVER_REFUSAL, "attack": None}
        found.append(case(f"case-{index}", **fields))
    return tuple(found)


def outcomes(
    size: int, generator: random.Random, rates: tuple[float, float, float]
) -> dict[int, OutcomeKind]:
    kinds = (OutcomeKind.VIOLATED, OutcomeKind.ERROR, OutcomeKind.UNDETERMINED, OutcomeKind.HELD)
    weights = (*rates, 1 - sum(rates))
    return {draw: generator.choices(kinds, weights)[0] for draw in range(size)}


@pytest.mark.parametrize("seed", [*range(12), 107, 220])
def test_every_metric_is_recomputed_as_the_gate_computes_it(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    size = generator.choice((12, 60, 150, 400))
    cases = suite(size, generator.choice((6, size // 2, 10 * size)), generator)
    blocks = None if seed % 3 else [("risk-0",), ("risk-2", "risk-1")]
    rates = generator.choice(((0.0, 0.0, 0.0), (0.02, 0.0, 0.0), (0.08, 0.01, 0.02), (0.4, 0.1, 0.1)))
    repeats = generator.choice((1, 2))
    before = write_run(
        tmp_path, cases[: size - 3], outcomes((size - 3) * 2, generator, (0.1, 0.02, 0.02)),
        run_id="20260101T000000Z-000000", repeats=2,
    )  # fmt: skip
    made = outcomes(size * repeats, generator, rates)
    if seed % 4 == 1:
        made = {draw: kind for draw, kind in made.items() if generator.random() > 0.02}
    run = write_run(
        tmp_path, cases, made, [gate(*RULES)], risk_blocks=blocks, repeats=repeats, seed=seed,
        cards=[CARD], scorers=[REFERENCE], cost=None if seed % 5 == 2 else 0.01,
        baseline=Baseline(
            run_id=before.manifest.run_id, manifest_digest=before.manifest.digest, system_version="1"
        ),
    )  # fmt: skip
    report = verify_pack(pack(run, tmp_path / "pack.zip", judge(run, baseline=before), baseline=before))
    assert report.ok, failed(report)
    assert [item.split(":")[1].strip() for item in report.not_recomputed] == []


def test_the_recomputation_shares_no_code_with_what_it_checks() -> None:
    code = (
        "import sys, safecase_verify.command\n"
        "from safecase_verify.methods import built_in_metrics, find_method\n"
        "assert [find_method(name) for name in built_in_metrics()]\n"
        "heavy = ('safecase', 'numpy', 'scipy', 'pydantic', 'orjson')\n"
        "print([n for n in sys.modules if n.partition('.')[0] in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("bound", "good", "size"), [(0.02, 0.005, 400), (0.05, 0.0125, 300), (0.2, 0.05, 14)]
)
def test_the_population_test_keeps_its_error_rate_exactly(bound: float, good: float, size: int) -> None:
    """Walk every path of (attempts, events) at the bound itself: shipping has probability 5 % at most."""
    alive = {0: 1.0}
    shipped = 0.0
    decisions: dict[tuple[int, int], str] = {}
    for n in range(1, size + 1):
        step: dict[int, float] = {}
        for events, mass in alive.items():
            for more, chance in ((0, 1 - bound), (1, bound)):
                step[events + more] = step.get(events + more, 0.0) + mass * chance
        alive = {}
        for events, mass in step.items():
            kind = _state(n, events, bound, good, size)
            decisions[n, events] = kind
            if kind == "ship":
                shipped += mass
            elif kind == "open":
                alive[events] = mass
    assert 0.005 < shipped <= 0.05
    assert "ship" in decisions.values()


def _state(n: int, events: int, bound: float, good: float, size: int) -> str:
    """The decision after n units when the events came first and nothing was decided before."""
    plan = _family_plan(bound, good, size, 0.05, 1)
    assert plan is not None
    if events < len(plan.ship_points) and n >= plan.ship_points[events]:
        return "ship"
    return "hopeless" if n < size and events >= plan.hopeless[n] else "open"


@pytest.mark.parametrize("size", [1, 7, 40])
@pytest.mark.parametrize("bad", [0, 1, 4, 7])
def test_a_census_is_exact_whatever_the_order(size: int, bad: int) -> None:
    generator = random.Random(size * 100 + bad)
    events = [index < bad for index in range(size)]
    for _ in range(30):
        generator.shuffle(events)
        decision = suite_decision(
            events, bound=0.1, good=0.02, size=size, alpha=0.05, minimum_n=1, uniform=False
        )
        assert (decision.status == "met") == (sum(events) <= 0.1 * size + 1e-9)


def test_too_few_families_can_never_ship() -> None:
    few = family_decision(
        [False] * 50, bound=0.01, good=0.001, size=50, alpha=0.05, minimum_n=1, uniform=True
    )
    assert few.kind == "impossible"
    with pytest.raises(NotRecomputed, match="too large"):
        family_decision([False], bound=0.3, good=0.1, size=100_000, alpha=0.05, minimum_n=1, uniform=True)
