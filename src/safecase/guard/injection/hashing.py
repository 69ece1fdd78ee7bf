"""Hashed character and word n-grams of a text, window by window, in a few vectorised passes.

Every n-gram's hash comes from one running sum of ``byte * MULTIPLIER ** place`` (mod 2^64): the sum over the
n-gram, times the inverse power of its first place, does not depend on where it stands (Rabin and Karp).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS = 17
BUCKETS = 1 << BUCKET_BITS
CHARACTER_SIZES = (3, 4, 5)
WINDOWS = {"direct": 320, "indirect": 128}
"""Bytes that are read together: an attack on the model takes room, an instruction in data is a sentence."""
FEATURE_VERSION = 1
"""Changes with anything that changes a text's features: older weights must not be read with it."""

_MULTIPLIER = 0x9E3779B97F4A7C15
_INVERSE = pow(_MULTIPLIER, -1, 1 << 64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_WORD_SEED = np.uint64(0xA0761D6478BD642F)
_PAIR = np.uint64(0xE7037ED1A0B428DB)
_SHIFT = np.uint64(64 - BUCKET_BITS)
_PAD = b"  "


def _table() -> bytes:
    table = bytearray(range(256))
    for byte in range(256):
        if 65 <= byte <= 90:
            table[byte] = byte + 32
        elif 48 <= byte <= 57:
            table[byte] = 48
        elif byte < 32:
            table[byte] = 32
    return bytes(table)


_PLAIN = _table()
"""Lower case, every digit a nought, every control character a space."""
_IN_WORD = np.array([chr(b).isalnum() or b in b"'_" or b >= 128 for b in range(256)])


@lru_cache(maxsize=1)
def _small_powers() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return _make_powers(8192)


def _make_powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    def running(base: int) -> NDArray[np.uint64]:
        factors = np.full(size, base, np.uint64)
        factors[0] = 1
        return np.multiply.accumulate(factors)

    return running(_MULTIPLIER), running(_INVERSE)


def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    up, down = _small_powers()
    return (up[:size], down[:size]) if size <= len(up) else _make_powers(size)


@dataclass(frozen=True, slots=True)
class Features:
    """The n-grams of a text: bucket and place (a byte offset) of each."""

    characters: tuple[NDArray[np.intp], ...]
    """For each size, the bucket of the n-gram that begins at each byte."""
    word_places: NDArray[np.intp]
    words: NDArray[np.intp]
    pairs: NDArray[np.intp]
    """The bucket of each two words that follow each other, at the first word's place."""
    triples: NDArray[np.intp]
    size: int
    """Bytes of the text, padding included."""


def plain_bytes(text: str) -> bytes:
    """The text as the features see it, with a space at each end."""
    return _PAD + text.lower().encode("utf-8", "replace").translate(_PLAIN) + _PAD


def extract(text: str) -> Features:
    """The features of one text. Time linear in its length."""
    data = np.frombuffer(plain_bytes(text), np.uint8)
    size = len(data)
    up, down = _powers(size + 1)
    sums = np.empty(size + 1, np.uint64)
    sums[0] = 0
    np.cumsum((data.astype(np.uint64) + np.uint64(1)) * up[:size], out=sums[1:])
    characters = []
    for n in CHARACTER_SIZES:
        hashes = (sums[n:] - sums[:-n]) * down[: size + 1 - n]
        characters.append((((hashes + np.uint64(n)) * _MIX) >> _SHIFT).astype(np.intp))
    inside = _IN_WORD[data]
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    word = ((sums[ends] - sums[starts]) * down[starts] + _WORD_SEED) * _MIX
    pair = (word[:-1] * _PAIR + word[1:]) * _MIX
    triple = (pair[:-1] * _PAIR + word[2:]) * _MIX
    return Features(
        tuple(characters),
        starts,
        (word >> _SHIFT).astype(np.intp),
        (pair >> _SHIFT).astype(np.intp),
        (triple >> _SHIFT).astype(np.intp),
        size,
    )


def window_starts(size: int, window: int) -> NDArray[np.intp]:
    """Where the windows of a text of ``size`` bytes begin, half a window apart; the last is not shorter."""
    if size <= window:
        return np.zeros(1, np.intp)
    stride = window // 2
    starts = np.arange(0, size - window + stride, stride, dtype=np.intp)
    return np.minimum(starts, size - window)


def window_scores(features: Features, weights: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    """The sum of the weights in each window over the root of the number of n-grams; shape (windows,)."""
    size = features.size
    here = np.zeros(size + 1, np.float64)
    for n, buckets in zip(CHARACTER_SIZES, features.characters, strict=True):
        here[1 : size + 2 - n] += weights[buckets]
    places = features.word_places + 1
    if len(places):
        here[places] += weights[features.words]
        here[places[:-1]] += weights[features.pairs]
        here[places[:-2]] += weights[features.triples]
    np.cumsum(here, out=here)
    starts = window_starts(size, window)
    ends = np.minimum(starts + window, size)
    grams = len(CHARACTER_SIZES) * (ends - starts) + 3 * (
        np.searchsorted(places, ends, "right") - np.searchsorted(places, starts, "right")
    )
    return np.asarray((here[ends] - here[starts]) / np.sqrt(grams))


def distinct_share(features: Features, start: int, window: int) -> float:
    """Share of the longest character n-grams of a window that are distinct; ordinary prose has about 0.9."""
    grams = features.characters[-1][start : start + window]
    return len(np.unique(grams)) / len(grams) if len(grams) else 1.0


def window_rows(features: Features, start: int, window: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Buckets and values of one window, as `window_scores` weighs them: for training."""
    end = min(start + window, features.size)
    parts = [buckets[start:end] for buckets in features.characters]
    first, last = np.searchsorted(features.word_places, (start, end), "left")
    parts.append(features.words[first:last])
    parts.append(features.pairs[first : min(last, len(features.pairs))])
    parts.append(features.triples[first : min(last, len(features.triples))])
    buckets = np.concatenate(parts)
    grams = len(CHARACTER_SIZES) * (end - start) + 3 * (last - first)
    unique, counts = np.unique(buckets, return_counts=True)
    return unique, (counts / np.sqrt(grams)).astype(np.float32)
