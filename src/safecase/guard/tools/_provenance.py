"""Where the values of a call come from: the user, the system's own fields, or somebody's text.

A value is traced by its text: it is the user's where the user wrote it, the system's where a trusted field
of a result holds it, and tainted where it stands in untrusted content and in neither. The first two are asked
strictly, the last generously: re-encoded, extended, cut out, or put together from parts, a value is still
tainted, and then said to be *altered*. What stands nowhere was made up by the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from urllib.parse import unquote

from safecase.base import JsonValue
from safecase.guard.tools import _value_matching as match
from safecase.text import (
    HOST_AND_PATH,
    all_ciphers,
    bare_address,
    bare_host,
    find_addresses,
    is_address,
    read_all,
)

_LONGEST = 1_000_000
"""Characters of a text that are searched; of untrusted ones the rest counts as able to hold any value."""
_SHORT = 20_000
"""Characters of a text whose forms are kept between calls, so that the cache stays small."""
_LONGEST_VALUE = 20_000
"""Characters of a value that is looked for by its parts; a longer one must stand in the user's text whole."""
_MOST_VALUES = 1000
"""Texts of one argument, or addresses in it, that are traced. Chosen without measurement; what lies beyond
counts as tainted, never as traced."""
_SHORTEST_CIPHERED = 8
"""Characters of a value that is looked for in cipher; with fifty forms, shorter ones are words by chance."""
_LONGEST_NAME = 200
"""Characters: what is longer is a sentence, whose words can all stand in a text by chance."""


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
class ValueOrigin:
    """Where one value was found."""

    argument: str
    provenance: Provenance
    source: str = ""
    """Which content holds it."""
    altered: bool = False
    """Not as it stands there: in another encoding, in part, or put together."""


@dataclass(frozen=True, slots=True)
class ReadContent:
    """One text that values can come from, in the forms that they are looked up in."""

    name: str
    provenance: Provenance
    levelled: str
    squeezed: str
    numbers: Mapping[float, int]


