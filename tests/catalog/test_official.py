"""Updating a catalog from the official files, friendly and hostile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from safecase.catalog import CatalogError, CatalogStore, import_release, save
from safecase.catalog.official import read_atlas, read_owasp_llm

FLAT = """\
---
id: ATLAS
name: Adversarial Threat Landscape for AI Systems
version: 5.7.0
matrices:
- id: ATLAS
  name: ATLAS Matrix
  tactics:
  - {id: AML.TA0002, name: Reconnaissance, object-type: tactic}
  techniques:
  - id: AML.T0000
    name: Search Open Technical Databases
    object-type: technique
    description: left out
    maturity: demonstrated
    ATT&CK-reference: {id: T1596, url: 'https://attack.mitre.org/techniques/T1596/'}
    tactics: [AML.TA0002]
  - {id: AML.T0000.000, name: Journals, object-type: technique, subtechnique-of: AML.T0000}
  mitigations:
  - {id: AML.M0000, name: Limit Release, techniques: [{id: AML.T0000, use: some}, AML.T0000.000]}
case-studies:
- id: AML.CS0000
  name: A Study
  incident-date: 2020-01-01
  case-study-type: exercise
  procedure:
  - {tactic: AML.TA0002, technique: AML.T0000.000, description: left out}
"""

BY_ID = """\
format-version: 6.0.0
collection: {id: ATLAS-collection, version: '2026.05', name: ATLAS}
matrix: {id: ATLAS-matrix, name: ATLAS}
tactics:
  AML.TA0003: {id: AML.TA0003, name: Resource Development, object-type: tactic}
  AML.TA0002: {id: AML.TA0002, name: Reconnaissance, object-type: tactic}
techniques:
  AML.T0000: {id: AML.T0000, name: Search, maturity: Demonstrated, object-type: technique}
  AML.T0000.000: {id: AML.T0000.000, name: Journals, object-type: technique}
mitigations:
  AML.M0000: {id: AML.M0000, name: Limit Release, object-type: mitigation}
case-studies:
  AML.CS0000: {id: AML.CS0000, name: A Study, type: Incident, date: '2026-05-01'}
relationships:
  ATLAS-matrix:
    sequences:
    - {source: ATLAS-matrix, target: AML.TA0002, position: 0}
    - {source: ATLAS-matrix, target: AML.TA0003, position: 1}
  AML.T0000:
    achieves: [{source: AML.T0000, target: AML.TA0002}]
  AML.T0000.000:
    specializes: [{source: AML.T0000.000, target: AML.T0000}]
  AML.M0000:
    mitigates: [{source: AML.M0000, target: AML.T0000}]
  AML.CS0000:
    employs: [{source: AML.CS0000, target: AML.T0000.000}]
