"""The glossary is what the types say of themselves, and no type is left out."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from safecase.model.suite import Case
from safecase.model.vocabulary import Severity

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "_generate" / "glossary.py"))


def test_the_committed_page_is_the_one_that_is_made(generator: dict[str, Any]) -> None:
    made = generator["render_glossary"]()
    committed = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert committed == made, "run `make glossary` and commit the page"


def test_every_type_of_the_vocabulary_has_its_entry(generator: dict[str, Any]) -> None:
    words = [word for module in generator["walk_modules"]() for word in generator["list_words"](module)]
    assert {Case, Severity} <= set(words)
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for word in words:
        assert f"\n### {word.__name__}\n\n" in page
    assert "One of `sev1`, `sev2`, `sev3`, `sev4`." in page or "- `sev1`" in page


def test_a_value_with_a_note_is_explained(generator: dict[str, Any]) -> None:
    rendered = list(generator["render_members"](Severity, {("Severity", "SEV1"): "The ``worst`` (GAT-01)."}))
    assert rendered[0] == "- `sev1`: The `worst` ([GAT-01](requirements.md))."
    assert rendered[1:] == ["- `sev2`", "- `sev3`", "- `sev4`"]
