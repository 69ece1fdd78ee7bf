"""Undoing encodings in place: base64, base32, ascii85, hex, URL, HTML, escapes, binary, decimal, Morse."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote_to_bytes

from safecase.guard._text_view import Edit, TextView, named, rewrite

LONGEST_LINE_OF_GARBAGE = 0.15
"""Share of characters that may be unprintable in what still counts as readable."""

_URL = re.compile(r"(?:[^\s%]{0,3}%[0-9A-Fa-f]{2})(?:[^\s%]{0,40}%[0-9A-Fa-f]{2}){2,}")
_HTML = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_ESCAPE = re.compile(r"(?:\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\x[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]{1,6}\})+")
_ONE_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|[uUx]([0-9A-Fa-f]+))")
_BINARY = re.compile(r"(?<![0-9A-Za-z])[01]{7,8}(?:[ ,]{0,2}[01]{7,8}){3,}(?![0-9A-Za-z])")
_DECIMAL = re.compile(r"(?<![\d.])\d{2,3}(?:[ ,]{1,2}\d{2,3}){5,}(?![\d.])")
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{2}(?:[ :,]{0,2}(?:0x)?[0-9A-Fa-f]{2}){7,}(?![0-9A-Za-z])"
)
_BASE32 = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z2-7]{8}){2,}[A-Z2-7]{0,7}={0,6}(?![A-Za-z0-9=])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}(?:\r?\n[A-Za-z0-9+/_-]{4,})*={0,2}")
_SPLIT_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{2,8}(?:[ .|-][A-Za-z0-9+/]{2,8}){4,}={0,2}")
_ODD = re.compile(r"[A-Z0-9](?<=[a-z].)[A-Za-z0-9+/]{0,6}[ .|-][A-Za-z0-9+/]{0,7}[A-Z0-9](?<=[a-z].)")
_ASCII85 = re.compile(r"(?<!\S)(?:<~)?[!-uz]{15,}(?:~>)?(?!\S)")
_MORSE = re.compile(r"(?<![.\-\w])[.\-]{1,6}(?:[ ]{1,3}(?:[/|][ ]{1,3})?[.\-]{1,6}){4,}(?![.\-\w])")
_MORSE_SIGNS = set(".-/ |")
_BREAKS = re.compile(r"[\s,:.|-]+")
_URLSAFE = str.maketrans("-_", "+/")
_LETTERS_OF_MORSE = {
    ".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g", "....": "h",
    "..": "i", ".---": "j", "-.-": "k", ".-..": "l", "--": "m", "-.": "n", "---": "o", ".--.": "p",
    "--.-": "q", ".-.": "r", "...": "s", "-": "t", "..-": "u", "...-": "v", ".--": "w", "-..-": "x",
    "-.--": "y", "--..": "z", "-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4",
    ".....": "5", "-....": "6", "--...": "7", "---..": "8", "----.": "9", ".-.-.-": ".", "--..--": ",",
    "..--..": "?", "-....-": "-", ".----.": "'", "-..-.": "/", "---...": ":", ".--.-.": "@",
}  # fmt: skip


def readable(data: bytes) -> str:
    """The text of ``data`` where it is one that people could read, else nothing."""
    if len(data) < 3:
        return ""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A piece cut off within a character, or followed by a stray byte, is still a message.
        if error.start < 12 or error.start < len(data) * 0.8:
            return ""
        text = data[: error.start].decode("utf-8")
    strange = sum(not (c.isprintable() or c in "\n\r\t") for c in text)
    if strange > LONGEST_LINE_OF_GARBAGE * len(text):
        return ""
    words = sum(c.isalnum() or c == " " for c in text)
    return text if words * 3 > len(text) or not set(text) - _MORSE_SIGNS else ""


def decode_level(view: TextView) -> Iterator[TextView]:
    """The view with one level of every encoding in it undone; nothing where there is none."""
    text = view.text
    taken: list[tuple[int, int]] = []
    edits: list[Edit] = []
    names: list[str] = []
    shape = _Shape(text, view.hints)
    for name, applies, find in _DECODERS:
        if not applies(shape):
            continue
        for start, end, new in find(text):
            if new != text[start:end] and not any(start < e and s < end for s, e in taken[-64:]):
                taken.append((start, end))
                edits.append((start, end, new))
                if name not in names:
                    names.append(name)
    if edits:
        edits.sort(key=lambda edit: edit[0])
        yield rewrite(view, named(view, "+".join(names)), _disjoint(edits))


def _disjoint(edits: list[Edit]) -> Iterator[Edit]:
    at = 0
    for edit in edits:
        if edit[0] >= at:
            yield edit
            at = edit[1]


def _found(pattern: re.Pattern[str], decode: Callable[[str], str]) -> Callable[[str], Iterator[Edit]]:
    def find(text: str) -> Iterator[Edit]:
        for match in pattern.finditer(text):
            new = decode(match.group())
            if new:
                yield match.start(), match.end(), new

    return find


def _url(piece: str) -> str:
    return unquote_to_bytes(piece.replace("+", " ")).decode("utf-8", "replace")


def _escape(piece: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = int(match.group(1) or match.group(2), 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"

    return _ONE_ESCAPE.sub(one, piece)


def _binary(piece: str) -> str:
    parts = _BREAKS.split(piece)
    if len(parts) == 1:
        parts = [piece[place : place + 8] for place in range(0, len(piece) - 7, 8)]
    return readable(bytes(int(part[-8:], 2) for part in parts if part))


def _decimal(piece: str) -> str:
    numbers = [int(part) for part in _BREAKS.split(piece)]
    if any(number > 255 for number in numbers):
        return ""
    text = readable(bytes(numbers))
    return text if sum(c.isalpha() or c == " " for c in text) > 0.8 * len(text) else ""


def _hex(piece: str) -> str:
    digits = _BREAKS.sub("", piece.replace("0x", ""))
    return readable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _base32(piece: str) -> str:
    body = piece.rstrip("=")
    try:
        return readable(base64.b32decode(body + "=" * (-len(body) % 8)))
    except binascii.Error:
        return ""


def _base64(piece: str) -> str:
    body = _BREAKS.sub("", piece.rstrip("=")) if any(c in piece for c in "\n\r") else piece.rstrip("=")
    return _base64_body(body)


def _split_base64(piece: str) -> str:
    return _base64_body(_BREAKS.sub("", piece.rstrip("=")))


def _base64_body(body: str) -> str:
    if body.isalpha() and (body.islower() or body.isupper()):
        return ""
    body = body.translate(_URLSAFE)
    # A word glued to the front shifts the alphabet's groups, so each of the four phases is a candidate.
    for phase in range(4 if len(body) > 24 else 1):
        part = body[phase:]
        part = part[: len(part) // 4 * 4] if len(part) % 4 == 1 else part + "=" * (-len(part) % 4)
        try:
            text = readable(base64.b64decode(part, validate=True))
        except binascii.Error:
            continue
        if text:
            return text
    return ""


def _ascii85(piece: str) -> str:
    body = piece.removeprefix("<~").removesuffix("~>")
    try:
        data = base64.a85decode(body)
    except ValueError:
        return ""
    text = readable(data)
    # Plain words are valid ascii85 too, so what comes out must be words.
    return text if sum(c.isalpha() or c == " " for c in text) > 0.85 * len(text) else ""


def _morse(piece: str) -> str:
    words = re.split(r" {1,3}[/|] {1,3}| {3}", piece)
    letters = ["".join(_LETTERS_OF_MORSE.get(code, "") for code in word.split()) for word in words]
    return " ".join(letters)


@dataclass(frozen=True)
class _Shape:
    """What can be told of a text at little cost: which decoders are worth asking."""

    text: str
    hints: frozenset[str]

    @cached_property
    def sizes(self) -> list[int]:
        """Lengths of the tokens between spaces."""
        return list(map(len, self.text.split()))

    @cached_property
    def longest(self) -> int:
        """The longest token's length, as far as anybody asks."""
        return max(self.sizes, default=0) if "long_token" in self.hints else 0


