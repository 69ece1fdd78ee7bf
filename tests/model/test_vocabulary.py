"""The vocabulary holds its promises: frozen, strict, digestible."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safecase.base import InputError, canonical_json, did_you_mean, digest
from safecase.model import (
    Estimate,
    Gate,
    GateRule,
    HarmClass,
    OutcomeKind,
    Selector,
    Severity,
    SystemVersion,
    TaxonomyReference,
    combine_outcomes,
)
from support.cases import case


def test_records_cannot_be_changed_and_refuse_unknown_fields() -> None:
    made = case()
    with pytest.raises(ValidationError):
        made.risk = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="sevrity"):
        case(sevrity="sev1")


def test_a_case_digest_follows_its_content() -> None:
    assert case().digest == case().digest
    assert case().digest != case(severity=Severity.SEV1).digest


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=6))
def test_key_order_does_not_change_a_digest(value: dict[str, object]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert digest(value) == digest(backwards)


def test_lone_surrogates_can_be_digested() -> None:
    assert canonical_json({"text": "\ud800"}) == canonical_json({"text": "\ufffd"})


def test_an_estimate_needs_observations_and_an_ordered_finite_interval() -> None:
    fields = {
        "value": 0.1,
        "lower": 0.0,
        "upper": 0.2,
        "confidence": 0.95,
        "method": "clopper-pearson",
        "n": 10,
    }
    Estimate(**fields)  # type: ignore[arg-type]
    for wrong in ({"n": 0}, {"lower": 0.3}, {"upper": math.nan}, {"value": math.inf}, {"confidence": 1.0}):
        with pytest.raises(ValidationError):
            Estimate(**(fields | wrong))  # type: ignore[arg-type]


def test_a_fingerprint_depends_on_components_and_not_on_their_order() -> None:
    one = SystemVersion(system="shop", components={"model": "a", "prompt": "b"})
    same = SystemVersion(system="shop", components={"prompt": "b", "model": "a"})
    other = SystemVersion(system="shop", components={"model": "a2", "prompt": "b"})
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_words_for_people_are_no_part_of_what_decides() -> None:
    # Manifests hold them masked, and the workspace does not.
    rule = GateRule(id="r", metric="violation_rate", bound=0.02, title="Ask joe@shop.io", rationale="because")
    plain = rule.model_copy(update={"title": "", "rationale": ""})
    one = Gate(id="g", title="Release", owner="jane@shop.io", rules=(rule,))
    assert one.digest == Gate(id="g", rules=(plain,)).digest


def test_a_changed_rule_changes_the_gate_digest() -> None:
    rule = GateRule(id="r", metric="violation_rate", bound=0.02)
    assert (
        Gate(id="g", rules=(rule,)).digest
        != Gate(id="g", rules=(rule.model_copy(update={"bound": 0.03}),)).digest
    )


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="good"):
        GateRule(id="r", metric="violation_rate", bound=0.02, good=0.05)
    with pytest.raises(ValidationError, match="needs k"):
        GateRule(id="r", metric="attack_at_k", bound=0.02)


@given(st.lists(st.sampled_from(OutcomeKind), min_size=1, max_size=6))
def test_a_violation_decides_and_only_all_held_is_held(outcomes: list[OutcomeKind]) -> None:
    combined = combine_outcomes(outcomes)
    assert (combined is OutcomeKind.VIOLATED) == (OutcomeKind.VIOLATED in outcomes)
    assert (combined is OutcomeKind.HELD) == all(kind is OutcomeKind.HELD for kind in outcomes)


def test_no_scores_is_no_outcome() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        combine_outcomes([])


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("risk:privacy", True),
        ("risk:priv*", True),
        ("risk:other", False),
        ("risk:other case-1", True),
        ("risk:privacy,severity:sev2", False),
        ("risk:privacy,!severity:sev2", True),
        ("tag:quick", True),
        ("benign:true", False),
        ("attack:jailbreak scorer:none", True),
    ],
)
def test_selectors(text: str, matches: bool) -> None:
    chosen = case(
        "case-1",
        risk="privacy",
        severity=Severity.SEV1,
        harm=HarmClass.PRIVACY_LEAKAGE,
        tags=("quick", "owasp"),
    )
    assert Selector.parse(text).matches(chosen) is matches


def test_a_misspelt_selector_field_says_what_was_meant() -> None:
    with pytest.raises(InputError, match="did you mean 'severity'"):
        Selector.parse("severty:sev1")


def test_graph_marks_are_kept_for_the_graph() -> None:
    selector = Selector.parse("risk:privacy+")
    assert selector.needs_graph
    assert selector.alternatives[0][0].downstream


@pytest.mark.parametrize("text", ["atlas:AML.T0051", "owasp-llm@2025:LLM01:2025"])
def test_taxonomy_references_read_and_print(text: str) -> None:
    assert str(TaxonomyReference.parse(text)) == text


def test_did_you_mean_is_silent_when_nothing_is_near() -> None:
    assert did_you_mean("zzzz", ["refusal"]) is None


def test_severities_are_ordered_from_the_most_severe() -> None:
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3]
    assert [severity for severity in Severity if severity.at_least(Severity.SEV2)] == ["sev1", "sev2"]
    weights = [severity.weight for severity in sorted(Severity, key=lambda item: item.rank)]
    assert weights == sorted(weights, reverse=True)
