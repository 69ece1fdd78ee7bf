"""Morse code of letters, digits and common signs; "/" or a wide gap between words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec, find_all
from safecase.text.reading import Reading

CODES = {
    "a": ".-", "b": "-...", "c": "-.-.", "d": "-..", "e": ".", "f": "..-.", "g": "--.", "h": "....",
    "i": "..", "j": ".---", "k": "-.-", "l": ".-..", "m": "--", "n": "-.", "o": "---", "p": ".--.",
    "q": "--.-", "r": ".-.", "s": "...", "t": "-", "u": "..-", "v": "...-", "w": ".--", "x": "-..-",
    "y": "-.--", "z": "--..", "0": "-----", "1": ".----", "2": "..---", "3": "...--", "4": "....-",
    "5": ".....", "6": "-....", "7": "--...", "8": "---..", "9": "----.", ".": ".-.-.-", ",": "--..--",
    "?": "..--..", "'": ".----.", "!": "-.-.--", "/": "-..-.", "(": "-.--.", ")": "-.--.-", "&": ".-...",
    ":": "---...", ";": "-.-.-.", "=": "-...-", "+": ".-.-.", "-": "-....-", "_": "..--.-", '"': ".-..-.",
    "$": "...-..-", "@": ".--.-.",
}  # fmt: skip
"""Sign → code, after ITU-R M.1677-1, and the signs in common use beside it."""
_LETTERS = {code: letter for letter, code in CODES.items()}
_RUN = re.compile(r"(?<![.\-\w])[.\-]{1,7}(?:[ ]{1,3}(?:[/|][ ]{1,3})?[.\-]{1,7}){4,}(?![.\-\w])")
"""Five codes or more, none of them longer than the longest: fewer are dots and dashes of prose."""
_BETWEEN_WORDS = re.compile(r" {1,3}[/|] {1,3}| {3}")


def _encode(text: str) -> str:
    words = text.lower().split()
    return " / ".join(" ".join(CODES[letter] for letter in word if letter in CODES) for word in words)


def _decode(text: str) -> str:
    words = _BETWEEN_WORDS.split(text)
    return " ".join("".join(_LETTERS.get(code, "") for code in word.split()) for word in words)


def _suspects(reading: Reading) -> bool:
    signs = reading.text.count(".") + reading.text.count("-")
    return signs >= 8 and signs >= len(reading.sizes) // 2


_find = find_all(_RUN, _decode)


def _scan(text: str) -> Iterator[str]:
    for _, _, found in _find(text):
        yield found


CODEC = Codec(
    name="morse",
    description="Morse code.",
    encode=_encode,
    decode=_decode,
    loss="case, white space other than single spaces, and signs that have no code",
    suspects=_suspects,
    find=_find,
    scan=_scan,
    precedence=95,
)