def _many_short_tokens(shape: _Shape) -> bool:
    if shape.longest >= 16:
        return True
    if "digit" not in shape.hints:
        return False
    pairs = shape.sizes.count(2)
    return pairs >= 8 and sum(map(shape.text.count, "0123456789")) * 4 >= pairs


def _dots_and_dashes(shape: _Shape) -> bool:
    signs = shape.text.count(".") + shape.text.count("-")
    return signs >= 8 and signs >= len(shape.sizes) // 2


def _odd_tokens(shape: _Shape) -> bool:
    """Tokens in mixed case or with digits inside, in a row: a base64 text cut into groups."""
    return "mixed_case" in shape.hints and _ODD.search(shape.text) is not None


_Decoder = tuple[str, Callable[[_Shape], bool], Callable[[str], Iterator[Edit]]]
_DECODERS: tuple[_Decoder, ...] = (
    ("url", lambda shape: shape.text.count("%") >= 3, _found(_URL, _url)),
    ("html", lambda shape: "&" in shape.text and ";" in shape.text, _found(_HTML, html.unescape)),
    ("escape", lambda shape: "\\" in shape.text, _found(_ESCAPE, _escape)),
    ("binary", lambda shape: shape.text.count("0") + shape.text.count("1") >= 28, _found(_BINARY, _binary)),
    ("decimal", lambda shape: shape.text.count("1") + shape.text.count("0") >= 4, _found(_DECIMAL, _decimal)),
    ("hex", _many_short_tokens, _found(_HEX, _hex)),
    ("base32", lambda shape: shape.longest >= 16, _found(_BASE32, _base32)),
    ("base64", lambda shape: shape.longest >= 16, _found(_BASE64, _base64)),
    ("base64", _odd_tokens, _found(_SPLIT_BASE64, _split_base64)),
    ("ascii85", lambda shape: shape.longest >= 15, _found(_ASCII85, _ascii85)),
    ("morse", _dots_and_dashes, _found(_MORSE, _morse)),
)
"""Name, a cheap test whether a text may hold such a thing, the search; the first to take a place has it."""
