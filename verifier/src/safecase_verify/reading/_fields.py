"""JSON objects become dataclasses, strictly: each field of its type, none missing, none unknown.

A record here names the fields that this code computes on. What else the format has is listed in ``UNREAD``:
known, carried, looked at by nobody here. A field in neither list is refused, because a pack that says more
than its reader understands must not pass.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from safecase_verify.errors import CheckFailed

Kind = TypeVar("Kind")
Reader = Callable[[Any], Any]


def read_record(kind: type[Kind], value: Any, place: str) -> Kind:
    """``value`` as a ``kind``. Raises CheckFailed, which names field and place, where it is none."""
    try:
        found: Kind = _reader(cast(Hashable, kind))(value)
    except _Misread as error:
        raise CheckFailed(f"this does not read: {error}", where=place) from None
    return found


class _Misread(Exception):
    """A value that is not what its field asks for; grows its path on the way out."""

    def __init__(self, message: str, path: str = "") -> None:
        self.message, self.path = message, path
        super().__init__(f"{path}: {message}" if path else message)

    def under(self, name: object) -> _Misread:
        return _Misread(self.message, f"{name}.{self.path}" if self.path else str(name))


@cache
def _reader(kind: Any) -> Reader:
    """How a value of an annotated type is read."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record_reader(kind)
    if kind is Any:
        return lambda value: value
    if origin in (Union, types.UnionType):
        (inner,) = (item for item in arguments if item is not type(None))
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        return _list_reader(_reader(arguments[0]))
    if origin in (dict, Mapping):
        return _mapping_reader(_reader(arguments[1]))
    if origin is Literal:
        return _word_reader(arguments)
    plain = {str: _text, int: _whole, float: _number, bool: _flag, date: _date, datetime: _moment}
    return plain[kind]


def _record_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    names = getattr(kind, "NAMES", {})
    readers = {
        names.get(item.name, item.name): (item.name, _reader(hints[item.name]))
        for item in fields(kind)
        if item.init
    }
    known = {*readers, *getattr(kind, "UNREAD", ())}

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _Misread("an object is asked for")
        unknown = value.keys() - known
        if unknown:
            raise _Misread(f"the field '{min(unknown)[:80]}' is not known to this version")
        found = {}
        for name, (attribute, reader) in readers.items():
            if name not in value:
                raise _Misread(f"the field '{name}' is missing")
            try:
                found[attribute] = reader(value[name])
            except _Misread as error:
                raise error.under(name) from None
        return kind(**found)

    return read


def known_fields(kind: Any) -> frozenset[str]:
    """The names of a record's fields in JSON, read or not."""
    names = getattr(kind, "NAMES", {})
    read = {names.get(item.name, item.name) for item in fields(kind) if item.init}
    return frozenset(read | {*getattr(kind, "UNREAD", ())})


def _list_reader(read: Reader) -> Reader:
    def read_all(value: Any) -> Any:
        if type(value) is not list:
            raise _Misread("a list is asked for")
        found = []
        for place, item in enumerate(value):
            try:
                found.append(read(item))
            except _Misread as error:
                raise error.under(place) from None
        return tuple(found)

    return read_all


def _mapping_reader(read: Reader) -> Reader:
    def read_all(value: Any) -> Any:
        if type(value) is not dict:
            raise _Misread("an object is asked for")
        found = {}
        for name, item in value.items():
            try:
                found[name] = read(item)
            except _Misread as error:
                raise error.under(name[:80]) from None
        return found

    return read_all


def _word_reader(words: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        # By type too: 1 would pass for True.
        if not any(type(value) is type(word) and value == word for word in words):
            raise _Misread(f"one of {', '.join(map(repr, words))} is asked for")
        return value

    return read


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _Misread("a text is asked for")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise _Misread("a whole number is asked for")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise _Misread("a finite number is asked for")
    return float(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise _Misread("true or false is asked for")
    return value


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        raise _Misread("a date is asked for") from None


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(_text(value))
    except ValueError:
        raise _Misread("a time is asked for") from None
