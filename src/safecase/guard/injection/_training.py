"""Training the injection classifier on labelled files of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from safecase.base import JsonValue
from safecase.guard._linear.heads import Classifier, save_classifier
from safecase.guard._linear.training import Example, TrainingOptions, train_head, with_threshold
from safecase.guard.injection._heads import SHORTEST, WINDOWS, shipped_classifier

ATTACK_LABELS = ("1", "true", "attack", "injection", "jailbreak")
"""What means attack in a file that does not say otherwise; case does not matter."""


def train_from_files(
    files: Sequence[Path],
    output: Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    attack_labels: Iterable[str] = ATTACK_LABELS,
    options: TrainingOptions | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Classifier:
    """Train on labelled files (csv, jsonl, Label Studio JSON) and write the weights to ``output``.

    The heads that answer what such labels ask are trained anew: attacks on the instructions, instructions in
    data. The heads for stories around harmful goals and for senseless tails stay as shipped.

    Raises InputError for files that do not read or hold one kind of text only.
    """
    from safecase.scorers import LabelColumns, read_labelled

    attacks = {label.lower() for label in attack_labels}
    examples, sources = [], []
    for file in files:
        data = read_labelled(
            file, LabelColumns(response=text_column, labels=(label_column,), family=text_column)
        )
        sources.append({"name": data.name, "digest": data.digest, "rows": len(data.rows)})
        examples += [
            Example(row.response, row.labels[0].strip().lower() in attacks)
            for row in data.rows
            if row.response
        ]
    order = np.random.default_rng((options or TrainingOptions()).seed).permutation(len(examples))
    held_out = {int(place) for place in order[: max(1, len(examples) // 10)]}
    kept = [example for place, example in enumerate(examples) if place not in held_out]
    harmless = [examples[place].text for place in sorted(held_out) if not examples[place].attack]
    heads = {
        name: replace(
            with_threshold(train_head(kept, window, options, tell=tell), harmless),
            shortest=SHORTEST.get(name, 0),
        )
        for name, window in WINDOWS.items()
        if name in ("direct", "indirect")
    }
    shipped = shipped_classifier()
    as_shipped: list[JsonValue] = [name for name in WINDOWS if name not in heads]
    classifier = Classifier(
        heads={**shipped.heads, **heads},
        trained_on=tuple(sources),
        details={"heads_as_shipped": as_shipped, "shipped_weights": shipped.digest},
    )
    save_classifier(classifier, output)
    return classifier
