"""Undoing the encodings in which a secret can leave: base64, hex, URL escapes, rot13, reversal, spacing.

`decoded_texts` explores compositions: each node is a text, each edge undoes one encoding. Only readable
runs of decoded bytes become new nodes, so that the search dies out on ordinary prose, and the total number
of characters it may look at is bounded by a multiple of the input's length.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

INVISIBLE = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
                       "\u2060-\u206f\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]")  # fmt: skip
_CONFUSABLE_PAIRS = (
    "аa вB еe кk мM нH оo рp сc тT уy хx іi јj ѕs ԁd ԛq ԝw һh ӏl АA ВB ЕE КK МM НH "
    "ОO РP СC ТT УY ХX ІI ЈJ ЅS ԌG ԜW αa βb εe ηn ιi κk νv οo ρp τt υu χx γy ΑA ΒB "
    "ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ɑa ɡg ıi ǀl օo ոn սu հh ցg ⅼl ⅽc ⅾd ⅿm ߀0 "
    "٠0 ۰0 ⁄/ ∕/ ꞁl ʏY ᴏo ᴄc ᴠv ᴡw ᴢz ꜱs ᴀA ʙB ᴅD ᴇE ɢG ʜH ɪI ᴊJ ᴋK ʟL ᴍM ɴN ᴘP ʀR "
    "ᴛT ᴜU "
)
CONFUSABLES = {ord(pair[0]): pair[1] for pair in _CONFUSABLE_PAIRS.split()}
"""Letters that look like ASCII letters, after Unicode's confusables (UTS 39), the common ones."""

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_URL = re.compile(r"%[0-9A-Fa-f]{2}")
_HEX_PREFIX = re.compile(r"0x|\\x|&#x|U\+", re.IGNORECASE)
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]+")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_NOT_URL = re.compile(r"[^A-Za-z0-9%]+")
_READABLE = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}){4,}"
)
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_\\-]{16,4000}")
_CRUMBS = re.compile(r"(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/=]{1,3}[^A-Za-z0-9+/=]{1,3}){8}")
_GLUED_PERCENT = re.compile(r"%\w")
_TELLS_RUN = re.compile(r"\d|[a-z][A-Z]")
_ODD_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z]{0,16}\d[A-Za-z0-9]{0,24}|[A-Za-z]{0,16}[a-z][A-Z][A-Za-z0-9]{0,24}"
    r"|[A-Z]{2,16}[a-z][A-Za-z0-9]{0,24}|[B-HJ-Zb-hj-z])(?![A-Za-z0-9])"
)
_FEWEST_ODD_TOKENS, _FEWEST_ODD_LETTERS, _LARGEST_GAP = 5, 18, 12
"""So many words that are none, or letters in them, close to each other, may be a split encoding."""
_URL_BASE64 = str.maketrans("-_", "+/")
MAXIMUM_DEPTH = 4
WORK_FACTOR = 48
"""Characters that decoding may produce per character of input."""
WORK_FLOOR = 3_000_000
NODE_LIMIT = 4_000


def plain_letters(text: str) -> str:
    """Compatibility forms, look-alike letters and invisible characters undone; case is kept."""
    if text.isascii():
        return text
    text = INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFKC", text).translate(CONFUSABLES)
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def fold(text: str) -> str:
    """Letters and digits only, in one case, look-alikes and invisible characters undone."""
    return _NOT_ALPHANUMERIC.sub("", plain_letters(text)).casefold()


def rot13(text: str) -> str:
    """ROT13 of the ASCII letters."""
    return codecs.encode(text, "rot13")


def _readable(data: bytes) -> str:
    runs = _READABLE.findall(data)
    return "\n".join(run.decode("utf-8", "replace") for run in runs)


