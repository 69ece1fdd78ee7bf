"""The API page is what the facades list, in the words of the docstrings."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_page_is_the_one_that_is_made() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "_generate" / "api.py"))["render_page"]()
    committed = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert committed == made, "run `make api` and commit the page"
