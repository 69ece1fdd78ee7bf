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

from safecase.guard.classifier.hashing import (
    BUCKETS,
    Features,
    extract,
    weigh,
    window_rows,
    window_starts,
    window_sums,
)
from safecase.guard.classifier.heads import Head
from safecase.model.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One text of a training set."""

    text: str
    attack: bool
    weight: float = 1.0


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
    weights, bias = np.zeros(BUCKETS), 0.0
    for round_ in range(options.rounds):
        matrix, labels, importance = _rows(examples, features, window, chosen)
        weights, bias = _fit(matrix, labels, importance, options, weights, bias)
        tell(f"round {round_ + 1}: {matrix.shape[0]} windows, {int(labels.sum())} of them attacks")
        if round_ + 1 < options.rounds:
            light = weights.astype(np.float32)[:, None]
            chosen = [
                _worst_windows(window_sums(item, weigh(item, light)[:, 0], window), example, options, old)
                for item, example, old in zip(features, examples, chosen, strict=True)
            ]
    return Head(weights.astype(np.float32), float(bias), window)


def _first_windows(
    features: Features, window: int, example: Example, options: TrainingOptions, rng: np.random.Generator
) -> list[int]:
    count = len(window_starts(features.size, window))
    wanted = options.attack_windows if example.attack else options.harmless_windows
    if count <= wanted:
        return list(range(count))
    return sorted(rng.choice(count, size=wanted, replace=False).tolist())


def _worst_windows(
    scores: FloatArray, example: Example, options: TrainingOptions, old: list[int]
) -> list[int]:
    wanted = options.attack_windows if example.attack else options.harmless_windows
    worst = np.argsort(-scores)[:wanted].tolist()
    # What was learnt as harmless stays learnt, or the rounds would chase each other.
    return sorted(set(worst) if example.attack else {*worst, *old})


def _rows(
    examples: Sequence[Example], features: Sequence[Features], window: int, chosen: Sequence[list[int]]
) -> tuple[Any, FloatArray, FloatArray]:
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
    weights: FloatArray,
    bias: float,
) -> tuple[FloatArray, float]:
    from scipy.optimize import minimize
    from scipy.special import expit

    transposed = matrix.T.tocsr()
    # Both kinds count the same in all, whatever there is more of.
    balance = np.where(labels > 0, 0.5 / importance[labels > 0].sum(), 0.5 / importance[labels == 0].sum())
    share = importance * balance
    signs = 2 * labels - 1

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        margin = signs * (matrix @ point[:-1] + point[-1])
        slope = -signs * share * expit(-margin)
        value = float(
            (share * np.logaddexp(0, -margin)).sum() + 0.5 * options.penalty * (point[:-1] ** 2).sum()
        )
        gradient = np.concatenate([transposed @ slope + options.penalty * point[:-1], [slope.sum()]])
        return value, gradient

    found = minimize(
        loss, np.concatenate([weights, [bias]]), jac=True, method="L-BFGS-B",
        options={"maxiter": options.iterations, "maxcor": 8},
    )  # fmt: skip
    return found.x[:-1], float(found.x[-1])


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