"""


@pytest.mark.parametrize(("content", "version"), [(FLAT, "5.7.0"), (BY_ID, "2026.05")])
def test_both_atlas_layouts_update_a_user_folder(tmp_path: Path, content: str, version: str) -> None:
    official = tmp_path / "ATLAS.yaml"
    official.write_text(content)
    folder = tmp_path / "catalogs"
    written = import_release(official, folder)
    assert written == folder / f"atlas-{version}.json"
    store = CatalogStore([folder])
    assert ("atlas", version) in store.available()
    catalog = store.load("atlas", version)
    expected = {"technique": 1, "subtechnique": 1, "mitigation": 1, "case_study": 1}
    assert {kind: count for kind, count in catalog.counts().items() if kind != "tactic"} == expected
    assert catalog.entries[0].id == "AML.TA0002"
    child = store.resolve(f"atlas@{version}:AML.T0000.000")
    assert child.parents == ("AML.T0000",)
    assert store.resolve(f"atlas@{version}:AML.T0000").linked("achieves") == ("AML.TA0002",)
    assert "AML.T0000" in store.resolve(f"atlas@{version}:AML.M0000").linked("mitigates")
    assert store.resolve(f"atlas@{version}:AML.CS0000").linked("employs") == ("AML.T0000.000",)
    assert store.resolve("atlas:AML.T0051").version == "5.6.1", "an update never moves the default"
    assert "left out" not in written.read_text().replace("descriptions are left out", "")


def test_owasp_titles_from_markdown(tmp_path: Path) -> None:
    (tmp_path / "LLM01_PromptInjection.md").write_text(
        "## LLM01:2027 Prompt Injection\n\nprose\n- [AML.T0051.000 - Direct](https://example.org)\n"
    )
    (tmp_path / "LLM02_Other.md").write_text("# LLM02:2027 - Sensitive Information\nprose\n")
    (tmp_path / "LLM00_Preface.md").write_text("## Letter\n")
    catalog = read_owasp_llm(tmp_path)
    assert [(entry.id, entry.name) for entry in catalog] == [
        ("LLM01:2027", "Prompt Injection"),
        ("LLM02:2027", "Sensitive Information"),
    ]
    assert catalog.entries[0].linked("related", "atlas") == ("AML.T0051.000",)
    import_release(tmp_path, tmp_path / "mine")
    assert CatalogStore([tmp_path / "mine"]).resolve("owasp-llm:LLM02:2027").name == "Sensitive Information"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "must be a mapping"),
        ("just text", "must be a mapping"),
        ("v6/ATLAS-2026.06.yaml", "only points at"),
        ("a: [1, 2", "not valid YAML"),
        ("a: 1", "no ATLAS file"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
        ("a: &a [1]\nb: &b [*a, *a]\nversion: 5\nmatrices: [{tactics: [*b, *b]}]\n", "must be a mapping"),
        ("version: 5\nmatrices: [{tactics: [" + "1, " * 6000 + "]}]", "more than 5000"),
        ("version: 5\nmatrices: 3\n", "must be a list"),
        ("version: 5\nmatrices: [{tactics: [{id: ../../etc, name: x}]}]\n", "no ATLAS id"),
        ("version: 5\nmatrices: [{tactics: [{id: AML.TA0001}]}]\n", "name of AML.TA0001"),
        ("version: [1]\nmatrices: []\n", "version must be text"),
        ("version: 5\nmatrices: []\n", "holds no entries"),
        (FLAT.replace("AML.T0000.000, name", "AML.T0000, name"), "stands twice"),
        (FLAT.replace("subtechnique-of: AML.T0000", "subtechnique-of: AML.T0999"), "names the parent"),
        (BY_ID.replace("collection:", "collected:"), "collection must be a mapping"),
    ],
)
def test_hostile_atlas_files_give_one_clear_error(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "ATLAS.yaml"
    path.write_text(content)
    with pytest.raises(CatalogError, match=words) as caught:
        read_atlas(path)
    assert str(path) in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        read_atlas(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogError, match="not UTF-8"):
        read_atlas(tmp_path / "binary.yaml")
    with (tmp_path / "huge.yaml").open("wb") as stream:
        os.ftruncate(stream.fileno(), 40 * 1024 * 1024)
    with pytest.raises(CatalogError, match="larger than"):
        read_atlas(tmp_path / "huge.yaml")
    with pytest.raises(CatalogError, match="holds no files"):
        read_owasp_llm(tmp_path)
    with pytest.raises(CatalogError, match="not a folder"):
        read_owasp_llm(tmp_path / "absent")
    with pytest.raises(CatalogError, match="not a folder"):
        CatalogStore([tmp_path / "absent"]).available()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "format is not"),
        ('{"format": "safecase-catalog/1", "framework": 1, "version": {}}', "version must be text"),
        ('{"format": "safecase-catalog/1", "framework": "x", "version": "1", "entries": [1]}', "entry 1"),
    ],
)
def test_hostile_user_catalogs_give_one_clear_error(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(CatalogError, match=words):
        CatalogStore([tmp_path]).available()


def test_a_version_cannot_walk_out_of_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "ATLAS.yaml"
    path.write_text(FLAT.replace("5.7.0", "../../evil"))
    with pytest.raises(CatalogError, match="cannot be a file name"):
        save(read_atlas(path), tmp_path / "mine")
    assert not (tmp_path / "evil.json").exists()
