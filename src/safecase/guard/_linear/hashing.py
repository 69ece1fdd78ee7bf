"""Hashed character, shape and word n-grams of a text, window by window, in a few vectorised passes.

Every n-gram's hash comes from one running sum of ``byte * MULTIPLIER ** place`` (mod 2^64): the sum over the
n-gram, times the inverse power of its first place, does not depend on where it stands (Rabin and Karp).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS = 17
NGRAM_BUCKETS = 1 << BUCKET_BITS
"""As many as a head can have at one byte a bucket and still ship with the package. Chosen without
measurement."""
BUCKETS = 2 * NGRAM_BUCKETS
"""The first half for n-grams, the second for words alone, so that a word's weight is its own and can be told
from words of like meaning."""
CHARACTER_SIZES = (3, 5)
"""Short ones catch misspelt words, long ones stand for words; each size costs a pass over the text."""
SHAPE_SIZE = 5
"""As long as the longest n-gram of characters, so that one padding serves both."""
_STREAMS = len(CHARACTER_SIZES) + 1
FEATURE_VERSION = 3
"""Changes with anything that changes a text's features: older weights must not be read with it."""

_MULTIPLIER = 0x9E3779B97F4A7C15
"""The golden ratio in 64 bits: odd, so that it has an inverse, and its powers spread over all bits."""
_INVERSE = pow(_MULTIPLIER, -1, 1 << 64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_WORD_SEED = np.uint64(0xA0761D6478BD642F)
_OPENER_SEED = np.uint64(0x589965CC75374CC3)
_PAIR = np.uint64(0xE7037ED1A0B428DB)
"""Odd constants of well-known 64-bit hashes (wyhash): others would do, but the weights were fitted with
these."""
_SHIFT = np.uint64(64 - BUCKET_BITS)
"""The highest bits of a product depend on all of its factors' bits, the lowest on few."""
_PAD = b"  "
_TAIL = b" " * (len(_PAD) + SHAPE_SIZE)
_ONE = np.uint64(1)
"""Added to each byte, or a zero byte would leave no trace in the sum."""
_ALONE = np.uint64(NGRAM_BUCKETS)
_SHORT = 8192
"""Bytes of a text for which powers and windows are kept."""
_STREAM_SEEDS = np.array([[n] for n in CHARACTER_SIZES] + [[0x8EBC6AF09C88C6E3]], np.uint64)
"""One for each kind of n-gram, so that equal bytes of different kinds fall into different buckets."""


def _plain_table() -> bytes:
    table = bytearray(range(256))
    for byte in range(256):
        if 65 <= byte <= 90:
            table[byte] = byte + 32
        elif 48 <= byte <= 57:
            table[byte] = 48
        elif byte in b"\r\n":
            table[byte] = 10
        elif byte < 32:
            table[byte] = 32
    return bytes(table)


def _shape_table() -> bytes:
    table = bytearray(range(256))
    for byte in range(256):
        if 97 <= byte <= 122:
            table[byte] = ord("a")
        elif 65 <= byte <= 90:
            table[byte] = ord("A")
        elif 48 <= byte <= 57:
            table[byte] = ord("0")
        elif byte >= 128:
            table[byte] = 128
        elif byte in b"\r\n":
            table[byte] = 10
        elif byte < 32:
            table[byte] = 32
    return bytes(table)


_PLAIN = _plain_table()
"""Lower case, every digit a nought, every control character but the line break a space."""
_SHAPE = _shape_table()
"""What kind of character stands there; signs stand for themselves."""
_IN_WORD = bytes(b >= 128 or chr(b).isalnum() or b == 95 for b in range(256))
"""Letters, digits and the underscore (95); every byte beyond ASCII counts as a letter."""
_STOP = bytes(b in b'.!?:;\n"<>|{}[]()*#=-' for b in range(256))
"""Signs after which a word opens a sentence or a field."""


@lru_cache(maxsize=1)
def _small_powers() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return _make_powers(_SHORT)


def _make_powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    def running(base: int) -> NDArray[np.uint64]:
        factors = np.full(size, base, np.uint64)
        factors[0] = 1
        return np.multiply.accumulate(factors)

    return running(_MULTIPLIER), running(_INVERSE)


def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the multiplier and of its inverse, from the kept ones where the text is short."""
    up, down = _small_powers()
    return (up[:size], down[:size]) if size <= len(up) else _make_powers(size)


@dataclass(frozen=True, slots=True)
class Features:
    """The n-grams of a text: bucket and place (a byte offset) of each."""

    characters: NDArray[np.int64]
    """The buckets of the n-grams that begin at each byte, shape (sizes + 1, bytes); shapes' n-grams last."""
    words: NDArray[np.int64]
    """The buckets of words, pairs and triples of words, openers, and openers with the word behind them, one
    kind behind the other; each stands at its first word's place. `parts` tells them apart."""
    parts: tuple[tuple[NDArray[np.intp], int, int], ...]
    """For each kind of word n-gram its places, and where it begins and ends in ``words``."""
    size: int
    """Bytes of the text, padding included."""


def _encoded(text: str) -> tuple[bytes, bytes]:
    """The bytes that words are read from, and those that shapes are read from; equally long."""
    raw = text.encode("utf-8", "replace")
    if len(raw) == len(text):
        low = raw
    else:
        low = text.lower().encode("utf-8", "replace")
        # A few letters change their length when lowered; places must agree.
        raw = raw if len(raw) == len(low) else low
    return _PAD + low.translate(_PLAIN) + _TAIL, _PAD + raw.translate(_SHAPE) + _TAIL


def _running(data: bytes, up: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Running sums of bytes times powers: the hash of any n-gram is the difference of two."""
    sums = np.empty(len(data) + 1, np.uint64)
    sums[0] = 0
    terms = np.frombuffer(data, np.uint8) + _ONE
    terms *= up[: len(data)]
    np.add.accumulate(terms, out=sums[1:])
    return sums


def extract(text: str) -> Features:
    """The features of one text. Time linear in its length."""
    plain, shape = _encoded(text)
    size = len(plain) - len(_TAIL) + len(_PAD)
    up, down = _powers(len(plain) + 1)
    sums = _running(plain, up)
    grams = np.empty((_STREAMS, size), np.uint64)
    for row, n in enumerate(CHARACTER_SIZES):
        np.subtract(sums[n : n + size], sums[:size], out=grams[row])
    kinds = _running(shape, up)
    np.subtract(kinds[SHAPE_SIZE : SHAPE_SIZE + size], kinds[:size], out=grams[-1])
    grams *= down[:size]
    grams += _STREAM_SEEDS
    grams *= _MIX
    grams >>= _SHIFT
    inside = np.frombuffer(plain.translate(_IN_WORD), np.uint8)
    edges = (inside[1:] != inside[:-1]).nonzero()[0] + 1
    starts, ends = edges[::2], edges[1::2]
    count = len(starts)
    hashed = np.empty(5 * count, np.uint64)
    word = hashed[:count]
    np.subtract(sums.take(ends), sums.take(starts), out=word)
    word *= down.take(starts)
    word += _WORD_SEED
    word *= _MIX
    at = count + max(0, count - 1)
    pair = hashed[count:at]
    np.multiply(word[:-1] * _PAIR + word[1:], _MIX, out=pair)
    end = at + max(0, count - 2)
    np.multiply(pair[:-1] * _PAIR + word[2:], _MIX, out=hashed[at:end])
    stops = np.add.accumulate(np.frombuffer(plain.translate(_STOP), np.uint8), dtype=np.int32)
    opening = np.ones(count, bool)
    np.greater(stops.take(starts[1:]), stops.take(ends[:-1] - 1), out=opening[1:])
    opened = opening.nonzero()[0]
    followed = opened[:-1] if count and opening[-1] else opened
    last = end + len(opened)
    np.multiply(word.take(opened) + _OPENER_SEED, _MIX, out=hashed[end:last])
    end = last + len(followed)
    np.multiply(pair.take(followed) + _OPENER_SEED, _MIX, out=hashed[last:end])
    words = hashed[:end] >> _SHIFT
    words[:count] += _ALONE
    openers = starts.take(opened)
    return Features(grams.view(np.int64), words.view(np.int64), _parts(starts, openers), size)


def word_bucket(word: str) -> int | None:
    """The bucket of one word; None for what is no word or more than one."""
    features = extract(word)
    return int(features.words[0]) if len(features.parts[0][0]) == 1 else None


def _parts(
    places: NDArray[np.intp], openers: NDArray[np.intp]
) -> tuple[tuple[NDArray[np.intp], int, int], ...]:
    """Places and extent of each kind of word n-gram, in the order in which `extract` writes them."""
    last_opens = len(openers) > 0 and openers[-1] == places[-1]
    found, at = [], 0
    for place, shorter in ((places, 0), (places, 1), (places, 2), (openers, 0), (openers, int(last_opens))):
        count = max(0, len(place) - shorter)
        found.append((place[:count], at, at + count))
        at += count
    return tuple(found)


def window_starts(size: int, window: int) -> NDArray[np.intp]:
    """Where the windows of a text of ``size`` bytes begin, half a window apart; the last is not shorter."""
    return (_short_windows if size <= _SHORT else _windows)(size, window)[0]


def _windows(size: int, window: int) -> tuple[NDArray[np.intp], NDArray[np.intp], float]:
    """Starts and ends of the windows, and the root of the n-grams that begin at the bytes of each."""
    if size <= window:
        return np.zeros(1, np.intp), np.full(1, size, np.intp), float(np.sqrt(_STREAMS * size))
    stride = window // 2
    starts = np.minimum(np.arange(0, size - window + stride, stride, dtype=np.intp), size - window)
    return starts, starts + window, float(np.sqrt(_STREAMS * window))


_short_windows = lru_cache(maxsize=4096)(_windows)
"""Kept by length and window, not by text; there are few different lengths among short texts."""


def weigh(features: Features, weights: NDArray[Any]) -> NDArray[Any]:
    """Running sums of the weights of all n-grams that begin before each byte, for several heads at once.

    ``weights`` of shape (BUCKETS, heads), floats or signed bytes; the result of shape (size + 1, heads).
    Sums of bytes are whole numbers modulo 2^32, so that their differences are exact over any length.
    """
    whole = weights.dtype == np.int8
    kind = np.int32 if whole else np.float32
    here = np.empty((features.size + 1, weights.shape[1]), kind)
    here[0] = 0
    body = here[1:]
    np.add.reduce(weights.take(features.characters, 0), 0, kind, out=body)
    amounts = weights.take(features.words, 0)
    if whole:
        amounts = amounts.astype(kind)
    (places, _, end), *others = features.parts
    here_words = amounts[:end]
    for _, start, end in others[:2]:
        here_words[: end - start] += amounts[start:end]
    body[places] += here_words
    for places, start, end in others[2:]:
        body[places] += amounts[start:end]
    return np.add.accumulate(here, 0, np.int32 if whole else np.float64)


def window_sums(features: Features, running: NDArray[Any], window: int) -> NDArray[np.float64]:
    """The sum of the weights in each window over the root of its length in n-grams; shape (windows,).

    ``running`` is one head's column of `weigh`.
    """
    find = _short_windows if features.size <= _SHORT else _windows
    starts, ends, root = find(features.size, window)
    return np.asarray((running.take(ends) - running.take(starts)) / root)


def distinct_share(features: Features, start: int, window: int) -> float:
    """Share of the longest character n-grams of a window that are distinct; ordinary prose has about 0.9."""
    grams = features.characters[len(CHARACTER_SIZES) - 1, start : start + window].tolist()
    return len(set(grams)) / len(grams) if grams else 1.0


def window_rows(features: Features, start: int, window: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Buckets and values of one window, as `window_sums` weighs them: for training."""
    end = min(start + window, features.size)
    parts = [features.characters[:, start:end].ravel()]
    for places, begin, _ in features.parts:
        first, last = np.searchsorted(places, (start, end), "left")
        parts.append(features.words[begin + first : begin + last])
    unique, counts = np.unique(np.concatenate(parts), return_counts=True)
    return unique, (counts / np.sqrt(_STREAMS * (end - start))).astype(np.float32)
