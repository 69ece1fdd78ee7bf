"""Every block of README, docs and examples does what it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from documentation.blocks import PAGES, ROOT, page_name, read_blocks
from documentation.page_session import PageSession
from documentation.terminal import Terminal

WITH_BLOCKS = [page for page in PAGES if "```" in page.read_text(encoding="utf-8")]
EXAMPLES = [page for page in WITH_BLOCKS if page.parent.parent == ROOT / "examples"]


@pytest.mark.parametrize("page", sorted({*WITH_BLOCKS} - {*EXAMPLES}), ids=page_name)
def test_every_block_of_a_page_runs(
    page: Path, terminal: Terminal, prepare: Callable[[str], Path | None]
) -> None:
    run_page(page, terminal, prepare)


@pytest.mark.shared_data
@pytest.mark.parametrize("page", EXAMPLES, ids=page_name)
def test_every_block_of_an_example_runs(
    page: Path,
    terminal: Terminal,
    prepare: Callable[[str], Path | None],
    recorded_data: Callable[[str], Path],
) -> None:
    left_out = shutil.ignore_patterns("runs", "packs")
    shutil.copytree(page.parent, terminal.home / "examples" / page.parent.name, ignore=left_out)
    terminal.variables["RECORDED_DATA"] = str(recorded_data(page.parent.name))
    run_page(page, terminal, prepare)


def run_page(page: Path, terminal: Terminal, prepare: Callable[[str], Path | None]) -> None:
    """Run the blocks of a page in order, in one session."""
    PageSession(terminal, prepare).run(read_blocks(page))
