"""Seeing through disguises of text: what looks encoded, and what it says when decoded.

The hardened agent uses this only to notice that something is hidden. It never acts on decoded text.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
import urllib.parse
from collections.abc import Iterator


def _words(text: str) -> list[str]:
    return text.split()


_COMMON = frozenset(
    _words(
        """the and you that how what is to of in for make me with tell your this write can build explain give
        step instructions ignore previous system prompt print all about do not order please are my from steal
        create hack account someone password into get an it where when will have should which without"""
    )
)
_HOMOGLYPHS = str.maketrans(
    "аеорсухіјѕԁԛԝһɡοανρτυικΑΒΕΗΙΚΜΝΟΡΤΧΥΖАВЕКМНОРСТХɑе",
    "aeopcyxijsdqwhgoavptuikABEHIKMNOPTXYZABEKMHOPCTXae",
)
_LEET = str.maketrans("013457@$!|8", "oleastasilb")
_MORSE = dict(
    zip(
        _words(
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- "
            "-..- -.-- --.."
        ),
        "abcdefghijklmnopqrstuvwxyz",
        strict=True,
    )
)
_NATO = {
    word: word[0]
    for word in _words(
        "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november "
        "oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu"
    )
}
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_TAGS = re.compile(r"[\U000e0020-\U000e007e]")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{16,}={0,2}(?![A-Za-z0-9+/=])")
_BASE32 = re.compile(r"(?<![A-Z2-7=])[A-Z2-7]{16,}={0,6}(?![A-Z2-7=])")
_HEX = re.compile(r"\b(?:0x)?(?:[0-9a-fA-F]{2}[ :,]?){8,}")
_BINARY = re.compile(r"(?:[01]{7,8}[ ,]?){4,}")
_MORSE_RUN = re.compile(r"(?:[.\-]{1,5}[ /|]+){5,}[.\-]{0,5}")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}){3,}|(?:%[0-9a-fA-F]{2}\w*){4,}")
_ENTITY = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};){3,}|&[a-z]{2,6};")
_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}){3,}")
_NUMBERS = re.compile(r"(?:\b\d{2,3}\b[ ,]+){8,}\d{2,3}\b")
_SPACED = re.compile(r"(?:\b\w[ .\-_*|]{1,3}){6,}\w\b")
_BRAILLE = re.compile(r"[\u2801-\u28ff]{3,}")
_MENTIONS = re.compile(
    r"\b(base ?-?(16|32|64|85)|rot ?-?13|caesar|atbash|hex(adecimal)?|morse|binary|cipher(ed|text)?|"
    r"decod\w+|decrypt\w*|encod\w+|unscrambl\w+|reversed|backwards|pig ?latin|leet ?speak|braille|"
    r"url[- ]encod\w+|vigen\w+|nato alphabet|zero[- ]width)\b"
)
_MIXED = re.compile(r"(?=.{0,20}[A-Za-z])(?=.{0,20}[013457@$!|8])[A-Za-z013457@$!|8]{4,20}")
_PIG_WORD = re.compile(r"\b[A-Za-z]+(?:way|yay|[bcdfghjklmnpqrstvwxyz]ay)\b")
_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")
_BRAILLE_TABLE = {
    **{
        ord(char): letter
        for char, letter in zip("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", "abcdefghijklmnopqrstuvwxyz", strict=True)
    },
    0x2800: " ",
}
_VOWELS = re.compile(r"[aeiouy]")


def plain_form(text: str) -> str:
    """Text as a reader sees it: compatibility forms folded, invisible characters and look-alikes undone."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _TAGS.sub("", text)))
    if not folded.isascii():
        # Marks are taken off before counting: a Latin letter under a pile of accents is a Latin letter.
        letters = unicodedata.normalize("NFD", folded)
        latin = sum("a" <= char <= "z" or "A" <= char <= "Z" for char in letters)
        if latin * 3 > sum(char.isalpha() for char in folded):
            folded = folded.translate(_HOMOGLYPHS)
            folded = "".join(
                char for char in unicodedata.normalize("NFD", folded) if not "\u0300" <= char <= "\u036f"
            )
    return folded


def readable(text: str) -> float:
    """Share of words that are common English ones, in [0, 1]; 0 for no words."""
    words = re.findall(r"[a-z]{2,}", text.lower())[:60]
    if len(words) < 3:
        return 0.0
    common = sum(word in _COMMON for word in words)
    # One common word among few is chance: any language has an "i" or an "a".
    return common / len(words) if common > 1 else 0.0


