"""The workspace files and the decision log as a pack carries them: without people's names and addresses.

Nothing in the digest chain of the runs rests on these files, so they can be masked; both digests, of the file
as it stands in the workspace and of its masked copy, go into the signed statement. Whoever holds the
original can show that it is the one; whoever holds the pack learns nobody's address.

What is masked in a YAML file: ``name`` and ``email`` of ``people: persons:``, the same names wherever else
they stand in full in a value or a comment, and every e-mail address and secret; in values of several words
whatever else the finder knows, such as telephone numbers. Keys keep such names, since somebody may be called
"people", and the file must still read. Suites stay as they are, because what a test contains is test data. Of
gates what decides stays: the manifest freezes it by digest, and a gate's words are no part of that.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from safecase.base import InputError, JsonValue, canonical_json
from safecase.evidence._packed_workspace import is_workspace_file
from safecase.evidence.redaction import Redactor, find_spans
from safecase.model import GATE_WORDS, Acceptance, Decision, parse_entry, text_digest

_KINDS = frozenset({"email", "secret"})
_CONTACT = ("name", "email")
_SHORTEST_NAME = 5
"""Letters of a name that is masked wherever it stands: shorter ones are words too often, and the rest of the
file must stay readable. Chosen without measurement."""
_HEADERS = frozenset({"extra_headers", "headers", "query"})
_QUERY_VALUE = re.compile(r"[?&][^\s=&#\"']{1,200}=([^\s&#\"',}\]]{1,2000})")
_LEAST_WORDS = 3
"""Of a value that is a sentence."""
Span = tuple[int, int, str]
Masked = TypeVar("Masked", Acceptance, Decision)


def mask_files(
    files: Mapping[str, bytes], redactor: Redactor
) -> tuple[dict[str, bytes], list[dict[str, JsonValue]]]:
    """The files with what the module's text names masked and counted in ``redactor``.

    The second value has one entry for each file that changed: ``name``, ``original_sha256``, ``sha256``.
    """
    documents = {name: _Document(data) for name, data in files.items() if is_workspace_file(name)}
    names = {found for document in documents.values() for found in document.names}
    result: dict[str, bytes] = {}
    changed: list[dict[str, JsonValue]] = []
    for name, data in files.items():
        masked = data
        if name in documents:
            masked = documents[name].mask(names, redactor.counts)
        elif name == "decisions.jsonl":
            masked = _mask_decisions(data, names, redactor)
        result[name] = masked
        if masked != data:
            changed.append({"name": name, "original_sha256": _sha256(data), "sha256": _sha256(masked)})
    return result, changed


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class _Document:
    """One YAML file: where its contact fields stand, and which parts stay as they are."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8", "surrogateescape")
        self.contacts: list[tuple[int, int, str, str]] = []
        self.kept: list[tuple[int, int]] = []
        self.names: set[str] = set()
        root = _compose(self.text)
        self.scalars = sorted(_scalars(root))
        if root is None or root.id != "mapping":
            return
        for key, value in root.value:
            if str(key.value) == "suites":
                self.kept.append((value.start_mark.index, value.end_mark.index))
            elif str(key.value) == "gates":
                # What decides stays: a digest covers it.
                self.kept += [
                    (node.start_mark.index, node.end_mark.index) for node, _ in _leaves(value, GATE_WORDS)
                ]
            elif str(key.value) == "targets":
                self._read_targets(value)
            elif str(key.value) == "people":
                self._read_people(value)

    def _read_people(self, people: Any) -> None:
        for field, node in _fields(people, ("persons",)):
            for person in node.value if node.id == "sequence" else ():
                for field, value in _fields(person, _CONTACT):
                    if value.id != "scalar" or not str(value.value).strip():
                        continue
                    start, end = value.start_mark.index, value.end_mark.index
                    anchor = f"&{value.anchor} " if value.anchor else ""
                    tail = "\n" if self.text[start:end].endswith("\n") else ""
                    self.contacts.append((start, end, field, f'{anchor}"[redacted:{field}]"{tail}'))
                    if field == "name" and len(str(value.value).strip()) >= _SHORTEST_NAME:
                        self.names.add(str(value.value).strip())

    def _read_targets(self, targets: Any) -> None:
        """Values of headers and of queries, whatever they are called: some of them are keys."""
        for start, end, is_value in _scalars(targets):
            if is_value and "://" in self.text[start:end]:
                for match in _QUERY_VALUE.finditer(self.text, start, end):
                    # Without brackets: the URL may stand in a flow mapping without quotes.
                    self.contacts.append((*match.span(1), "secret", "REDACTED"))
        for headers in _below(targets, _HEADERS):
            for start, end, is_value in _scalars(headers):
                if is_value and start < end:
                    quote = "" if self.text[start - 1] in "'\"" else '"'
                    self.contacts.append((start, end, "secret", f"{quote}[redacted:secret]{quote}"))

    def mask(self, names: set[str], counts: Counter[str]) -> bytes:
        """The file's bytes with contact fields, known names, addresses and secrets masked and counted."""
        # An alias leads to the place of its anchor, which is masked once.
        changes = list({change[0]: change for change in self.contacts}.values())
        taken = [(start, end) for start, end, _, _ in changes] + self.kept
        named = (span for span in _named(self.text, names) if self._is_content(*span[:2]))
        for start, end, kind in sorted((*named, *find_spans(self.text, _KINDS), *self._in_sentences())):
            if all(end <= first or start >= last for first, last in taken):
                taken.append((start, end))
                changes.append((start, end, kind, f"[redacted:{kind}]"))
        if not changes:
            return self.text.encode("utf-8", "surrogateescape")
        pieces: list[str] = []
        position = 0
        for start, end, kind, text in sorted(changes):
            pieces += (self.text[position:start], text)
            position = end
            counts[kind] += 1
        return "".join((*pieces, self.text[position:])).encode("utf-8", "surrogateescape")

    def _in_sentences(self) -> Iterator[Span]:
        """What else stands in values of several words: a bound or a date by itself is no telephone number."""
        for start, end, is_value in self.scalars:
            text = self.text[start:end]
            if is_value and len(text.split(None, _LEAST_WORDS)) >= _LEAST_WORDS:
                for first, last, kind in find_spans(text):
                    if kind not in _KINDS:
                        yield start + first, start + last, kind

    def _is_content(self, start: int, end: int) -> bool:
        """Whether a span lies in a value or a comment, not in a key or in what holds the file together."""
        if not self.scalars:
            return True  # the file does not read, so nothing in it can be told apart
        at = bisect_right(self.scalars, start, key=lambda scalar: scalar[0])
        _, last, is_value = self.scalars[at - 1] if at else (0, 0, False)
        if start < last:
            return is_value and end <= last
        # Outside of scalars words stand in comments only, and a comment begins on its own line.
        line = max(last, self.text.rfind("\n", 0, start) + 1)
        return "#" in self.text[line:start]


