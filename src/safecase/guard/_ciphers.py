"""Readings of the whole text: Caesar and Atbash ciphers, backwards, upside down, leetspeak, word games.

A cipher is tried where the text holds common words as the cipher would write them, so that ordinary text
costs one dictionary look-up a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from safecase.guard._text_view import Edit, TextView, named, rewrite

_COMMON = tuple(
    "the and you your that this with for are not all from have what when how previous instructions ignore "  # noqa: SIM905
    "system prompt please tell show give write answer about into they will would must reveal print can now "
    "secret password disregard forget above user message text following instead only never any "
    "without make get who where why should use someone somebody explain there could want need help people "
    "then them their has was but your her his our out one day does did just like know take into over after "
    "before because through while secretly home steal build find".split()
)
_SHORT = tuple("to my in of is do me it at on so we be by or an if as".split())  # noqa: SIM905
"""Two of them count as one: in cipher they look like abbreviations."""
_FEWEST_WORDS = 2
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_UPSIDE_DOWN = str.maketrans("ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz¿¡˙", "abcdefghijklmnopqrstuvwxyz?!.")
_TURNED = re.compile("[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ]")
_LEET = str.maketrans("013457@$!|€", "oieastasiie")
_LEET_L = str.maketrans("013457@$!|€", "oleastasile")
_LEET_WORD = re.compile(r"(?<![\w$@!|])(?=[\w$@!|]{0,30}[013457@$!|])[\w$@!|]{2,31}(?![\w$@])")
_LEET_DIGIT = re.compile(r"[013457@$|!](?=[A-Za-z])")
_WORD = re.compile(r"\S+")
_MIRRORED = re.compile(r"\s{0,9}[?!.][^\W\d_][^?!]{6,4000}[^\W\d_][A-Z]\s{0,9}\Z")
"""A full stop in front and a capital at the end: a sentence written backwards."""
_RADIO = {
    "alfa": "a", "alpha": "a", "bravo": "b", "charlie": "c", "delta": "d", "echo": "e", "foxtrot": "f",
    "golf": "g", "hotel": "h", "india": "i", "juliett": "j", "juliet": "j", "kilo": "k", "lima": "l",
    "mike": "m", "november": "n", "oscar": "o", "papa": "p", "quebec": "q", "romeo": "r", "sierra": "s",
    "tango": "t", "uniform": "u", "victor": "v", "whiskey": "w", "xray": "x", "x-ray": "x", "yankee": "y",
    "zulu": "z",
}  # fmt: skip
_ONSETS = frozenset(
    "bl br ch cl cr dr fl fr gl gr kn ph pl pr qu sc sh sk sl sm sn sp st sw th tr tw wh wr "  # noqa: SIM905
    "scr shr spl spr squ str thr".split()
)
"""Consonants that English words begin with."""
_PUNCTUATION = str.maketrans(dict.fromkeys(".,;:!?\"'()[]{}<>*`", " "))
_EDGES = ".,;:!?\"'()[]{}<>*`"


@lru_cache(maxsize=1)
def _cipher_words() -> dict[str, str]:
    """Ciphered common word → its cipher, without what is a common word by itself."""
    words: dict[str, str] = {}
    for word in (*_COMMON, *_SHORT):
        for shift in range(1, 26):
            words.setdefault(word.translate(_shifted(shift)), f"caesar{shift}" if shift != 13 else "rot13")
        words.setdefault(word.translate(_atbash()), "atbash")
        words.setdefault(word[::-1], "reversed")
    for word in (*_COMMON, *_SHORT, "era", "ton", "woh", "now", "won", "tub", "saw", "was", "on", "no"):
        words.pop(word, None)
    return words


@lru_cache(maxsize=32)
def _shifted(by: int) -> dict[int, int]:
    moved = _ALPHABET[by:] + _ALPHABET[:by]
    return str.maketrans(_ALPHABET + _ALPHABET.upper(), moved + moved.upper())


@lru_cache(maxsize=1)
def _atbash() -> dict[int, int]:
    turned = _ALPHABET[::-1]
    return str.maketrans(_ALPHABET + _ALPHABET.upper(), turned + turned.upper())


def read_ciphers(view: TextView) -> Iterator[TextView]:
    """The readings of the whole view that its words suggest."""
    text = view.text
    tokens = text.lower().translate(_PUNCTUATION).split()
    words = set(tokens)
    known = _cipher_words()
    found = known.keys() & words
    ciphers: list[str] = []
    if len(found) >= _FEWEST_WORDS:
        counts: Counter[str] = Counter()
        for word in found:
            counts[known[word]] += 2 if len(word) > 2 else 1
        ciphers = [cipher for cipher, count in counts.most_common(2) if count >= 2 * _FEWEST_WORDS]
    if "reversed" not in ciphers and _MIRRORED.match(text):
        ciphers.append("reversed")
    for cipher in ciphers:
        yield from _undone(view, cipher)
    if not text.isascii() and len(_TURNED.findall(text)) >= 4:
        turned = TextView("", text.translate(_UPSIDE_DOWN), view)
        yield TextView(named(view, "upside_down"), turned.text[::-1], turned, mirrored=True)
    if "leetspeak" in view.hints and len(_LEET_DIGIT.findall(text)) >= _FEWEST_WORDS:
        edits = [(m.start(), m.end(), _from_leetspeak(m.group())) for m in _LEET_WORD.finditer(text)]
        if len(edits) >= _FEWEST_WORDS:
            yield rewrite(view, named(view, "leetspeak"), edits)
    yield from _word_games(view, tokens, words)


def _from_leetspeak(word: str) -> str:
    # "1" stands for two letters: between two others it mostly is an i, twice or at a word's end an l.
    return word.translate(_LEET_L if "11" in word or word.endswith("1") else _LEET)


def _undone(view: TextView, cipher: str) -> Iterator[TextView]:
    text = view.text
    if cipher == "reversed":
        yield TextView(named(view, "reversed"), text[::-1], view, mirrored=True)
        edits: list[Edit] = [(m.start(), m.end(), m.group()[::-1]) for m in _WORD.finditer(text)]
        yield rewrite(view, named(view, "reversed_words"), edits)
    elif cipher == "atbash":
        yield TextView(named(view, "atbash"), text.translate(_atbash()), view)
    else:
        shift = 13 if cipher == "rot13" else int(cipher.removeprefix("caesar"))
        yield TextView(named(view, cipher), text.translate(_shifted(26 - shift)), view)


def _word_games(view: TextView, tokens: list[str], words: set[str]) -> Iterator[TextView]:
    if len(_RADIO.keys() & words) >= 4 and sum(token in _RADIO for token in tokens) >= 6:
        yield rewrite(view, named(view, "radio_alphabet"), _radio_edits(view.text))
    if view.text.count("ay") * 2 >= max(8, len(tokens)):
        edits = [(m.start(), m.end(), _from_pig_latin(m.group())) for m in _WORD.finditer(view.text)]
        yield rewrite(view, named(view, "pig_latin"), edits)


def _radio_edits(text: str) -> Iterator[Edit]:
    """Runs of radio words as the words that they spell; a bar or a wide gap parts two words."""
    end_of_last = None
    for match in _WORD.finditer(text):
        letter = _RADIO.get(match.group().lower().strip(_EDGES))
        if letter is not None:
            start = match.start() if end_of_last is None else end_of_last
            yield start, match.end(), letter
            end_of_last = match.end()
        elif match.group() in ("|", "/") and end_of_last is not None:
            yield end_of_last, match.end(), " "
            end_of_last = match.end()
        else:
            end_of_last = None


def _from_pig_latin(word: str) -> str:
    lower = word.lower().rstrip(_EDGES)
    if not lower.endswith("ay") or len(lower) < 3:
        return word
    body = lower.removesuffix("ay")
    if body.endswith("w") and body[:1] in "aeiou":
        return body[:-1]
    # How many of the last consonants were moved cannot be told; a cluster that words begin with is likelier.
    tail = len(body)
    while tail > 0 and body[tail - 1] not in "aeiou":
        tail -= 1
    for size in (3, 2):
        if len(body) - tail >= size and body[-size:] in _ONSETS:
            return body[-size:] + body[:-size]
    return body[-1:] + body[:-1]
