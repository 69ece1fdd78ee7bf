"""The verifier's readers: one canonical form of JSON, the fields of the formats, and nothing else passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase import model
from safecase.base import Record
from safecase.base import canonical_json as ours
from safecase.base import digest as our_digest
from safecase.model.declarations import Limits
from safecase.model.rule import CoverageRequirement, JudgeCorrection
from safecase.model.runs.manifest import MANIFEST_VERSION, Baseline, RunSettings
from safecase_verify import CheckFailed
from safecase_verify.checks import decisions
from safecase_verify.reading import ledger, records, run
from safecase_verify.reading._fields import known_fields, read_record
from safecase_verify.reading.canonical import canonical_json, digest, read_json

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
PAIRS = (
    (records.Case, model.Case),
    (records.Expectation, model.Expectation),
    (records.TaxonomyReference, model.TaxonomyReference),
    (records.Gate, model.Gate),
    (records.GateRule, model.GateRule),
    (records.JudgeCorrection, JudgeCorrection),
    (records.CoverageRequirement, CoverageRequirement),
    (records.RunManifest, model.RunManifest),
    (records.RunSettings, RunSettings),
    (records.Limits, Limits),
    (records.SystemVersion, model.SystemVersion),
    (records.SuiteReference, model.SuiteReference),
    (records.ScorerReference, model.ScorerReference),
    (records.ScorerCard, model.ScorerCard),
    (records.ScorerPerformance, model.ScorerPerformance),
    (records.Baseline, Baseline),
    (records.Verdict, model.Verdict),
    (records.RuleResult, model.RuleResult),
    (records.CategoryResult, model.CategoryResult),
    (records.Estimate, model.Estimate),
    (records.StaleEvidence, model.StaleEvidence),
    (records.RegistrarProof, model.RegistrarProof),
    (records.Predecessor, model.Predecessor),
    (ledger.RunResult, model.RunResult),
    (ledger.RunStarted, model.RunStarted),
    (ledger.RunFinished, model.RunFinished),
    (ledger.FamiliesOpened, model.FamiliesOpened),
    (ledger.ResultsRead, model.ResultsRead),
    (ledger.VerdictGiven, model.VerdictGiven),
    (ledger.DecisionLogged, model.DecisionLogged),
    (ledger.RunSetAside, model.RunSetAside),
    (decisions.Acceptance, model.Acceptance),
    (decisions.PeopleEntry, model.PeopleEntry),
    (decisions.Recommendation, model.Recommendation),
    (decisions.Decision, model.Decision),
    (decisions.People, model.People),
    (decisions.Person, model.Person),
    (decisions.Right, model.DecisionRight),
    (decisions.Policy, model.ExceptionPolicy),
)


def json_names(kind: type[Record]) -> set[str]:
    """The names of a record's fields as its JSON has them."""
    return {info.alias or name for name, info in kind.model_fields.items()}


@given(VALUES)
def test_both_hands_write_the_same_canonical_json(value: Any) -> None:
    assert canonical_json(value) == ours(value)
    assert digest(read_json(canonical_json(value))) == our_digest(value)


@pytest.mark.parametrize("value", [1e-5, 1.5e-5, -2e-5, 9.9e-6, 1e-7, -0.0, 1e15, 1e16, 123456789012345680.0])
def test_floats_at_the_ends_of_plain_writing(value: float) -> None:
    assert canonical_json(value) == orjson.dumps(value)


@pytest.mark.parametrize(
    "text", [b'{"a": 1, "a": 2}', b"NaN", b"[Infinity]", b"\xff", b"{}{}", b"", b'"\xed\xa0\x80"']
)
def test_what_readers_could_take_in_two_ways_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(text)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS, ids=[theirs.__name__ for _, theirs in PAIRS])
def test_the_fields_are_those_of_the_format(mine: type, theirs: Any) -> None:
    """A field that is new in the vocabulary must be read here, or named as one that nobody computes on."""
    assert known_fields(mine) == json_names(theirs)


def test_the_fields_of_an_attempt_and_the_versions_are_those_of_the_format() -> None:
    assert json_names(model.Attempt) == run.ATTEMPT_FIELDS
    assert records.MANIFEST_VERSION == MANIFEST_VERSION
    assert {item.value: item.weight for item in model.Severity} == records.SEVERITY_WEIGHTS


@dataclass(frozen=True)
class Example:
    """A record with a field of each kind."""

    UNREAD = ("carried",)
    name: str
    count: int
    share: float | None
    yes: bool
    parts: tuple[int, ...]


HONEST = {"name": "a", "count": 1, "share": 0.5, "yes": True, "parts": [1, 2], "carried": {}}


def test_a_record_is_read_with_its_types() -> None:
    assert read_record(Example, HONEST, "x") == Example("a", 1, 0.5, True, (1, 2))
    assert read_record(Example, {**HONEST, "share": None}, "x").share is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"new": 1}, "'new' is not known"),
        ({"count": True}, "count: a whole number"),
        ({"count": 1.0}, "count: a whole number"),
        ({"yes": 1}, "yes: true or false"),
        ({"share": "0.5"}, "share: a finite number"),
        ({"share": float("inf")}, "share: a finite number"),
        ({"parts": [1, "2"]}, "parts.1: a whole number"),
        ({"parts": {}}, "parts: a list"),
        ({"name": None}, "name: a text"),
    ],
)
def test_what_is_not_of_its_type_is_told_with_its_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckFailed, match=words):
        read_record(Example, {**HONEST, **change}, "x")


def test_a_missing_field_and_another_version_are_told() -> None:
    with pytest.raises(CheckFailed, match="'name' is missing"):
        read_record(Example, {}, "x")
    for version in (1, "2", None, True, 99):
        with pytest.raises(CheckFailed, match="of version"):
            records.read_manifest({"schema_version": version}, "run/manifest.json")
