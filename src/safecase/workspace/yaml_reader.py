"""YAML to plain data with the place of every key and value. Nothing in a file can run or explode."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safecase.base import Node, Problem, ProblemLevel, SourcePosition, YamlSyntaxError, compose_yaml

if TYPE_CHECKING:
    from safecase.catalog import CatalogStore

MAXIMUM_BYTES = 32 * 1024 * 1024
MAXIMUM_DEPTH = 64
MAXIMUM_NODES = 2_000_000

Path_ = tuple[str | int, ...]
"""Where a value stands in a document: keys and list positions."""

_PLAIN_TAGS = ("", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_TRUE = re.compile(r"^(?:true|True|TRUE)$")
_FALSE = re.compile(r"^(?:false|False|FALSE)$")
_INTEGER = re.compile(r"^[-+]?[0-9]{1,18}$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")


@dataclass
class LocatedDocument:
    """One file's data and the position of everything in it."""

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    catalogs: CatalogStore | None = None
    """Where taxonomy references are looked up; None: in the catalogs that ship."""

    def position(self, path: Path_, *, key: bool = False) -> SourcePosition:
        """Where ``path`` stands; the nearest enclosing place that is known where it does not."""
        current = path
        while current:
            found = (self.keys if key else self.values).get(current) or self.keys.get(current)
            found = found or self.values.get(current)
            if found is not None:
                return SourcePosition(file=self.file, line=found[0], column=found[1])
            current = current[:-1]
        return SourcePosition(file=self.file)

    def problem(
        self, path: Path_, code: str, message: str, *, hint: str | None = None, key: bool = False
    ) -> None:
        """Note an error at ``path``."""
        self.problems.append(
            Problem(
                code=code,
                level=ProblemLevel.ERROR,
                message=message,
                position=self.position(path, key=key),
                hint=hint,
            )
        )


def read_yaml(path: Path, name: str) -> LocatedDocument:
    """Read one workspace file; what is wrong with it stands in ``problems``.

    The file holds one mapping. Duplicate keys, merge keys, custom tags, several documents, aliases
    that would swell the data, and depth or size beyond the limits are mistakes.
    """
    document = LocatedDocument(name)
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            document.problem((), "yaml-size", f"the file is larger than {MAXIMUM_BYTES // 1024**2} MiB")
            return document
        raw = path.read_bytes()
    except OSError as error:
        document.problem((), "yaml-unreadable", f"the file cannot be read: {error.strerror}")
        return document
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        document.values[()] = (line, 1)
        document.problems.append(
            Problem(
                code="yaml-encoding",
                level=ProblemLevel.ERROR,
                message="the file is not UTF-8 text",
                position=SourcePosition(file=name, line=line, column=1),
                hint="save it as UTF-8",
            )
        )
        return document
    read_yaml_text(text, document)
    return document


def read_yaml_text(text: str, document: LocatedDocument) -> None:
    """Fill ``document`` from YAML text."""
    try:
        root = compose_yaml(text)
    except YamlSyntaxError as error:
        _syntax(document, error.line, error.column, error.message)
        return
    if root is None:
        return
    walker = _Walker(document)
    data = walker.convert(root, (), 0)
    if walker.stopped:
        return
    if not isinstance(data, dict):
        document.problem(
            (), "yaml-shape", "a workspace file holds a mapping at its top", hint="risks:, suites:, ..."
        )
        return
    document.data = data


def _syntax(document: LocatedDocument, line: int, column: int, message: str) -> None:
    hint = "indent with spaces, not tabs" if "\\t" in message or "tab" in message else None
    if "anchor" in message or "alias" in message:
        hint = "anchors must be defined before they are used"
    document.problems.append(
        Problem(
            code="yaml-syntax",
            level=ProblemLevel.ERROR,
            message=f"this is not valid YAML: {message}",
            position=SourcePosition(file=document.file, line=line, column=column),
            hint=hint,
        )
    )


class _Walker:
    def __init__(self, document: LocatedDocument) -> None:
        self.document = document
        self.nodes = 0
        self.stopped = False

    def _stop(self, node: Node, message: str) -> None:
        if not self.stopped:
            self.stopped = True
            mark = node.start_mark
            _syntax(self.document, mark.line + 1, mark.column + 1, message)

    def convert(self, node: Node, path: Path_, depth: int) -> Any:
        if self.stopped:
            return None
        self.nodes += 1
        if self.nodes > MAXIMUM_NODES:
            self._stop(node, "aliases make the file unpack to far more than it holds")
            return None
        if depth > MAXIMUM_DEPTH:
            self._stop(node, f"the data nests deeper than {MAXIMUM_DEPTH} levels")
            return None
        kind = node.id
        if kind != "scalar" or node.value or node.style:
            # A value that is left out stands nowhere: its key is the place to look at.
            mark = node.start_mark
            self.document.values[path] = (mark.line + 1, mark.column + 1)
        if kind != "scalar" and str(node.tag or "") not in _PLAIN_TAGS:
            self.document.problem(
                path, "yaml-tag", f"the tag {node.tag} is not allowed", hint="write plain values"
            )
            return None
        if kind == "mapping":
            return self._mapping(node, path, depth)
        if kind == "sequence":
            return [self.convert(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Node, path: Path_, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                self._stop(key_node, "a key must be a word")
                return result
            key = str(key_node.value)
            place = (*path, key)
            mark = key_node.start_mark
            if key in result:
                first = self.document.keys.get(place, (0, 0))
                self.document.problems.append(
                    Problem(
                        code="duplicate-key",
                        level=ProblemLevel.ERROR,
                        message=f"'{key}' stands here a second time; the first is in line {first[0]}",
                        position=SourcePosition(
                            file=self.document.file, line=mark.line + 1, column=mark.column + 1
                        ),
                        hint="keep one of them",
                    )
                )
                continue
            self.document.keys[place] = (mark.line + 1, mark.column + 1)
            result[key] = self.convert(value_node, place, depth + 1)
        return result

    def _scalar(self, node: Node, path: Path_) -> Any:
        text = str(node.value)
        tag = str(node.tag or "")
        if node.style in ("'", '"', "|", ">"):
            return text
        if tag and not tag.startswith("tag:yaml.org,2002:"):
            self.document.problem(
                path, "yaml-tag", f"the tag {tag} is not allowed", hint="write plain values"
            )
            return None
        if _NULL.match(text):
            return None
        if _TRUE.match(text):
            return True
        if _FALSE.match(text):
            return False
        if _INTEGER.match(text) and not (len(text.lstrip("+-")) > 1 and text.lstrip("+-")[0] == "0"):
            return int(text)
        if _FLOAT.match(text) and not _INTEGER.match(text):
            return float(text)
        return text
