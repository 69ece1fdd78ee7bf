"""Where the values of a call come from: the user, the system's own fields, or somebody's text.

A value is traced by its text: it is the user's where the user wrote it, the system's where a trusted field
of a result holds it, and tainted where it stands in untrusted content and in neither. Spelling is levelled
before (case, spaces, separators of numbers), and values that carry several (lists, lines) are traced part by
part. What stands nowhere was made up by the model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from safecase.guard.views import make_views
from safecase.model.base import JsonValue

_LONGEST = 200_000
_SHORTEST = 3
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'`)\]}]{2,400}|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"
)
_TOKEN = re.compile(r"[\w@.+:/-]{4,}")
_NOT_NUMBER = re.compile(r"[^\d.]")


class Provenance(IntEnum):
    """From the most to the least trusted."""

    USER = 0
    SYSTEM = 1
    """A field that a tool's own system fills in."""
    MODEL = 2
    """Stands nowhere: made up, computed, or said in other words."""
    DESIGNATED = 3
    """In content that the user pointed to, by its address or name."""
    TAINTED = 4
    """In untrusted content that nobody pointed to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value was found."""

    argument: str
    provenance: Provenance
    source: str = ""
    """Which content holds it."""
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Source:
    """One text that values can come from."""

    name: str
    text: str
    provenance: Provenance


def level(text: str) -> str:
    """The text in the spelling that values are compared in; places stay where they are for plain text."""
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFKC", text).casefold()


class ProvenanceTracker:
    """The texts of one conversation, and the tracing of values through them."""

    def __init__(self) -> None:
        self._sources: list[tuple[Source, str, str]] = []
        self._values: dict[str, str] = {}
        """Values of trusted fields, levelled, and whose they are."""

    def add(self, name: str, text: str, provenance: Provenance) -> None:
        """Add a text. Untrusted text is kept with everything that is encoded in it."""
        text = text[:_LONGEST]
        if provenance is Provenance.TAINTED or provenance is Provenance.DESIGNATED:
            decoded = "\n".join(view.text for view in make_views(text).readings[1:])
            text = f"{text}\n{decoded}" if decoded else text
        levelled = level(text)
        self._sources.append((Source(name, text, provenance), levelled, _squeezed(levelled)))

    def add_value(self, name: str, value: str) -> None:
        """Add the value of a field that a system fills in. It vouches for the whole value, not for parts of
        it: where somebody managed to write a sentence into a name, the sentence's words stay untrusted."""
        for form in (level(value.strip()), _bare_link(level(value.strip()))):
            if form:
                self._values.setdefault(form, name)

    def trace(self, argument: str, value: JsonValue) -> list[Origin]:
        """The origins of a value, part by part: lists and objects by their leaves, texts by their lines."""
        return [self._origin(argument, part) for part in leaves(value)]

    def trace_links(self, argument: str, value: JsonValue) -> list[Origin]:
        """The origins of the addresses that stand inside a text."""
        found = []
        for part in leaves(value):
            for match in _LINK.finditer(part[:_LONGEST]):
                found.append(self._origin(argument, _bare_link(match.group().rstrip(".,;:!?"))))
        return found

    def _origin(self, argument: str, text: str) -> Origin:
        wanted = level(text.strip())
        if not wanted:
            return Origin(argument, Provenance.MODEL)
        if _LINK.fullmatch(wanted):
            wanted = _bare_link(wanted)
        squeezed = _squeezed(wanted)
        best: Origin | None = None
        if wanted in self._values:
            best = Origin(argument, Provenance.SYSTEM, self._values[wanted])
        for source, levelled, tight in self._sources:
            place = _find(levelled, wanted)
            if place < 0 and not (len(squeezed) >= 6 and squeezed in tight):
                place_of_number = _find_number(levelled, wanted)
                if place_of_number < 0:
                    continue
                place = place_of_number
            origin = Origin(argument, source.provenance, source.name, place, place + len(wanted))
            if best is None or origin.provenance < best.provenance:
                best = origin
        if best is not None:
            return best
        return self._by_parts(argument, wanted) or Origin(argument, Provenance.MODEL)

    def _by_parts(self, argument: str, wanted: str) -> Origin | None:
        """A value that carries a telling part of untrusted text is as tainted as that part."""
        worst: Origin | None = None
        for match in _LINK.finditer(wanted):
            origin = self._exact(argument, _bare_link(match.group().rstrip(".,;:!?")))
            if origin and (worst is None or origin.provenance > worst.provenance):
                worst = origin
        return worst

    def _exact(self, argument: str, text: str) -> Origin | None:
        best: Origin | None = None
        for source, levelled, _ in self._sources:
            place = levelled.find(text)
            if place >= 0 and (best is None or source.provenance < best.provenance):
                best = Origin(argument, source.provenance, source.name, place, place + len(text))
        return best


def _bare_link(text: str) -> str:
    """An address without scheme, ``www.`` and a closing slash, as people shorten it."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", text).rstrip("/")


def leaves(value: JsonValue) -> Iterator[str]:
    """The texts of a value, numbers included; bounded in depth by the JSON that holds it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, (int, float)):
        yield f"{value:g}" if isinstance(value, float) else str(value)
    elif isinstance(value, list):
        for item in value[:1000]:
            yield from leaves(item)
    elif isinstance(value, dict):
        for item in list(value.values())[:1000]:
            yield from leaves(item)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s\-_.,:/()]+", "", text)


def _find(levelled: str, wanted: str) -> int:
    """A short value must stand by itself; a long one may be part of a word."""
    if len(wanted) >= 8:
        return levelled.find(wanted)
    match = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", levelled)
    return match.start() if match else -1


def _find_number(levelled: str, wanted: str) -> int:
    """A number however it is written: 98.7, 98.70, 1,200."""
    if not re.fullmatch(r"-?\d[\d.,]{0,18}", wanted):
        return -1
    try:
        value = float(wanted.replace(",", ""))
    except ValueError:
        return -1
    for match in re.finditer(
        r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])\d{1,15}(?:\.\d{1,6})?", levelled
    ):
        if abs(float(match.group().replace(",", "")) - value) < 1e-9:
            return match.start()
    return -1


def trusted_values(result: str, fields: Iterable[str]) -> Iterator[str]:
    """The values of the fields that a tool's own system fills in, of a result in JSON, YAML or plain form.

    ``*`` names every field, keys included; of plain text each line counts, and what follows a colon in it.
    """
    wanted = frozenset(fields)
    if not wanted:
        return
    from safecase.guard.tools.results import parsed_result

    parsed = parsed_result(result[:_LONGEST])
    if "*" not in wanted:
        yield from _fields(parsed, wanted)
        return
    if not isinstance(parsed, str):
        yield from _everything(parsed)
        return
    for line in parsed.splitlines()[:5000]:
        yield line
        yield line.lstrip("-* ").strip()
        if ":" in line:
            yield line.partition(":")[2].strip()


def _everything(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _everything(item)
    elif isinstance(value, list):
        for item in value[:5000]:
            yield from _everything(item)
    else:
        yield str(value)


def _fields(value: Any, wanted: frozenset[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if str(key) in wanted:
                yield from _everything(item)
            else:
                yield from _fields(item, wanted)
    elif isinstance(value, list):
        for item in value[:5000]:
            yield from _fields(item, wanted)
