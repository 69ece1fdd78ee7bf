"""The small classifier: weights over hashed n-grams, kept as plain arrays behind a JSON header.

The file: a line of JSON (format, feature version, sizes, scales, biases, what it was trained on), then the
weights of each head as signed bytes. Nothing in it can be executed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from safecase.guard.injection.hashing import (
    BUCKETS,
    FEATURE_VERSION,
    Features,
    distinct_share,
    extract,
    weigh,
    window_starts,
    window_sums,
)
from safecase.model.base import JsonValue, digest_bytes
from safecase.model.errors import InputError

FORMAT = "safecase-injection-weights"
FORMAT_VERSION = 2
_LONGEST_HEADER = 1_000_000
_DISTINCT = 1.5
_DAMPED_FROM = 0.0
"""Log-odds below which nothing follows from a score: what is distinct need not be counted."""
_NOTHING_SAID = -4.0
"""Log-odds of an attack in a text without evidence."""
_STEEPEST = 60.0
WINDOWS = {"direct": 320, "story": 768, "noise": 96, "indirect": 128}
"""Head → bytes that it reads together: a story around a harmful goal takes room, an instruction in data is a
sentence."""
HEADS = tuple(WINDOWS)
PANELS = {"direct": ("direct", "story", "noise"), "indirect": ("indirect",)}
"""Question → the heads that answer it; one that says yes is enough."""
SHORTEST = {"noise": 48, "story": 80}
"""Head → bytes under which a text cannot be what it looks for."""
LABELS = {
    "direct": "attack on the instructions",
    "story": "harmful goal in a story or role",
    "noise": "tail of senseless pieces",
    "indirect": "instruction in data",
}


@dataclass(frozen=True)
class Head:
    """One kind of attack: weights, shape (BUCKETS,), and bias; scores are log-odds."""

    weights: NDArray[np.float32]
    bias: float
    window: int
    """Bytes that are read together."""

    @property
    def scale(self) -> float:
        """What one step of a weight's byte is worth."""
        return float(np.abs(self.weights).max()) / 127 or 1.0

    def as_bytes(self) -> NDArray[np.int8]:
        """The weights as signed bytes, in steps of `scale`."""
        return np.round(self.weights / self.scale).astype(np.int8)

    def window_log_odds(self, features: Features) -> NDArray[np.float64]:
        """Log-odds of each window, shape (windows,)."""
        running = weigh(features, self.weights[:, None])[:, 0]
        return self._damped(features, window_sums(features, running, self.window) + self.bias)

    def worst(self, features: Features, running: NDArray[Any], scale: float) -> tuple[int, float]:
        """The window with the highest log-odds, and these, from the running sums of the weights, shape
        (size + 1,), in units of ``scale``."""
        odds = window_sums(features, running, self.window)
        odds *= scale
        odds += self.bias
        place = int(odds.argmax())
        if odds[place] > _DAMPED_FROM:
            odds = self._damped(features, odds)
            place = int(odds.argmax())
        return place, float(odds[place])

    def _damped(self, features: Features, odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Words said over and over add up to more evidence than they are: the less of a window is distinct,
        the closer its log-odds come to those of a text that says nothing."""
        high = np.flatnonzero(odds > _DAMPED_FROM)
        starts = window_starts(features.size, self.window)
        for place in high:
            kept = min(1.0, _DISTINCT * distinct_share(features, int(starts[place]), self.window))
            odds[place] = kept * odds[place] + (1 - kept) * _NOTHING_SAID
        return odds


@dataclass(frozen=True)
class Panel:
    """The heads of one question, their weights side by side so that the text is read once."""

    names: tuple[str, ...]
    heads: tuple[Head, ...]
    stacked: NDArray[np.int8]
    """Shape (BUCKETS, heads), filled up to a power of two: rows of such sizes are found four times as fast,
    and bytes stay in the processor's cache."""
    scales: tuple[float, ...]

    @staticmethod
    def of(heads: Mapping[str, Head], names: tuple[str, ...]) -> Panel:
        """The named heads as a panel."""
        chosen = tuple(heads[name] for name in names)
        width = 1 << (len(chosen) - 1).bit_length()
        stacked = np.zeros((BUCKETS, width), np.int8)
        scales = tuple(head.scale for head in chosen)
        for column, head in enumerate(chosen):
            stacked[:, column] = head.as_bytes()
        return Panel(names, chosen, stacked, scales)


@dataclass(frozen=True)
class Classifier:
    """Two questions: is the user attacking, and is a text that should be data giving instructions?"""

    heads: Mapping[str, Head]
    trained_on: tuple[Any, ...] = ()
    digest: str = ""
    details: dict[str, JsonValue] = field(default_factory=dict)

    @cached_property
    def direct(self) -> Panel:
        """For what a user says."""
        return Panel.of(self.heads, PANELS["direct"])

    @cached_property
    def indirect(self) -> Panel:
        """For what was retrieved or what a tool returned."""
        return Panel.of(self.heads, PANELS["indirect"])


@dataclass(frozen=True, slots=True)
class ClassifierScore:
    """The worst window of a text."""

    probability: float
    """From the sum of the odds of all heads, each at its worst window."""
    start: int
    """Characters ``[start, end)`` of the text that the worst window of the surest head covers."""
    end: int
    head: str = ""
    """The surest head."""


def score(text: str, panel: Panel) -> ClassifierScore:
    """How likely the worst window of the text is an attack. The whole text is read, window by window."""
    features = extract(text)
    running = weigh(features, panel.stacked)
    total, surest, name, place, window = 0.0, -math.inf, "", 0, 0
    for column, head in enumerate(panel.heads):
        if features.size < SHORTEST.get(panel.names[column], 0):
            continue
        worst, top = head.worst(features, running[:, column], panel.scales[column])
        total += math.exp(min(_STEEPEST, top))
        if top > surest:
            surest, name, place, window = top, panel.names[column], worst, head.window
    if not name:
        return ClassifierScore(0.0, 0, 0)
    begin = int(window_starts(features.size, window)[place])
    if text.isascii():
        start, end = begin - 2, begin - 2 + window
    else:
        data = np.frombuffer(text.lower().encode("utf-8", "replace"), np.uint8)
        firsts = np.cumsum((data & 0xC0) != 0x80)
        low, high = max(0, begin - 2), min(len(data), begin - 2 + window)
        start = int(firsts[low]) - 1 if len(data) > low else 0
        end = int(firsts[high - 1]) if high > low else start
    start = max(0, min(start, len(text)))
    return ClassifierScore(total / (1 + total), start, max(start, min(end, len(text))), name)


def save_classifier(classifier: Classifier, path: Path) -> None:
    """Write the weights: a header line and a signed byte per weight."""
    heads: dict[str, JsonValue] = {}
    blobs = []
    for name in HEADS:
        head = classifier.heads[name]
        blobs.append(head.as_bytes().tobytes())
        heads[name] = {"scale": head.scale, "bias": head.bias, "window": head.window}
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
    heads = {}
    for place, name in enumerate(HEADS):
        declared = header.get("heads", {}).get(name) if isinstance(header.get("heads"), dict) else None
        scale, bias = _number(declared, "scale"), _number(declared, "bias")
        if scale is None or bias is None:
            raise InputError(f"has no scale and bias for '{name}'", where=where)
        raw = np.frombuffer(blob, np.int8, BUCKETS, place * BUCKETS)
        heads[name] = Head(raw.astype(np.float32) * np.float32(scale), bias, WINDOWS[name])
    trained = header.get("trained_on")
    details = header.get("details")
    return Classifier(
        heads=heads,
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