def _from_base64(text: str) -> Iterator[str]:
    alphabets = [text]
    if "-" in text or "_" in text:
        alphabets.append(text.translate(_URL_BASE64))
    if "/" in text or "+" in text:
        alphabets.append(text.replace("/", " ").replace("+", " "))
    for variant in alphabets:
        glued = _NOT_BASE64.sub("", variant)
        for offset in range(min(4, len(glued))):
            usable = (len(glued) - offset) // 4 * 4
            rest = (len(glued) - offset) - usable
            chunk = glued[offset : offset + usable]
            tail = glued[offset + usable :] if rest >= 2 else ""
            if len(chunk) < 4:
                continue
            try:
                data = base64.b64decode(chunk)
                if tail:
                    data += base64.b64decode(tail + "=" * (4 - len(tail)))
            except (binascii.Error, ValueError):
                continue
            yield _readable(data)


def _from_hex(text: str) -> Iterator[str]:
    glued = _NOT_HEX.sub("", _HEX_PREFIX.sub("", text))
    for offset in (0, 1):
        usable = (len(glued) - offset) // 2 * 2
        if usable >= 8:
            yield _readable(bytes.fromhex(glued[offset : offset + usable]))


def _from_url(text: str) -> Iterator[str]:
    if "%" not in text:
        return
    yield unquote(text, errors="replace")
    glued = _NOT_URL.sub("", text)
    if _URL.search(glued):
        yield unquote(glued, errors="replace")


def _plain_views(text: str) -> list[str]:
    # Rot13 leaves look-alike letters alone, so undoing them before or after makes a difference.
    return [text] if text.isascii() else [plain_letters(text), plain_letters(rot13(text))]


def _variants(text: str) -> Iterator[str]:
    yield text
    yield text[::-1]
    turned = rot13(text)
    yield turned
    yield turned[::-1]


def may_be_encoded(text: str) -> bool:
    """False for ordinary prose, in which decoding would find nothing; a cheap test."""
    plain = plain_letters(text)
    if plain.count("%") >= 4 or _GLUED_PERCENT.search(plain) or _CRUMBS.search(plain):
        return True
    if any(_TELLS_RUN.search(run) for run in _LONG_RUN.findall(plain)):
        return True
    tokens, letters, last = 0, 0, -_LARGEST_GAP
    for match in _ODD_TOKEN.finditer(plain):
        start, end = match.span()
        if start - last > _LARGEST_GAP:
            tokens = letters = 0
        tokens, letters, last = tokens + 1, letters + end - start, end
        if tokens >= _FEWEST_ODD_TOKENS or letters >= _FEWEST_ODD_LETTERS:
            return True
    return False


def decoded_texts(text: str, shortest: int = 4, depth: int = MAXIMUM_DEPTH) -> Iterator[str]:
    """Every readable text that undoing up to ``depth`` encodings yields, ``text`` itself not included.

    ``shortest``: decoded texts shorter than this are not followed. Work is bounded by
    ``WORK_FACTOR × len(text)`` (at least ``WORK_FLOOR``) characters.
    """
    budget = max(WORK_FLOOR, WORK_FACTOR * len(text))
    seen: set[str] = set()
    level = _plain_views(text)
    nodes = 0
    for _ in range(depth):
        following: list[str] = []
        for node in level:
            for variant in _variants(node):
                for decode in (_from_base64, _from_hex, _from_url):
                    for found in decode(variant):
                        budget -= len(variant)
                        if len(found) >= shortest and found not in seen and found != variant:
                            seen.add(found)
                            nodes += 1
                            yield found
                            following.extend(_plain_views(found))
                        if budget <= 0 or nodes >= NODE_LIMIT:
                            return
        level = following


def decoded_reading(text: str) -> str:
    """The decoded form of an answer that is one encoded block, "" where no decoding reads as text.

    A reading must be long for its input and consist of words.
    """
    sample = text[:20_000]
    best = ""
    for candidate in decoded_texts(sample, shortest=max(12, len(sample) // 4), depth=2):
        letters = sum(1 for character in candidate if character.isalpha() or character == " ")
        if letters > 0.85 * len(candidate) and candidate.count(" ") >= len(candidate) // 12 > len(best) // 12:
            best = candidate
    return best
