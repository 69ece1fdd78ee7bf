"""The catalogs: counts from data, references that resolve, suggestions for those that do not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase import catalog, interop
from safecase.catalog import CatalogError, UnknownReferenceError
from safecase.catalog._serialise import from_json, to_json
from safecase.model import AttackClass, HarmClass
from safecase.model.vocabulary import Concern, Discipline
from support.recorded import recorded_folder


def shared_catalog(name: str) -> dict:
    path = recorded_folder().parent / "catalog" / name
    if not path.exists():
        pytest.skip(f"SKIPPED: {path} is absent, so the catalog is not compared with its source")
    return json.loads(path.read_text())


@pytest.mark.shared_data
def test_atlas_counts_equal_the_source() -> None:
    source = shared_catalog("mitre_atlas.json")
    counts = catalog.load("atlas").counts()
    wanted = source["counts"]
    assert counts == {
        "tactic": wanted["tactics"],
        "technique": wanted["techniques"],
        "subtechnique": wanted["subtechniques"],
        "mitigation": wanted["mitigations"],
        "case_study": wanted["case_studies"],
    }
    names = {
        item["id"]: item["name"]
        for key in ("tactics", "techniques", "mitigations", "case_studies")
        for item in source[key]
    }
    assert {entry.id: entry.name for entry in catalog.load("atlas")} == names


@pytest.mark.shared_data
@pytest.mark.parametrize("edition", ["2025", "2026"])
def test_owasp_titles_and_crosswalk_equal_the_source(edition: str) -> None:
    source = shared_catalog("owasp_llm_top10.json")["editions"][edition]["entries"]
    loaded = catalog.load("owasp-llm", edition)
    assert {entry.id: entry.name for entry in loaded} == {item["id"]: item["name"] for item in source}
    for item in source:
        entry = loaded.get(item["id"])
        assert entry is not None
        assert entry.linked("related", "atlas") == tuple(item["atlas_refs_in_source"])
        assert entry.linked("related", "owasp-agentic") == tuple(item["asi_refs_in_source"])


@pytest.mark.parametrize("key", catalog.available(), ids=lambda key: "-".join(key))
def test_every_link_and_parent_resolves(key: tuple[str, str]) -> None:
    loaded = catalog.load(*key)
    assert sum(loaded.counts().values()) == len(loaded) == len(set(loaded.ids()))
    for entry in loaded:
        assert catalog.resolve(entry.reference) == entry
        assert all(parent in loaded for parent in entry.parents)
        for link in entry.links:
            version = f"@{link.version}" if link.version else ""
            assert catalog.resolve(f"{link.framework}{version}:{link.id}").id == link.id


@pytest.mark.parametrize("key", catalog.available(), ids=lambda key: "-".join(key))
def test_json_form_round_trips(key: tuple[str, str]) -> None:
    loaded = catalog.load(*key)
    assert from_json(to_json(loaded), "copy") == loaded


def test_reference_forms() -> None:
    assert catalog.resolve("atlas:AML.T0051").name == "LLM Prompt Injection"
    assert catalog.resolve("atlas@5.6.0:aml.t0051").version == "5.6.1"
    assert catalog.resolve("owasp-llm:LLM07:2025").name == "System Prompt Leakage"
    assert catalog.resolve("owasp-llm:LLM07").id == "LLM07:2025"
    assert catalog.resolve("owasp-llm@2026:LLM07").name == "Misinformation"
    assert catalog.resolve("owasp-llm:LLM07:2026").name == "Misinformation"
    assert catalog.resolve("owasp-agentic:ASI01").name == "Agent Goal Hijack"
    assert catalog.resolve(catalog.resolve("atlas:AML.TA0010")).name == "Exfiltration"


@pytest.mark.parametrize(
    ("reference", "suggestion"),
    [
        ("atlas:AML.T051", "atlas:AML.T0051"),
        ("atlas:LLM Jailbreack", "atlas:AML.T0054"),
        ("owasp-agentic:ASI1", "owasp-agentic:ASI01"),
        ("owasp-llm:LLM011:2025", "owasp-llm:LLM01:2025"),
    ],
)
def test_unknown_ids_suggest_the_nearest(reference: str, suggestion: str) -> None:
    with pytest.raises(UnknownReferenceError) as caught:
        catalog.resolve(reference)
    assert suggestion in caught.value.suggestions
    assert suggestion in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("AML.T0051", "write framework:id"),
        ("atlass:AML.T0051", "did you mean atlas"),
        ("atlas@1.0:AML.T0051", "known: 5.6.1"),
        ("owasp-llm@2026:LLM01:2025", "edition 2025"),
        (":", "write framework:id"),
    ],
)
def test_bad_references_say_what_to_do(reference: str, words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        catalog.resolve(reference)


@given(st.text(max_size=60))
def test_any_text_resolves_or_raises_a_catalog_error(reference: str) -> None:
    try:
        entry = catalog.resolve(reference)
    except CatalogError:
        return
    assert entry.id


def test_crosswalk_works_both_ways() -> None:
    forward = catalog.crosswalk("owasp-llm", "atlas")
    backward = catalog.crosswalk("atlas", "owasp-llm")
    assert forward["LLM07:2025"] == ("AML.T0051.000",)
    pairs = {(left, right) for left, others in forward.items() for right in others}
    assert pairs == {(left, right) for right, others in backward.items() for left in others}
    assert "ASI01" in catalog.crosswalk("owasp-llm", "owasp-agentic", version="2026")["LLM01:2026"]


def test_classes_cover_the_vocabulary_and_the_founding_lists() -> None:
    attacks, harms = catalog.attack_classes(), catalog.harm_classes()
    assert [record.id for record in attacks] == [item.value for item in AttackClass]
    assert [record.id for record in harms] == [item.value for item in HarmClass]
    assert len({record.seed_class for record in attacks if record.seed_class}) == 14
    assert len({record.seed_class for record in harms if record.seed_class}) == 10
    for record in (*attacks, *harms):
        assert Concern(record.concern).discipline is Discipline(record.discipline)
        for reference in record.references:
            assert catalog.resolve(reference)
    assert not catalog.attack_class("membership_inference").black_box_testable
    assert catalog.attack_class("jailbreak").black_box_testable
    with pytest.raises(CatalogError, match="did you mean jailbreak"):
        catalog.attack_class("jailbrek")
    with pytest.raises(CatalogError, match="did you mean toxicity"):
        catalog.harm_class("toxcity")


def test_interpretations_are_marked() -> None:
    own_words = {name for name, version in catalog.available() if catalog.load(name, version).interpretation}
    assert own_words == {"nist-ai-rmf", "iso-42001", "eu-ai-act"}
    assert catalog.load("nist-ai-rmf").counts() == {"function": 4, "category": 19}
    assert "Apache" in catalog.load("atlas").notice


def test_navigator_layer_round_trips() -> None:
    atlas = catalog.load("atlas")
    statuses = {"AML.T0051": "failed", "AML.T0051.001": "passed", "AML.T0054": "tested"}
    layer = json.loads(json.dumps(interop.navigator_layer(atlas, statuses, name="coverage")))
    assert layer["domain"] == "atlas-atlas"
    assert interop.statuses_from_layer(layer, atlas) == statuses
    with pytest.raises(CatalogError, match="no technique"):
        interop.navigator_layer(atlas, {"AML.TA0010": "passed"}, name="x")
    with pytest.raises(CatalogError, match="no status"):
        interop.navigator_layer(atlas, {"AML.T0051": "fine"}, name="x")
    with pytest.raises(CatalogError, match="no Navigator layer"):
        interop.statuses_from_layer([], atlas)
    with pytest.raises(CatalogError, match="lacks"):
        interop.statuses_from_layer({"techniques": [{"techniqueID": "T1"}]}, atlas)
