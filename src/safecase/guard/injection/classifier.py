"""The small classifier: weights over hashed n-grams, kept as plain arrays behind a JSON header.

The file: a line of JSON (format, feature version, sizes, scales, biases, what it was trained on), then the
weights of each head as signed bytes. Nothing in it can be executed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from safecase.guard.injection.hashing import (
    BUCKETS,
    FEATURE_VERSION,
    WINDOWS,
    Features,
    distinct_share,
    extract,
    window_scores,
    window_starts,
)
from safecase.model.base import JsonValue, digest_bytes
from safecase.model.errors import InputError

FORMAT = "safecase-injection-weights"
FORMAT_VERSION = 1
_LONGEST_HEADER = 1_000_000
_DISTINCT = 1.5
HEADS = ("direct", "indirect")


@dataclass(frozen=True)
class Head:
    """One question's weights, shape (BUCKETS,), and bias; scores are log-odds."""

    weights: NDArray[np.float32]
    bias: float
    window: int
    """Bytes that are read together."""

    def window_log_odds(self, features: Features) -> NDArray[np.float64]:
        """Log-odds of each window, shape (windows,)."""
        sums = window_scores(features, self.weights, self.window)
        starts = window_starts(features.size, self.window)
        # Words said over and over add up to more evidence than they are.
        for place in np.flatnonzero(sums > 3.0):
            sums[place] *= min(1.0, _DISTINCT * distinct_share(features, int(starts[place]), self.window))
        return np.asarray(sums + self.bias)


@dataclass(frozen=True)
class Classifier:
    """Two heads: is the user attacking, and is a text that should be data giving instructions?"""

    direct: Head
    indirect: Head
    trained_on: tuple[Any, ...] = ()
    digest: str = ""
    details: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClassifierScore:
    """The worst window of a text."""

    probability: float
    start: int
    """Characters ``[start, end)`` of the text that the worst window covers."""
    end: int


def score(text: str, head: Head) -> ClassifierScore:
    """How likely the worst window of the text is an attack. The whole text is read, window by window."""
    features = extract(text)
    odds = head.window_log_odds(features)
    worst = int(odds.argmax())
    begin = int(window_starts(features.size, head.window)[worst])
    if text.isascii():
        start, end = begin - 2, begin - 2 + head.window
    else:
        data = np.frombuffer(text.lower().encode("utf-8", "replace"), np.uint8)
        firsts = np.cumsum((data & 0xC0) != 0x80)
        low, high = max(0, begin - 2), min(len(data), begin - 2 + head.window)
        start = int(firsts[low]) - 1 if len(data) else 0
        end = int(firsts[high - 1]) if high > low else start
    start = max(0, min(start, len(text)))
    return ClassifierScore(1 / (1 + math.exp(-max(-60.0, min(60.0, float(odds[worst]))))), start,
                           max(start, min(end, len(text))))  # fmt: skip


def save_classifier(classifier: Classifier, path: Path) -> None:
    """Write the weights: a header line and a signed byte per weight."""
    heads: dict[str, JsonValue] = {}
    blobs = []
    for name in HEADS:
        head: Head = getattr(classifier, name)
        scale = float(np.abs(head.weights).max()) / 127 or 1.0
        blobs.append(np.round(head.weights / scale).astype(np.int8).tobytes())
        heads[name] = {"scale": scale, "bias": head.bias}
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "features": FEATURE_VERSION,
        "buckets": BUCKETS,
        "heads": heads,
        "trained_on": list(classifier.trained_on),
        "details": classifier.details,
    }
    path.write_bytes(orjson.dumps(header) + b"\n" + b"".join(blobs))


def read_classifier(path: Path) -> Classifier:
    """Read a weights file. Raises InputError saying what is wrong: format, version, size."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    return parse_classifier(data, where=str(path))


def parse_classifier(data: bytes, *, where: str) -> Classifier:
    """The classifier in the bytes of a weights file; raises InputError as `read_classifier`."""
    line, separator, blob = data.partition(b"\n")
    try:
        header = orjson.loads(line) if separator and len(line) < _LONGEST_HEADER else None
    except orjson.JSONDecodeError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError("is no weights file of the injection classifier", where=where)
    if header.get("version") != FORMAT_VERSION or header.get("features") != FEATURE_VERSION:
        raise InputError(
            f"was written for version {header.get('version')} with features {header.get('features')}, "
            f"and version {FORMAT_VERSION} with features {FEATURE_VERSION} is in use",
            where=where,
            hint="train again with `safecase guard train`",
        )
    if header.get("buckets") != BUCKETS or len(blob) != BUCKETS * len(HEADS):
        raise InputError("is cut short or of another size", where=where, hint="train again")
    heads = []
    for place, name in enumerate(HEADS):
        declared = header.get("heads", {}).get(name) if isinstance(header.get("heads"), dict) else None
        scale, bias = _number(declared, "scale"), _number(declared, "bias")
        if scale is None or bias is None:
            raise InputError(f"has no scale and bias for '{name}'", where=where)
        raw = np.frombuffer(blob, np.int8, BUCKETS, place * BUCKETS)
        heads.append(Head(raw.astype(np.float32) * np.float32(scale), bias, WINDOWS[name]))
    trained = header.get("trained_on")
    details = header.get("details")
    return Classifier(
        direct=heads[0],
        indirect=heads[1],
        trained_on=tuple(trained) if isinstance(trained, list) else (),
        digest=digest_bytes(data),
        details=details if isinstance(details, dict) else {},
    )


def _number(declared: object, name: str) -> float | None:
    value = declared.get(name) if isinstance(declared, dict) else None
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


@lru_cache(maxsize=1)
def shipped_classifier() -> Classifier:
    """The weights that come with the package; ``injection_card.json`` beside them says how they do."""
    file = files("safecase.guard.injection").joinpath("data", "weights.bin")
    return parse_classifier(file.read_bytes(), where="the shipped weights")
