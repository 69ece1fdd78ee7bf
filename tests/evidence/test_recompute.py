"""The independent recomputation agrees with the gate on every metric, and objects to what is not so."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from safecase.engine.plan import DrawOrder
from safecase.evidence.verify import verify_pack
from safecase.model.base import digest
from safecase.model.run import Baseline, ScorerReference
from safecase.model.scorer_card import ScorerCard, ScorerPerformance
from safecase.model.suite import Case
from safecase.model.vocabulary import HarmClass, OutcomeKind, Severity

from .helpers import TODAY, case, failed, gate, judge, pack, rule, write_run

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
    rule("plain"),
    rule("strict", bound=0.0),
    rule("loose", bound=1.0),
    rule("unset", bound=None),
    rule("per-risk", per="risk", bound=0.2),
    rule("per-language", per="language", bound=0.3, confidence=0.9),
    rule("excluded", errors_count_as="excluded", error_budget=0.5, undetermined_budget=0.5),
    rule("many", minimum_n=60),
    rule("families", population="families", bound=0.2),
    rule("families-long", population="families", bound=0.15, good=0.02, minimum_n=30),
    rule("families-capped", population="families", bound=0.3, maximum_n=25),
    rule("families-few", population="families", bound=0.01),
    rule("families-odd", population="families", bound=0.2, good=0.0),
    rule("refusals", "over_refusal_rate"),
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
    rule("corrected", judge_correction={"method": "rogan_gladen"}),
    rule("planted", judge_correction={"method": "planted_recall"}),
    rule("two-phase", judge_correction={"method": "two_phase"}),
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


@pytest.mark.parametrize("seed", range(12))
def test_every_metric_is_recomputed_as_the_gate_computes_it(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    size = generator.choice((12, 60, 150, 400))
    cases = suite(size, generator.choice((6, size // 2, 10 * size)), generator)
    order = DrawOrder.UNIFORM if seed % 3 else DrawOrder.FAMILY_ROUNDS
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
        tmp_path, cases, made, [gate(*RULES)], order=order, repeats=repeats, seed=seed,
        cards=[CARD], scorers=[REFERENCE], cost=None if seed % 5 == 2 else 0.01,
        baseline=Baseline(
            run_id=before.manifest.run_id, manifest_digest=before.manifest.digest, system_version="1"
        ),
    )  # fmt: skip
    report = verify_pack(pack(run, tmp_path / "pack.zip", judge(run, baseline=before), baseline=before))
    assert report.ok, failed(report)
    assert [item.split(":")[1].strip() for item in report.not_recomputed] == []
