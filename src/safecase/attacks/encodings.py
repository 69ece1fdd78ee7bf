"""Encodings: the text is there for a program to read, and hidden from a careless filter."""

from __future__ import annotations

from safecase.attacks._registry import TextConverter
from safecase.text import find_codec


def _from_codec(name: str) -> TextConverter:
    codec = find_codec(name)
    return TextConverter(name, "1", codec.description, codec.encode, codec.decode)


BASE64 = _from_codec("base64")
BASE32 = _from_codec("base32")
ASCII85 = _from_codec("ascii85")
HEX = _from_codec("hex")
ROT13 = _from_codec("rot13")
CAESAR = _from_codec("caesar")
ATBASH = _from_codec("atbash")
MORSE = _from_codec("morse")
BINARY = _from_codec("binary")
URL = _from_codec("url")
HTML_ENTITIES = _from_codec("html_entities")
REVERSED = _from_codec("reversed")
UNICODE_ESCAPE = _from_codec("unicode_escape")
