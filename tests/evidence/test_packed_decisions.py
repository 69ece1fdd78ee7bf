"""The verifier's own reading of the decision log says what the log's writer says."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.gate import HELD, VIOLATED
from safecase.model import Gate, changed_rules
from support.cases import cases
from support.decisions import (
    chained,
    decision_on,
    exception_on,
    exceptions,
    log_bytes,
    people,
    recommended,
)
from support.moments import TODAY
from support.rules import rule
from support.runs import plan_of
from support.verdicts import decide

pytest.importorskip("safecase_verify.errors")

from safecase_verify.checks.decisions import (
    Decided,
    asks_for_less,
    binds,
    excused_rules,
    verdict_basis,
)
from safecase_verify.errors import CheckFailed

RULE = rule(bound=0.05)
GATE = Gate(id="gate", rules=(RULE,))
PLAN, CODES = plan_of(cases(40)), [VIOLATED] * 8 + [HELD] * 32
KEYS = {"dora": Ed25519PrivateKey.generate(), "lea": Ed25519PrivateKey.generate()}
RISKS = {("rule", "all"): ["jailbreak"]}
CHANGES: tuple[dict[str, Any], ...] = (
    {}, {"bound": 0.01}, {"bound": 0.1}, {"bound": None}, {"confidence": 0.9}, {"confidence": 0.99},
    {"select": "risk:x"}, {"class": "advisory"}, {"class": "floor"}, {"population": "families"},
    {"per": "risk"}, {"minimum_n": 5}, {"error_budget": 0.5},
    {"requires_calibrated_scorers": True}, {"title": "x"}, {"maximum_n": 7},
)  # fmt: skip


def plain(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.model_dump_json(by_alias=True))
    return found


def test_an_exception_in_force_is_found_in_force_and_its_signatures_hold() -> None:
    before = decide(PLAN, CODES, RULE)
    granted = exception_on(before)
    log = chained(recommended(before), decision_on(before, GATE, granted), among=people(**KEYS), keys=KEYS)
    after = plain(decide(PLAN, CODES, RULE, exceptions=exceptions(granted)))
    assert verdict_basis(plain(before)) == verdict_basis(after) == before.basis
    decided = Decided()
    told = decided.check(log_bytes(log), [after], [log[-1].digest], [])
    assert "go_with_conditions by dora (in force)" in told
    assert "dora: SHA256:" in told
    assert excused_rules(after, decided, TODAY, RISKS, "verdict") == {"rule"}
    for text, other in ((b'"role":"director"', b'"role":"lead"'), (b"few users", b"many users")):
        with pytest.raises(CheckFailed, match="does not hold"):
            Decided().check(log_bytes(log).replace(text, other), [after], [], [])
    with pytest.raises(CheckFailed, match="cut off or changed"):
        Decided().check(log_bytes(log[:-1]), [after], [log[-1].digest], [])
    with pytest.raises(CheckFailed, match="risks that it does not name"):
        excused_rules(after, decided, TODAY, {("rule", "all"): ["other"]}, "verdict")
    only = {"lea": KEYS["lea"]}
    entries = (recommended(before), decision_on(before, GATE, granted))
    unsigned = Decided()
    unsigned.check(log_bytes(chained(*entries, among=people(**KEYS), keys=only)), [after], [], [])
    with pytest.raises(CheckFailed, match="no decision in force"):
        excused_rules(after, unsigned, TODAY, RISKS, "verdict")


@pytest.mark.parametrize(("before", "after"), [*itertools.product(CHANGES, CHANGES)])
def test_both_hands_say_which_rules_ask_for_less(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = (
        Gate(id="gate", rules=(rule(**{"bound": 0.05, "population": "suite"} | fields),))
        for fields in (before, after)
    )
    said = any(change.looser for change in changed_rules(old, new))
    assert asks_for_less(plain(old), plain(new)) is said


def test_a_rule_that_no_system_misses_binds_nobody() -> None:
    loose = (
        {"bound": 1.0},
        {"class": "advisory"},
        {"metric": "utility_rate", "comparator": ">=", "bound": 0.0},
    )
    assert not any(binds(plain(rule(**fields))) for fields in loose)
    assert binds(plain(rule(bound=0.05)))
