"""Training a head: logistic regression over windows, where only the worst window of a text counts.

A text is an attack where some window of it is; so of an attack the windows that the last round found worst
are learnt as attacks, and of a harmless text those that it found worst are learnt as harmless
(multiple-instance learning by alternation, Andrews et al. 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safecase.base import InputError
from safecase.guard._linear.hashing import (
    BUCKETS,
    NGRAM_BUCKETS,
    Features,
    extract,
    weigh,
    window_rows,
    window_starts,
    window_sums,
    word_bucket,
)
from safecase.guard._linear.heads import Head

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One text of a training set."""

    text: str
    attack: bool
    weight: float = 1.0
    focus: tuple[int, int] | None = None
    """Characters ``[start, end)`` where the attack is known to stand; else the worst windows are taken."""


@dataclass(frozen=True)
class TrainingOptions:
    """How to train. The seed makes it repeatable."""

    penalty: float = 2e-5
    """L2 penalty per example."""
    rounds: int = 3
    attack_windows: int = 2
    harmless_windows: int = 2
    """Worst windows of a text that are learnt in each round."""
    iterations: int = 60
    longest: int = 12_000
    """Characters of a text that are learnt."""
    seed: int = 7
    meanings: Meanings | None = None
    """What words mean, so that words that were never seen get the weight of those that they are like."""
    meaning_penalty: float = 1.0
    """L2 penalty of the weights of meanings, in multiples of ``penalty``."""


@dataclass(frozen=True)
class Meanings:
    """A vector for each bucket of words, shape (NGRAM_BUCKETS, dimensions); zeros where no word is known."""

    table: FloatArray

    @staticmethod
    def of(words: Sequence[str], vectors: NDArray[Any]) -> Meanings:
        """The table from words and their vectors, shape (words, dimensions). What all words have in common is
        taken away first, and each vector is brought to length one (Mu and Viswanath 2018)."""
        centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0)
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
        table = np.zeros((NGRAM_BUCKETS, centred.shape[1]))
        shared = np.zeros(NGRAM_BUCKETS)
        for word, vector in zip(words, centred, strict=True):
            bucket = word_bucket(word)
            if bucket is not None:
                table[bucket - NGRAM_BUCKETS] += vector
                shared[bucket - NGRAM_BUCKETS] += 1
        return Meanings(table / np.maximum(shared, 1)[:, None])


def train_head(
    examples: Sequence[Example],
    window: int,
    options: TrainingOptions | None = None,
    *,
    tell: Callable[[str], None] = lambda line: None,
) -> Head:
    """The weights that tell attacks from the rest. Raises InputError where one kind is missing."""
    options = options or TrainingOptions()
    attacks = sum(example.attack for example in examples)
    if not attacks or attacks == len(examples):
        raise InputError("training needs attacks and harmless texts, and one kind is missing")
    features = [extract(example.text[: options.longest]) for example in examples]
    rng = np.random.default_rng(options.seed)
    chosen = [
        _first_windows(item, window, example, options, rng)
        for item, example in zip(features, examples, strict=True)
    ]
    table = options.meanings.table if options.meanings else np.zeros((NGRAM_BUCKETS, 0))
    # Weights of the buckets, weights of the meanings, bias.
    point = np.zeros(BUCKETS + table.shape[1] + 1)
    weights = np.zeros(BUCKETS)
    for round_ in range(options.rounds):
        matrix, labels, importance = _rows(examples, features, window, chosen)
        point = _fit(matrix, labels, importance, options, table, point)
        weights = point[:BUCKETS].copy()
        weights[NGRAM_BUCKETS:] += table @ point[BUCKETS:-1]
        tell(f"round {round_ + 1}: {matrix.shape[0]} windows, {int(labels.sum())} of them attacks")
        if round_ + 1 < options.rounds:
            light = weights.astype(np.float32)[:, None]
            chosen = [
                _worst_windows(
                    window_sums(item, weigh(item, light)[:, 0], window),
                    _candidates(item, window, example),
                    example,
                    options,
                    old,
                )
                for item, example, old in zip(features, examples, chosen, strict=True)
            ]
    return Head(weights.astype(np.float32), float(point[-1]), window)