def _printable(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return (
        text
        if len(text) > 5 and sum(char.isprintable() or char.isspace() for char in text) == len(text)
        else None
    )


def _shift(text: str, by: int) -> str:
    def turn(char: str) -> str:
        if "a" <= char <= "z":
            return chr((ord(char) - 97 + by) % 26 + 97)
        if "A" <= char <= "Z":
            return chr((ord(char) - 65 + by) % 26 + 65)
        return char

    return "".join(map(turn, text))


def _unmorse(match: str) -> str:
    words = re.split(r"\s*[/|]\s*|\s{2,}", match.strip())
    return " ".join("".join(_MORSE.get(letter, "") for letter in word.split()) for word in words)


def _pig(text: str) -> str:
    def turn(word: str) -> str:
        match = re.fullmatch(r"([a-z]*?[aeiouy]?[a-z]*?)([bcdfghjklmnpqrstvwxyz]*)(?:way|yay|ay)", word)
        if not match:
            return word
        head, tail = match.groups()
        return (
            tail + head if not word.endswith(("way", "yay")) else word.removesuffix("way").removesuffix("yay")
        )

    return " ".join(turn(word) for word in text.lower().split())


def _base64_text(run: str) -> str | None:
    body = run.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return _printable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None


def _base32_text(run: str) -> str | None:
    body = run.rstrip("=")
    try:
        return _printable(base64.b32decode(body + "=" * (-len(body) % 8)))
    except (binascii.Error, ValueError):
        return None


def _structural(text: str) -> Iterator[str]:
    """Decodings of runs that cannot be anything but code."""
    hidden = "".join(chr(ord(char) - 0xE0000) for char in _TAGS.findall(text))
    if len(hidden) > 5:
        yield hidden
    for pattern, decoder in ((_BASE64, _base64_text), (_BASE32, _base32_text)):
        for run in pattern.findall(text):
            found = decoder(run)
            if found:
                yield found
    for run in _HEX.findall(text):
        digits = re.sub(r"0x|[^0-9a-fA-F]", "", run)
        found = _printable(bytes.fromhex(digits[: len(digits) // 2 * 2]))
        if found:
            yield found
    for run in _BINARY.findall(text):
        yield "".join(chr(int(chunk, 2)) for chunk in re.findall(r"[01]{7,8}", run))
    for run in _NUMBERS.findall(text):
        codes = [int(number) for number in re.findall(r"\d+", run)]
        if all(32 <= code < 127 for code in codes):
            yield "".join(map(chr, codes))
    for run in _MORSE_RUN.findall(text):
        yield _unmorse(run)
    if _PERCENT.search(text):
        yield urllib.parse.unquote(text)
    if _ENTITY.search(text):
        yield html.unescape(text)
    if _ESCAPE.search(text):
        yield re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", lambda m: chr(int(m[1] or m[2], 16)), text)
    if _BRAILLE.search(text):
        yield text.translate(_BRAILLE_TABLE)
    spelled = [_NATO[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _NATO]
    if len(spelled) >= 5:
        yield "".join(spelled)
    plain = plain_form(text)
    if plain != text:
        yield plain


def _substitutions(text: str) -> Iterator[str]:
    """Readings of text whose letters were moved or exchanged; most are nonsense."""
    parts = [text, *(part.strip() for part in re.split(r"[\n:\"']", text) if len(part) > 12)]
    for part in parts:
        yield part[::-1]
        yield " ".join(word[::-1] for word in part.split())
        yield "".join(
            chr(219 - ord(char))
            if "a" <= char <= "z"
            else chr(155 - ord(char))
            if "A" <= char <= "Z"
            else char
            for char in part
        )
        yield _shift(part, 13)
        if re.search(r"[a-z][013457@$!|8]|[013457@$!|8][a-z]", part, re.IGNORECASE):
            yield part.lower().translate(_LEET)
        if len(_PIG_WORD.findall(part)) >= 3:
            yield _pig(part)
        if _SPACED.search(part):
            yield re.sub(r"\s{2,}", " ", re.sub(r"(?<=\S)[ .\-_*|](?=\S)", "", part))
    for by in range(1, 26):
        yield _shift(parts[-1], by)


def mentions_encoding(text: str) -> bool:
    """True where the (lower-case) text talks of encoding or decoding something."""
    return bool(_MENTIONS.search(text))


def looks_encoded(text: str) -> bool:
    """True where part of the text is evidently no plain language: a long code run or hidden characters."""
    if _TAGS.search(text) or len(_INVISIBLE.findall(text)) >= 3:
        return True
    patterns = (_BINARY, _MORSE_RUN, _PERCENT, _ESCAPE, _NUMBERS, _BRAILLE, _SPACED, _HEX)
    if any(pattern.search(text) for pattern in patterns):
        return True
    if any(run.startswith("&#") for run in _ENTITY.findall(text)) or len(_ENTITY.findall(text)) >= 2:
        return True
    if any(len(run) >= 20 and _base64_text(run) for run in _BASE64.findall(text)):
        return True
    return any(len(run) >= 20 and _base32_text(run) for run in _BASE32.findall(text)) or _garbled(text)


def _garbled(text: str) -> bool:
    if not text.isascii() and sum(char.isascii() for char in text) * 2 < len(text):
        return False
    words = re.findall(r"[A-Za-z0-9@$!|]{2,}", text)[:60]
    leet = sum(bool(re.search(r"[a-zA-Z][013457@$!|8]+[a-zA-Z]", word)) for word in words)
    mixed = sum(bool(_MIXED.fullmatch(word)) for word in words)
    if (leet >= 3 and leet * 5 >= len(words)) or (mixed >= 3 and mixed * 3 >= len(words)):
        return True
    letters = [word.lower() for word in words if word.isalpha()]
    if len(letters) < 4:
        return False
    if len(_PIG_WORD.findall(text)) * 2 >= len(letters):
        return True
    if readable(text) < 0.1 and readable(text[::-1]) >= 0.2:
        return True
    odd = sum(not _VOWELS.search(word) or bool(_CLUSTER.search(word)) for word in letters)
    return odd * 4 > len(letters)


def decode(text: str) -> str | None:
    """What a disguised text says; None where it seems to be no disguise.

    Layers of code are taken off first, up to four, then letters are put back.
    """
    current = text[:4_000]
    changed = False
    for _ in range(4):
        layer = max(_structural(current), key=len, default=None)
        if layer is None:
            break
        current, changed = layer, True
    best = max(_substitutions(current), key=readable)
    if readable(best) > readable(current) + 0.15:
        return best
    return current if changed else None
