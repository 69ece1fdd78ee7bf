"""YAML text to a tree of nodes with the place of each: fast where libyaml reads as YAML 1.2 does, else exact.

``ruamel.yaml``, which reads YAML 1.2, is written in Python and takes seconds for a workspace of a thousand
cases. libyaml takes a fifteenth, but reads YAML 1.1, and differs in what `_DIFFERS` matches and in tags.
Such texts, and all that libyaml objects to, go to ``ruamel.yaml``, which has the last word on every mistake.
That the two agree on everything else is what ``tests/base/test_yaml_nodes.py`` holds against mutated files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

_DIFFERS = re.compile(
    "[\t\r\x85\u2028\u2029\ufeff]"  # other ideas of white space, line breaks and byte order marks
    r"|^(?:%|\.\.\.|---)"  # directives and ends of documents
    r"|(?:^|[ \[{,-])\?(?: |$)"  # keys that are marked as such
    r"|[\"'\]}]:(?! |$)",  # a colon that needs no space behind it, after quotes
    re.MULTILINE,
)
_DEFAULT_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))

_MALFORMED = (
    ValueError,
    RecursionError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    AssertionError,
)
"""What ``ruamel.yaml`` was seen to meet with in hostile text, instead of an error of its own."""


class Mark(Protocol):
    """A place in a text; both count from 0."""

    line: int
    column: int


class Node(Protocol):
    """A scalar, a sequence or a mapping, with the text that it was read from."""

    id: str
    """``scalar``, ``sequence`` or ``mapping``."""
    tag: Any
    value: Any
    """Text of a scalar, nodes of a sequence, pairs of nodes of a mapping."""
    style: str | None
    """Quotes of a scalar, or the sign of a block; empty or None where it is plain."""
    start_mark: Mark


class YamlSyntaxError(Exception):
    """Text that is no YAML: what is wrong, and where, counted from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def compose_yaml(text: str) -> Node | None:
    """The tree of one document; None where the text holds nothing. An alias is the node that it names.

    Raises YamlSyntaxError.
    """
    if not _DIFFERS.search(text):
        found, node = _compose_fast(text)
        if found:
            return node
    return _compose_exactly(text)


def load_own_yaml(text: str) -> Any:
    """The data of a YAML file that ships with the package, by libyaml where it is there.

    For such files a test holds that both readers load the same; text from elsewhere is not for this.
    """
    try:
        from yaml import CSafeLoader
    except ImportError:  # PyYAML was built without libyaml
        from ruamel.yaml import YAML

        return YAML(typ="safe", pure=True).load(text)
    from yaml import load

    return load(text, CSafeLoader)


def _compose_fast(text: str) -> tuple[bool, Node | None]:
    """Whether libyaml read the text without objection and without a tag, and what it read."""
    try:
        from yaml import YAMLError
        from yaml.cyaml import CParser
    except ImportError:  # PyYAML was built without libyaml
        return False, None
    from yaml.resolver import BaseResolver

    class Composer(CParser, BaseResolver):  # type: ignore[misc]
        """Composes nodes and resolves nothing: what a word means is told by YAML 1.2, not here."""

        def __init__(self) -> None:
            CParser.__init__(self, text)
            BaseResolver.__init__(self)

    try:
        root: Node | None = Composer().get_single_node()
    except (YAMLError, ValueError):
        return False, None
    return root is None or _untagged(root), root


def _compose_exactly(text: str) -> Node | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise YamlSyntaxError(message, line, column) from error
    except _MALFORMED as error:
        kind = type(error).__name__
        raise YamlSyntaxError(f"the file nests too deeply or is malformed ({kind})") from error
    return root


def _untagged(root: Node) -> bool:
    pending: list[Node] = [root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if node.tag not in _DEFAULT_TAGS:
            return False
        if node.id == "scalar" or id(node) in seen:
            continue
        seen.add(id(node))
        inner: Sequence[Any] = node.value
        if node.id == "mapping":
            pending.extend(part for pair in inner for part in pair)
        else:
            pending.extend(inner)
    return True