class ProvenanceTracker:
    """The texts of one conversation, and the tracing of values through them."""

    def __init__(self) -> None:
        self._trusted: list[ReadContent] = []
        self._untrusted: list[ReadContent] = []
        self._values: dict[str, str] = {}
        """Values of trusted fields, levelled, and whose they are."""
        self._hosts: set[str] = set()
        self._too_long = ""
        """Untrusted content that is longer than can be traced."""

    @property
    def has_untrusted(self) -> bool:
        """Whether any content that nobody vouches for was read."""
        return bool(self._untrusted)

    def add(self, name: str, text: str, provenance: Provenance) -> None:
        """Add a text. Untrusted text is kept with everything that is encoded in it."""
        if not text:
            return
        untrusted = provenance >= Provenance.DESIGNATED
        forms = _short_forms if len(text) <= _SHORT else _forms
        levelled, tight, numbers, whole = forms(text, untrusted)
        if not whole:
            self._too_long = name
        made = ReadContent(name, provenance, levelled, tight, numbers)
        (self._untrusted if untrusted else self._trusted).append(made)

    def add_value(self, name: str, value: str) -> None:
        """Add the value of a field that a system fills in. It vouches for the whole value, not for parts of
        it: where somebody managed to write a sentence into a name, the sentence's words stay untrusted."""
        levelled = match.level(value.strip())
        for form in (levelled, bare_address(levelled)):
            if form:
                self._values.setdefault(form, name)
        if is_address(levelled):
            self._hosts.add(bare_host(bare_address(levelled)))

    def trace(self, argument: str, value: JsonValue) -> list[ValueOrigin]:
        """The origins of a value, part by part: lists and objects by their leaves and keys."""
        found = []
        for index, part in enumerate(leaves(value)):
            if index >= _MOST_VALUES:
                found.append(ValueOrigin(argument, Provenance.TAINTED, "more values than can be traced"))
                break
            found.append(self._origin(argument, part))
        return found

    def trace_links(self, argument: str, value: JsonValue) -> list[ValueOrigin]:
        """The origins of the addresses that stand inside a text."""
        found: list[ValueOrigin] = []
        for part in leaves(value):
            for link in find_addresses(part):
                if len(found) >= _MOST_VALUES:
                    found.append(
                        ValueOrigin(argument, Provenance.TAINTED, "more addresses than can be traced")
                    )
                    return found
                found.append(self._origin(argument, link))
        return found

    def _origin(self, argument: str, text: str) -> ValueOrigin:
        """Where one text of an argument comes from, the kindest explanation that vouches before any that
        taints."""
        wanted = match.level(text.strip())
        if not wanted:
            return ValueOrigin(argument, Provenance.MODEL)
        if len(wanted) > _LONGEST_VALUE:
            return self._of_long_text(argument, wanted)
        if is_address(wanted):
            wanted = bare_address(wanted)
        vouched = self._vouched(wanted)
        if vouched is not None:
            return replace(vouched, argument=argument)
        found = self._whole(wanted) or self._altered(text, wanted)
        if found is not None:
            return replace(found, argument=argument)
        if self._too_long:
            return ValueOrigin(
                argument, Provenance.TAINTED, f"{self._too_long}, which is longer than can be traced"
            )
        return ValueOrigin(argument, Provenance.MODEL)

    def _of_long_text(self, argument: str, wanted: str) -> ValueOrigin:
        if any(source.levelled.strip() == wanted for source in self._trusted):
            return ValueOrigin(argument, Provenance.USER)
        if self._untrusted:
            return ValueOrigin(argument, Provenance.TAINTED, "more text than can be traced")
        return ValueOrigin(argument, Provenance.MODEL)

    def _vouched(self, wanted: str) -> ValueOrigin | None:
        """Where somebody trusted wrote the value, as a whole and by itself."""
        owner = self._values.get(wanted)
        number = match.as_number(wanted)
        forms = (wanted, f"www.{wanted}") if "." in wanted else (wanted,)
        best = None if owner is None else ValueOrigin("", Provenance.SYSTEM, owner)
        for source in self._trusted:
            if best is not None and best.provenance <= source.provenance:
                continue
            if (
                any(match.stands_alone(source.levelled, form) >= 0 for form in forms)
                or (number is not None and number in source.numbers)
                or match.spelled_out(source.levelled, wanted) >= 0
            ):
                best = ValueOrigin("", source.provenance, source.name)
        return best

    def _whole(self, wanted: str) -> ValueOrigin | None:
        """The untrusted content that holds the value; what the user pointed to before the rest."""
        number = match.as_number(wanted)
        best: ValueOrigin | None = None
        for source in self._untrusted:
            if best is not None and best.provenance <= source.provenance:
                continue
            if match.stands_anywhere(source.levelled, source.squeezed, wanted) >= 0 or (
                number is not None and abs(number) in source.numbers
            ):
                best = ValueOrigin("", source.provenance, source.name)
        return best

    def _altered(self, text: str, wanted: str) -> ValueOrigin | None:
        """The untrusted content that the value was made from."""
        if not self._untrusted:
            return None
        worst: ValueOrigin | None = None
        if len(wanted) >= _SHORTEST_CIPHERED:
            # No word gives a ciphered address away, but the value that it became does.
            for cipher in all_ciphers().values():
                found = self._whole(cipher.write(wanted))
                if found is not None and (worst is None or found.provenance > worst.provenance):
                    worst = replace(found, altered=True)
        for reading in self._readings(text, wanted):
            found = self._whole(reading) if reading != wanted else None
            for origin in (found, self._by_parts(reading), self._by_words(reading)):
                if origin is not None and (worst is None or origin.provenance > worst.provenance):
                    worst = replace(origin, altered=True)
        return worst

    def _readings(self, text: str, wanted: str) -> Iterator[str]:
        """The value as it stands, and all that it decodes to."""
        yield wanted
        plain = unquote(wanted)
        if plain != wanted:
            yield plain
        for reading in read_all(text).hidden:
            levelled = match.level(reading.text.strip())
            if levelled and levelled != wanted:
                yield levelled

    def _by_parts(self, wanted: str) -> ValueOrigin | None:
        """A value that carries a telling part of untrusted text is as tainted as that part."""
        worst: ValueOrigin | None = None
        parts = dict.fromkeys(match.telling_parts(wanted))
        links = [wanted] if HOST_AND_PATH.fullmatch(wanted) else find_addresses(wanted)
        for link in links:
            parts[link] = None
            if bare_host(link) not in self._hosts:
                parts[bare_host(link)] = None
        for index, part in enumerate(parts):
            if index >= _MOST_VALUES:
                return ValueOrigin("", Provenance.TAINTED, "more text than can be traced")
            if part == wanted or self._vouched(part) is not None:
                continue
            origin = self._whole(part)
            if origin is not None and (worst is None or origin.provenance > worst.provenance):
                worst = origin
        return worst

    def _by_words(self, wanted: str) -> ValueOrigin | None:
        """A name whose words all come from one untrusted text, in whatever order."""
        if len(wanted) > _LONGEST_NAME:
            return None
        left = wanted
        for value in self._values:
            if len(value) > 3 and value in left and match.stands_alone(left, value) >= 0:
                left = left.replace(value, " ")
        new = [word for word in match.words(left) if self._vouched(word) is None]
        if not new:
            return None
        for source in self._untrusted:
            if all(match.stands_alone(source.levelled, word) >= 0 for word in new):
                return ValueOrigin("", source.provenance, source.name)
        return None


def _forms(text: str, untrusted: bool) -> tuple[str, str, Mapping[float, int], bool]:
    """Levelled and squeezed text, its numbers, and whether all of an untrusted text is in them."""
    whole = len(text) <= _LONGEST or not untrusted
    text = text[:_LONGEST]
    if not untrusted:
        levelled = match.level(text)
        return levelled, "", match.numbers(levelled), True
    readings = read_all(text)
    levelled = match.level("\n".join(reading.text for reading in readings.all))
    return (
        levelled,
        match.remove_separators(levelled),
        match.numbers(levelled),
        whole and not readings.truncated,
    )


# A host that keeps no session puts the whole conversation again at each call.
_short_forms = lru_cache(maxsize=256)(_forms)


def leaves(value: JsonValue) -> Iterator[str]:
    """The texts of a value, numbers included, and the keys that are addresses or ids."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, bool) or item is None:
            continue
        elif isinstance(item, float):
            yield str(int(item)) if item.is_integer() and abs(item) < 1e15 else repr(item)
        elif isinstance(item, int):
            yield str(item)
        elif isinstance(item, list):
            waiting.extend(reversed(item))
        else:
            # A key is a word of the schema, except where it is an address or an id.
            waiting.extend(reversed([*filter(_telling, item), *item.values()]))


def _telling(key: str) -> bool:
    """Whether a key is an address or an id."""
    return next(match.telling_parts(key), None) is not None
