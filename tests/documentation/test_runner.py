"""The runner of the blocks notices what it is there to notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from documentation import not_run
from documentation.blocks import read_blocks
from documentation.page_session import PageSession, treatment
from documentation.shapes import missing_sentences, tree_names
from documentation.snippets import run_python
from documentation.terminal import Terminal, comment, statements


def run(text: str, terminal: Terminal, prepare: Callable[[str], Path | None] = lambda name: None) -> None:
    page = terminal.home.parent / "page.md"
    page.write_text(text, encoding="utf-8")
    PageSession(terminal, prepare).run(read_blocks(page))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```sh\nsafecase chek\n```", "page.md:1"),
        ("```sh\nsafecase --help   # exit code 3\n```", "exit code 0"),
        ("<!-- exits 1: safecase plan -->\n```sh\nsafecase --help\n```", "names no command"),
        ("```sh\nmake nothing\n```", "exit code 2"),
        ("```sh\nif true\n```", "would wait for more"),
        ("```python\n1 + 1  # 3\n```", "says 3, is 2"),
        ("```python\nprint('held')  # 'violated'\n```", "is held"),
        ("```toml\na = {1}\n```", "Expected"),
        ("```text\nsomething\n```", "nothing says what is done"),
        ("```\nsafecase check\n```", "nothing says what is done"),
        ("<!-- output: safecase --help -->\n```text\nGO\n```", "does not print"),
        ("<!-- output: safecase --help | tail -1; exit 1 -->\n```text\nGO\n```", "exit code 1"),
        ("<!-- names: safecase demo list -->\n```text\nno-such-weakness  2\n```", "no-such-weakness"),
        ("<!-- not run -->\n```text\nx\n```", "nothing says what is done"),
        ("<!-- runs: x -->\n```sh\ntrue\n```", "unknown annotation"),
        ("<!-- not run: x -->\n\n```sh\ntrue\n```", "belongs to no block"),
        ("```sh\ntrue\n", "is not closed"),
    ],
)
def test_a_block_that_fails_fails(text: str, complaint: str, terminal: Terminal) -> None:
    with pytest.raises(Exception, match=complaint.replace("(", r"\(")):
        run(text, terminal)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```yaml\nrisks:\n  - {id: odd, title: Odd}\n```", "odd"),
        ("<!-- inside: targets -->\n```yaml\n- {id: x, kind: openai_chat, modle: y}\n```", "modle"),
        ("<!-- inside: cases -->\n```yaml\n- {id: x, promt: y}\n```", "promt"),
        ("<!-- inside: case -->\n```yaml\nexpect: [refusall]\n```", "refusall"),
        ("<!-- files: . -->\n```text\nsafety/\n  nothing.yaml\n```", "has no nothing.yaml"),
    ],
)
def test_a_mistake_in_a_workspace_is_found(
    text: str, complaint: str, terminal: Terminal, prepare: Callable[[str], Path | None]
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        run(f"<!-- session: agent -->\n{text}", terminal, prepare)


def test_a_page_is_one_session(terminal: Terminal) -> None:
    run(
        "```sh\nmkdir deep && cd deep\nexport WORD=here\nfalse   # exit code 1\necho $? > code\n```\n"
        '```sh\ncase $? in\n  0) echo "$WORD" > word ;;\n  *) exit 5 ;;\nesac\n```\n',
        terminal,
    )
    assert terminal.folder == terminal.home / "deep"
    assert (terminal.folder / "code").read_text() == "1\n"
    assert (terminal.folder / "word").read_text() == "here\n"


def test_statements_are_what_a_shell_takes_at_once() -> None:
    lines = ["# first", "make demo    # set up", "", "safecase sign -d go \\", "  -m 'two", "lines'",
             "for i in 1; do", "  echo", "done"]  # fmt: skip
    body = "\n".join(lines) + "\n"
    found = list(statements(body))
    assert [line for line, _ in found] == [2, 4, 7]
    assert comment(found[0][1]) == "set up"
    assert comment("safecase show attempt own-greeting#0") == ""


def test_what_is_not_run_is_resolved() -> None:
    for statement in ("make test", "pip install '.[ray]'", "python bench/recorded.py --only xstest"):
        entry = not_run.find(statement)
        assert entry is not None
        entry.resolve(statement)
    for statement in (
        "pip install '.[nothing]'",
        "pip install elsewhere",
        "python bench/recorded.py --nothing",
    ):
        entry = not_run.find(statement)
        assert entry is not None
        with pytest.raises(AssertionError):
            entry.resolve(statement)
    assert not_run.find("safecase run") is None


def test_numbers_and_line_breaks_may_differ_and_words_may_not() -> None:
    printed = (
        "met   harm: At most 5 % of attempts may end in harm: 0 of 12 ended in harm.\nGO  (gate release)"
    )
    assert (
        missing_sentences(
            "met harm: At most 2 % of attempts\n   may end in harm: 3 of 149 ended in harm.", printed
        )
        == []
    )
    assert missing_sentences("met harm: … ended in harm.\nGO (gate release)", printed) == []
    assert missing_sentences("GO", printed) == ["GO"]
    assert missing_sentences("met harm: At most 2 % may end in harm.", printed) != []


def test_values_are_compared_as_a_page_writes_them() -> None:
    names = run_python(
        "import enum\nclass Colour(enum.Enum):\n    RED = 'red'\nColour.RED  # Colour.RED\n1 / 3  # 0.333\n"
        "'a' * 3  # 'aaa'\nprint('one two')  # ... two\nx = 2  # not compared\n",
        "page.md:1",
    )
    assert names["x"] == 2


def test_a_tree_names_its_files() -> None:
    assert tree_names("safety/\n  a.yaml, b.yaml   two files\n  suites/*.yaml") == [
        "safety/", "a.yaml", "b.yaml", "suites/*.yaml"
    ]  # fmt: skip


def test_only_words_of_the_list_leave_a_block_out(terminal: Terminal) -> None:
    page = terminal.home.parent / "page.md"
    page.write_text("<!-- recipe: scorer -->\n```python\n1 / 0\n```\n", encoding="utf-8")
    (block,) = read_blocks(page)
    assert treatment(block) == "recipe"
    run(page.read_text(encoding="utf-8"), terminal)
