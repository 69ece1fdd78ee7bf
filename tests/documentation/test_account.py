"""No block is passed over in silence: each is run, or says why not."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from documentation import not_run
from documentation.blocks import LANGUAGES, PAGES, Block, page_name, read_blocks
from documentation.page_session import treatment
from documentation.terminal import statements, without_comment

BLOCKS = [block for page in PAGES for block in read_blocks(page)]


def test_every_fence_is_a_block() -> None:
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        fences = [line for line in lines if re.match(r"\s*(```|~~~)", line)]
        assert len(fences) == 2 * sum(block.page == page for block in BLOCKS), page_name(page)


def test_every_block_has_an_executor_or_a_reason() -> None:
    counted = Counter((block.language, treatment(block)) for block in BLOCKS)
    without = [block.place for block in BLOCKS if not treatment(block)]
    assert without == [], f"say what is done with them (docs/contributing.md): {dict(counted)}"
    assert {language for language, _ in counted} <= set(LANGUAGES)
    assert counted.total() == len(BLOCKS)


def test_hardly_any_block_is_left_out() -> None:
    """Pictures are; a command is left out in one place only, the list of `not_run`."""
    left_out = [block for block in BLOCKS if treatment(block) == "not run"]
    assert {block.language for block in left_out} <= {"text"}
    assert len(left_out) <= 3, [block.place for block in left_out]


def test_every_reason_to_leave_a_command_out_is_used() -> None:
    typed = [
        without_comment(statement)
        for block in BLOCKS
        if block.language == "sh"
        for _, statement in statements(block.body)
    ]
    idle = [
        entry.pattern for entry in not_run.ENTRIES if not any(re.match(entry.pattern, item) for item in typed)
    ]
    assert idle == []


@pytest.mark.parametrize(
    "block", [item for item in BLOCKS if treatment(item) == "recipe"], ids=lambda item: item.place
)
def test_a_recipe_has_a_name_of_one_word(block: Block) -> None:
    """The tests of the recipes find it by that name."""
    assert re.fullmatch(r"[a-z_-]+", block.note("recipe") or ""), block.place
