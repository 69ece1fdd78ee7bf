"""Encodings: the text is there for a program to read, and hidden from a careless filter."""

from __future__ import annotations

import base64
import codecs
import html
import string
from urllib.parse import quote, unquote

from safecase.attacks._registry import TextConverter

_MORSE = {
    "a": ".-",
    "b": "-...",
    "c": "-.-.",
    "d": "-..",
    "e": ".",
    "f": "..-.",
    "g": "--.",
    "h": "....",
    "i": "..",
    "j": ".---",
    "k": "-.-",
    "l": ".-..",
    "m": "--",
    "n": "-.",
    "o": "---",
    "p": ".--.",
    "q": "--.-",
    "r": ".-.",
    "s": "...",
    "t": "-",
    "u": "..-",
    "v": "...-",
    "w": ".--",
    "x": "-..-",
    "y": "-.--",
    "z": "--..",
    "0": "-----",
    "1": ".----",
    "2": "..---",
    "3": "...--",
    "4": "....-",
    "5": ".....",
    "6": "-....",
    "7": "--...",
    "8": "---..",
    "9": "----.",
    ".": ".-.-.-",
    ",": "--..--",
    "?": "..--..",
    "'": ".----.",
    "!": "-.-.--",
    "/": "-..-.",
    "(": "-.--.",
    ")": "-.--.-",
    "&": ".-...",
    ":": "---...",
    ";": "-.-.-.",
    "=": "-...-",
    "+": ".-.-.",
    "-": "-....-",
    "_": "..--.-",
    '"': ".-..-.",
    "$": "...-..-",
    "@": ".--.-.",
}
_UNMORSE = {code: letter for letter, code in _MORSE.items()}
_LETTERS = string.ascii_lowercase
_ATBASH = str.maketrans(_LETTERS + _LETTERS.upper(), _LETTERS[::-1] + _LETTERS.upper()[::-1])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _shift(text: str, by: int) -> str:
    moved = _LETTERS[by:] + _LETTERS[:by]
    return text.translate(str.maketrans(_LETTERS + _LETTERS.upper(), moved + moved.upper()))


def _to_morse(text: str) -> str:
    words = text.lower().split()
    return " / ".join(" ".join(_MORSE[letter] for letter in word if letter in _MORSE) for word in words)


def _from_morse(text: str) -> str:
    return " ".join("".join(_UNMORSE.get(code, "") for code in word.split()) for word in text.split(" / "))


def _to_binary(text: str) -> str:
    return " ".join(f"{byte:08b}" for byte in _bytes(text))


def _from_binary(text: str) -> str:
    return _text(bytes(int(part, 2) for part in text.split()))


BASE64 = TextConverter(
    "base64",
    "1",
    "Base64 of the UTF-8 bytes.",
    lambda text: base64.b64encode(_bytes(text)).decode(),
    lambda text: _text(base64.b64decode(text)),
)
BASE32 = TextConverter(
    "base32",
    "1",
    "Base32 of the UTF-8 bytes.",
    lambda text: base64.b32encode(_bytes(text)).decode(),
    lambda text: _text(base64.b32decode(text)),
)
ASCII85 = TextConverter(
    "ascii85",
    "1",
    "Ascii85 of the UTF-8 bytes.",
    lambda text: base64.a85encode(_bytes(text)).decode(),
    lambda text: _text(base64.a85decode(text)),
)
HEX = TextConverter(
    "hex", "1", "Hexadecimal bytes.", lambda text: _bytes(text).hex(), lambda text: _text(bytes.fromhex(text))
)
ROT13 = TextConverter(
    "rot13",
    "1",
    "Letters moved by thirteen.",
    lambda text: codecs.encode(text, "rot13"),
    lambda text: codecs.encode(text, "rot13"),
)
CAESAR = TextConverter(
    "caesar", "1", "Letters moved by three.", lambda text: _shift(text, 3), lambda text: _shift(text, 23)
)
ATBASH = TextConverter(
    "atbash",
    "1",
    "The alphabet backwards.",
    lambda text: text.translate(_ATBASH),
    lambda text: text.translate(_ATBASH),
)
MORSE = TextConverter("morse", "1", "Morse code.", _to_morse, _from_morse)
BINARY = TextConverter("binary", "1", "Bytes as ones and zeros.", _to_binary, _from_binary)
URL = TextConverter(
    "url",
    "1",
    "Percent-encoded.",
    lambda text: quote(_bytes(text), safe=""),
    lambda text: unquote(text, errors="surrogatepass"),
)
HTML_ENTITIES = TextConverter(
    "html_entities",
    "1",
    "Every character as a numeric HTML entity.",
    lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    html.unescape,
)
REVERSED = TextConverter("reversed", "1", "Backwards.", lambda text: text[::-1], lambda text: text[::-1])
UNICODE_ESCAPE = TextConverter(
    "unicode_escape",
    "1",
    "Every character as a backslash escape.",
    lambda text: "".join(f"\\U{ord(letter):08x}" for letter in text),
    lambda text: "".join(chr(int(part, 16)) for part in text.split("\\U")[1:]),
)
