"""Heads of linear classifiers: weights over hashed n-grams, kept as plain arrays behind a JSON header.

The file: a line of JSON (format, feature version, and of each head its scale, bias and window; what it was
trained on), then the weights of each head as signed bytes. Nothing in it can be executed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from safecase.base import InputError, JsonValue, digest_bytes
from safecase.guard._linear.hashing import (
    BUCKETS,
    FEATURE_VERSION,
    Features,
    distinct_share,
    extract,
    weigh,
    window_starts,
    window_sums,
)

FORMAT = "safecase-classifier-weights"
FORMAT_VERSION = 3
"""Changes with the header or the layout of the arrays: older files must be trained again."""
_LONGEST_HEADER = 1_000_000
"""Bytes; the header holds names and scales. What has no line break before is no weights file."""
_DISTINCT = 1.5
"""Evidence counts in full where two thirds of the n-grams or more are distinct: prose has 0.9."""
_DAMPED_FROM = 0.0
"""Log-odds below which nothing follows from a score: what is distinct need not be counted."""
_NOTHING_SAID = -4.0
"""Log-odds of an attack in a text without evidence."""
_STEEPEST = 60.0
"""Log-odds at which the sum of exponentials is cut: certainty by far, and no overflow."""


@dataclass(frozen=True)
class Head:
    """One kind of attack: weights, shape (BUCKETS,), and bias; scores are log-odds."""

    weights: NDArray[np.float32]
    bias: float
    window: int
    """Bytes that are read together."""
    shortest: int = 0
    """Bytes under which a text cannot be what the head looks for."""

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
    """Named heads that were trained together."""

    heads: Mapping[str, Head]
    trained_on: tuple[Any, ...] = ()
    digest: str = ""
    details: dict[str, JsonValue] = field(default_factory=dict)
    _panels: dict[tuple[str, ...], Panel] = field(default_factory=dict, init=False, compare=False, repr=False)

    def panel(self, names: tuple[str, ...]) -> Panel:
        """The heads that answer one question together; made once."""
        found = self._panels.get(names)
        if found is None:
            found = self._panels[names] = Panel.of(self.heads, names)
        return found


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


def score(text: str, panel: Panel, features: Features | None = None) -> ClassifierScore:
    """How likely the worst window of the text is an attack. The whole text is read, window by window.

    ``features`` are those of the text, where they were made before.
    """
    features = extract(text) if features is None else features
    running = weigh(features, panel.stacked)
    total, surest, name, place, window = 0.0, -math.inf, "", 0, 0
    for column, head in enumerate(panel.heads):
        if features.size < head.shortest:
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
    for name, head in classifier.heads.items():
        blobs.append(head.as_bytes().tobytes())
        heads[name] = {
            "scale": head.scale,
            "bias": head.bias,
            "window": head.window,
            "shortest": head.shortest,
        }
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


def read_classifier(path: Path, names: tuple[str, ...]) -> Classifier:
    """Read a weights file with the heads ``names``. Raises InputError saying what is wrong: format, version,
    heads, size."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    return parse_classifier(data, names, where=str(path))


def parse_classifier(data: bytes, names: tuple[str, ...], *, where: str) -> Classifier:
    """The classifier in the bytes of a weights file; raises InputError as `read_classifier`."""
    line, separator, blob = data.partition(b"\n")
    try:
        header = orjson.loads(line) if separator and len(line) < _LONGEST_HEADER else None
    except orjson.JSONDecodeError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError("is no weights file of a classifier", where=where)
    if header.get("version") != FORMAT_VERSION or header.get("features") != FEATURE_VERSION:
        raise InputError(
            f"was written for version {header.get('version')} with features {header.get('features')}, "
            f"and version {FORMAT_VERSION} with features {FEATURE_VERSION} is in use",
            where=where,
            hint="train again",
        )
    declared = header.get("heads")
    if not isinstance(declared, dict) or set(declared) != set(names):
        raise InputError(f"has other heads than these: {', '.join(names)}", where=where)
    if header.get("buckets") != BUCKETS or len(blob) != BUCKETS * len(declared):
        raise InputError("is cut short or of another size", where=where, hint="train again")
    trained = header.get("trained_on")
    details = header.get("details")
    return Classifier(
        heads={
            name: _parse_head(
                declared[name], np.frombuffer(blob, np.int8, BUCKETS, place * BUCKETS), name, where
            )
            for place, name in enumerate(declared)
        },
        trained_on=tuple(trained) if isinstance(trained, list) else (),
        digest=digest_bytes(data),
        details=details if isinstance(details, dict) else {},
    )


def _parse_head(declared: object, raw: NDArray[np.int8], name: str, where: str) -> Head:
    scale, bias = _number(declared, "scale"), _number(declared, "bias")
    window, shortest = _number(declared, "window"), _number(declared, "shortest")
    if scale is None or bias is None:
        raise InputError(f"has no scale and bias for '{name}'", where=where)
    if window is None or shortest is None or not 16 <= window <= 65_536 or not 0 <= shortest <= 65_536:
        raise InputError(f"has no window that can be read for '{name}'", where=where)
    return Head(raw.astype(np.float32) * np.float32(scale), bias, int(window), int(shortest))


def _number(declared: object, name: str) -> float | None:
    """A finite number of a header; None where it has none."""
    value = declared.get(name) if isinstance(declared, dict) else None
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
