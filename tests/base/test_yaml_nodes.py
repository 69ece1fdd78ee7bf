"""The fast reader of YAML and the exact one give the same tree, places included, or the exact one decides."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from safecase.base import Node, YamlSyntaxError, compose_yaml, load_own_yaml
from safecase.base.yaml_nodes import _DIFFERS, _compose_exactly, _compose_fast

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("src", "examples", "tests", "bench") for path in (ROOT / folder).rglob("*.yaml")
)
PIECES = (
    "- ", "? ", ": ", ":", "#", " #", "'", '"', "[", "]", "{", "}", ", ", ",", "&a ", "*a", "|\n", ">\n",
    "|-\n", ">2\n", "\n", "  ", " ", "\n\n", "---\n", "...\n", "~", "null", "é", "😀", "\\", "\\n", "\\u00e9",
    "-", "?", "@", "`", "key: v\n", "<<: ", "0x1F", "yes", "a: b: c", "\x07", "''", "\n#c\n", "!", "!!str ",
    "! ", "!x ", "{a: 1}", "[a, b]", "{a:1}", "a:", '"b":1', "\t", "%YAML 1.1\n", "\u2028", "word ",
)  # fmt: skip


def tree(node: Node | None) -> Any:
    """What a workspace reads of a node; a value that is left out has no place."""
    if node is None:
        return None
    place = (node.start_mark.line, node.start_mark.column)
    if node.id == "scalar":
        return ("scalar", place if node.value or node.style else None, node.value, node.style or "")
    if node.id == "sequence":
        return ("sequence", place, [tree(item) for item in node.value])
    return ("mapping", place, [(tree(key), tree(value)) for key, value in node.value])


def same(text: str) -> bool | None:
    """Whether both read the same; None where the fast one passes the text on."""
    if _DIFFERS.search(text):
        return None
    found, node = _compose_fast(text)
    if not found:
        return None
    exact = _compose_exactly(text)
    # A file whose top is no mapping is refused as such, whatever its place.
    if node is None or exact is None or "scalar" in (node.id, exact.id):
        return True
    return bool(tree(node) == tree(exact))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_the_package_reads_alike(path: Path) -> None:
    assert same(path.read_text(encoding="utf-8")) is not False


def test_the_suites_that_ship_are_read_by_the_fast_reader() -> None:
    suites = [path for path in FILES if path.parent.name == "suites" and "library" in path.parts]
    assert len(suites) > 15
    assert [path.name for path in suites if same(path.read_text(encoding="utf-8")) is None] == []


OWN = [path for path in FILES if "src" in path.parts and ("data" in path.parts or "templates" in path.name)]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_what_ships_is_loaded_alike_by_both(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert load_own_yaml(text) == YAML(typ="safe", pure=True).load(text)
    assert "gate_templates.yaml" in {item.name for item in OWN}


def mutated(draw: random.Random, text: str) -> str:
    """A few lines of a file with some of them broken."""
    lines = text.splitlines(keepends=True)
    start = draw.randrange(len(lines))
    text = "".join(lines[start : start + draw.randrange(1, 9)])
    for _ in range(draw.randrange(4)):
        place, chance = draw.randrange(len(text) + 1), draw.random()
        if chance < 0.6:
            text = text[:place] + draw.choice(PIECES) + text[place:]
        elif chance < 0.8:
            text = text[:place] + text[place + draw.randrange(1, 5) :]
        else:
            other = draw.randrange(len(text) + 1)
            text = text[:place] + text[other : other + 5] + text[place:]
    if draw.random() < 0.3:
        text = "".join(draw.choice((*PIECES, "a", "b")) for _ in range(draw.randrange(1, 10)))
    return text


def test_mutated_files_read_alike() -> None:
    draw = random.Random(20)
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    compared = 0
    for _ in range(1_500):
        text = mutated(draw, draw.choice(texts))
        try:
            agreed = same(text)
        except YamlSyntaxError:
            # libyaml knows a few forms of 1.2 that the other does not; it never reads less.
            continue
        assert agreed is not False, text
        compared += agreed is True
    assert compared > 500


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1, 2", (1, 9)),
        ("a: 1\n b: 2\n", (2, 3)),
        ("a: *nowhere\n", (1, 4)),
        ("a: 1\n--- \nb: 2\n", (2, 1)),
        ("a: " + "[" * 5_000 + "]" * 5_000, None),
    ],
)
def test_mistakes_are_told_by_the_exact_reader(text: str, place: tuple[int, int] | None) -> None:
    with pytest.raises(YamlSyntaxError) as caught:
        compose_yaml(text)
    if place:
        assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    "text",
    ["a: !!python/object:os.system x", "a: !x 1", "%YAML 1.1\n---\na: yes", "? a\n: b", "a:\tb"],
)
def test_what_the_two_may_read_otherwise_goes_to_the_exact_reader(text: str) -> None:
    assert same(text) is None


def test_an_alias_is_the_node_that_it_names() -> None:
    root = compose_yaml("a: &x [1]\nb: *x\n")
    assert root is not None
    assert root.value[0][1] is root.value[1][1]


def test_without_libyaml_the_exact_reader_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "yaml.cyaml", None)
    assert _compose_fast("a: 1") == (False, None)
    assert tree(compose_yaml("a: [1, 'b']")) == tree(_compose_exactly("a: [1, 'b']"))