def _compose(text: str) -> Any:
    """The tree of YAML nodes with their places; None where the file does not read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _fields(node: Any, wanted: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Name and node of the wanted keys of a YAML mapping; none of anything else."""
    if node.id == "mapping":
        for key, value in node.value:
            if str(key.value) in wanted:
                yield str(key.value), value


def _below(root: Any, wanted: frozenset[str]) -> Iterator[Any]:
    """The nodes under the wanted keys, wherever they stand."""
    waiting = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.id == "mapping":
            for key, value in node.value:
                if str(key.value) in wanted:
                    yield value
                else:
                    waiting.append(value)
        elif node.id == "sequence":
            waiting += node.value


def _leaves(root: Any, without: frozenset[str] = frozenset()) -> Iterator[tuple[Any, bool]]:
    """Each scalar, and whether it is a value and no key; what is under a key of ``without`` is left out."""
    waiting = [(root, True)] if root is not None else []
    seen: set[int] = set()  # an alias is the node of its anchor, and may stand inside of it
    while waiting:
        node, is_value = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.id == "mapping":
            for key, value in node.value:
                waiting.append((key, False))
                if str(key.value) not in without:
                    waiting.append((value, is_value))
        elif node.id == "sequence":
            waiting += [(item, is_value) for item in node.value]
        else:
            yield node, is_value


def _scalars(root: Any) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each scalar without its quotes, and whether it is a value and no key."""
    for node, is_value in _leaves(root):
        quoted = node.style in ("'", '"')
        yield node.start_mark.index + quoted, node.end_mark.index - quoted, is_value


def _named(text: str, names: set[str]) -> Iterator[Span]:
    """Where a known name stands in full, as a word of its own."""
    for name in sorted(names):
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            yield match.start(), match.end(), "name"


def _mask_decisions(data: bytes, names: set[str], redactor: Redactor) -> bytes:
    """The decision log with its free texts masked, each with the digest by which it was signed.

    Signatures and chain cover those digests, so that both still hold.
    """
    lines: list[bytes] = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            entry = parse_entry(line)
        except ValueError as error:
            raise InputError("this decision does not read", where=f"decisions.jsonl:{number}") from error
        if isinstance(entry, Decision):
            acceptances = tuple(
                _mask_field(item, "justification", names, redactor) for item in entry.acceptances
            )
            masked = _mask_field(entry, "rationale", names, redactor)
            if (masked, acceptances) != (entry, entry.acceptances):
                masked = masked.model_copy(update={"acceptances": acceptances})
                line = canonical_json(masked.model_dump(mode="json", by_alias=True))
        lines.append(line + b"\n")
    return b"".join(lines)


def _mask_field(record: Masked, field: str, names: set[str], redactor: Redactor) -> Masked:
    """The record with one text masked and the digest of the original beside it, where that changes it."""
    text = getattr(record, field)
    masked = redactor.redact_text(redactor.redact_names(text, names))
    if masked == text:
        return record
    return record.model_copy(update={field: masked, f"{field}_digest": text_digest(text)})