def _first_windows(
    features: Features, window: int, example: Example, options: TrainingOptions, rng: np.random.Generator
) -> list[int]:
    candidates = _candidates(features, window, example)
    wanted = options.attack_windows if example.attack else options.harmless_windows
    if len(candidates) <= wanted:
        return [int(place) for place in candidates]
    return sorted(int(place) for place in rng.choice(candidates, size=wanted, replace=False))


def _candidates(features: Features, window: int, example: Example) -> NDArray[np.intp]:
    """The windows that may be learnt from: all, or those that hold most of the place that is known."""
    starts = window_starts(features.size, window)
    if example.focus is None:
        return np.arange(len(starts))
    first, last = (len(example.text[:place].encode("utf-8", "replace")) for place in example.focus)
    held = np.minimum(starts + window, last) - np.maximum(starts, first)
    return np.flatnonzero(held >= 0.8 * held.max())


def _worst_windows(
    scores: FloatArray,
    candidates: NDArray[np.intp],
    example: Example,
    options: TrainingOptions,
    old: list[int],
) -> list[int]:
    wanted = options.attack_windows if example.attack else options.harmless_windows
    worst = candidates[np.argsort(-scores[candidates])[:wanted]].tolist()
    # What was learnt as harmless stays learnt, or the rounds would chase each other.
    return sorted(set(worst) if example.attack else {*worst, *old})


def _rows(
    examples: Sequence[Example], features: Sequence[Features], window: int, chosen: Sequence[list[int]]
) -> tuple[Any, FloatArray, FloatArray]:
    """The chosen windows as a sparse matrix, their labels, and their weights: a text counts once, whatever
    its windows."""
    from scipy.sparse import csr_matrix

    buckets, values, sizes, labels, importance = [], [], [0], [], []
    for example, item, windows in zip(examples, features, chosen, strict=True):
        starts = window_starts(item.size, window)
        for place in windows:
            places, amounts = window_rows(item, int(starts[place]), window)
            buckets.append(places)
            values.append(amounts)
            sizes.append(len(places))
            labels.append(float(example.attack))
            importance.append(example.weight / len(windows))
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(buckets).astype(np.int32), np.cumsum(sizes)),
        shape=(len(labels), BUCKETS),
    )
    return matrix, np.array(labels), np.array(importance)


def _fit(
    matrix: Any,
    labels: FloatArray,
    importance: FloatArray,
    options: TrainingOptions,
    table: FloatArray,
    start: FloatArray,
) -> FloatArray:
    from scipy.optimize import minimize
    from scipy.special import expit

    transposed = matrix.T.tocsr()
    # Both kinds count the same in all, whatever there is more of.
    balance = np.where(labels > 0, 0.5 / importance[labels > 0].sum(), 0.5 / importance[labels == 0].sum())
    share = importance * balance
    signs = 2 * labels - 1
    meant = matrix[:, NGRAM_BUCKETS:] @ table

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        own, shared, bias = point[:BUCKETS], point[BUCKETS:-1], point[-1]
        margin = signs * (matrix @ own + meant @ shared + bias)
        slope = -signs * share * expit(-margin)
        penalised = options.penalty * np.concatenate([own, options.meaning_penalty * shared])
        value = float((share * np.logaddexp(0, -margin)).sum() + 0.5 * (penalised @ point[:-1]))
        gradient = np.concatenate([transposed @ slope, meant.T @ slope]) + penalised
        return value, np.concatenate([gradient, [slope.sum()]])

    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": options.iterations, "maxcor": 8}
    )
    return np.asarray(found.x)


def with_threshold(head: Head, harmless: Sequence[str], *, share: float = 0.005, at: float = 0.9) -> Head:
    """The head with its bias moved so that ``share`` of the harmless texts score at or above ``at``.

    Scores of different weights then mean the same to whoever sets a threshold. ``harmless`` must not have
    been trained on.
    """
    odds = [float(head.window_log_odds(extract(text)).max()) for text in harmless]
    if not odds:
        raise InputError("no harmless texts to set the threshold by")
    wanted = float(np.log(at / (1 - at)))
    return replace(head, bias=head.bias + wanted - float(np.quantile(odds, 1 - share)))
