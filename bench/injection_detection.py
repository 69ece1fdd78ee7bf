"""Does the guard find injections and jailbreaks that it was not trained on, and leave the rest alone?

    python bench/injection_detection.py              trains, measures, prints the tables
    python bench/injection_detection.py --write      writes weights and card into the package too
    python bench/injection_detection.py --shipped    measures the shipped weights without training; with
                                                     --write, writes their card anew
    python bench/injection_detection.py --speed      times the shipped check
    python bench/injection_detection.py --json       prints one JSON document

Needs the folder of recorded data: SAFECASE_SHARED_DATA, or ../shared/data beside the repository; without it
the command says so and ends with code 3. What is trained on, tuned on and left out stands in
`_injection_corpus.py`. Scores are those of the whole check: signatures and classifier over all readings.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from _injection_corpus import TRAINED_ON, training_examples
from _injection_sets import TestSet, measured_sets
from _measuring import rate, recorded, shown
from _word_meanings import SOURCE, meanings, vectors_file
from guard_latency import MESSAGES
from safecase.guard import Content
from safecase.guard._linear.heads import Classifier, Head, read_classifier, save_classifier, score
from safecase.guard._linear.training import Example, TrainingOptions, train_head, with_threshold
from safecase.guard.injection._heads import HEADS, PANELS, SHORTEST, WINDOWS, shipped_classifier
from safecase.guard.injection._signatures import shipped_signatures
from safecase.guard.injection.injection import InjectionCheck, InjectionParameters
from safecase.model import FlowPoint
from safecase.stats import auc

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "src/safecase/guard/injection/data"
SURFACES = {"direct": FlowPoint.USER_INPUT, "indirect": FlowPoint.UNTRUSTED_CONTENT}
BLOCK_AT = InjectionParameters().block_at


@dataclass(frozen=True)
class Result:
    """One set. Rates with 95 % Clopper-Pearson limits."""

    name: str
    kind: str
    """``attack``, ``benign`` or ``hard benign``."""
    head: str
    n: int
    unseen: bool
    area: float | None
    area_lower: float | None
    area_upper: float | None
    at_1_percent: tuple[float, float, float] | None
    at_01_percent: tuple[float, float, float] | None
    blocked: tuple[float, float, float]
    """Share at or above the default threshold."""


SHARES = {
    "direct": (0.003, 0.01),
    "story": (0.01, 0.012),
    "noise": (0.01, 0.004),
    "indirect": (0.008, 0.01),
}
"""Head → share of unused harmless training text, and of the harmless validation text, that may reach 0.9; the
stricter of the two sets its bias. The heads of a panel add up, and the hard texts are much rarer in use."""


OPTIONS = {
    "direct": TrainingOptions(),
    "story": TrainingOptions(meaning_penalty=0.03),
    "noise": TrainingOptions(),
    "indirect": TrainingOptions(penalty=2e-6, harmless_windows=4, iterations=100),
}
WITH_MEANINGS = ("story",)
"""Heads that learn what words mean: harmful goals have many words. On the others it made no difference or a
worse one."""


def train_one(task: tuple[str, list[Example], list[str], Path]) -> tuple[str, Head]:
    """One head, its threshold set on text that was not trained on."""
    name, examples, hard, vectors = task
    options = OPTIONS[name]
    if name in WITH_MEANINGS:
        options = replace(options, meanings=meanings(vectors))
    out = np.random.default_rng(5).random(len(examples)) < 0.08
    kept = [item for item, left in zip(examples, out, strict=True) if not left]
    unused = [item.text for item, left in zip(examples, out, strict=True) if left and not item.attack]
    head = train_head(
        kept, WINDOWS[name], options, tell=lambda line: print(f"{name}, {line}", file=sys.stderr)
    )
    head = replace(head, shortest=SHORTEST.get(name, 0))
    general, difficult = SHARES[name]
    chosen = (with_threshold(head, unused, share=general), with_threshold(head, hard, share=difficult))
    return name, min(chosen, key=lambda item: item.bias)


HARD_SHARE = 0.01
"""Share of the harmless validation texts that a panel as a whole may hold for an attack."""


def settled(classifier: Classifier, valid: list[TestSet]) -> Classifier:
    """The classifier with the biases of each panel moved together until the panel keeps to `HARD_SHARE`."""
    heads = dict(classifier.heads)
    for panel, names in PANELS.items():
        hard = [text for item in valid if item.surface == panel and not item.attack for text in item.texts]
        chances = [score(text, classifier.panel(names)).probability for text in hard]
        wanted = math.log(BLOCK_AT / (1 - BLOCK_AT))
        found = float(np.quantile(np.log(chances) - np.log1p(-np.array(chances)), 1 - HARD_SHARE))
        for name in names:
            heads[name] = replace(heads[name], bias=heads[name].bias - max(0.0, found - wanted))
    return replace(classifier, heads=heads)


def train(folder: Path, vectors: Path, generated: int) -> Classifier:
    """All heads, each in a process of its own."""
    examples = training_examples(folder, generated=generated)
    valid = [item for item in measured_sets(folder) if item.name.startswith("validation") and not item.attack]
    tasks = [
        (
            name,
            examples[name],
            [text for item in valid if item.surface == panel for text in item.texts],
            vectors,
        )
        for panel, names in PANELS.items()
        for name in names
    ]
    tasks.sort(key=lambda task: task[0] not in ("indirect", "noise"))
    with ProcessPoolExecutor(max_workers=min(len(tasks), os.cpu_count() or 1)) as pool:
        heads = dict(pool.map(train_one, tasks))
    trained = tuple({"name": name, "licence": licence} for name, licence in TRAINED_ON.items())
    written = (
        {"name": "phrases written for this project", "licence": "Apache-2.0"},
        {"name": "source of the Python standard library and of numpy", "licence": "PSF-2.0, BSD-3-Clause"},
        SOURCE,
    )
    return settled(Classifier(heads=heads, trained_on=(*trained, *written)), valid)


def scores(check: InjectionCheck, chosen: TestSet) -> np.ndarray:
    """The check's score of each text of a set."""
    surface = SURFACES[chosen.surface]
    return np.array([check.inspect(Content(surface, text)).score or 0.0 for text in chosen.texts])


def measure(check: InjectionCheck, sets: list[TestSet]) -> list[Result]:
    """Every set, attacks against the pooled unseen benign sets of the same head."""
    results = []
    for head in SURFACES:
        here = [item for item in sets if item.surface == head]
        found = {item.name: scores(check, item) for item in here}
        pool = [i for i in here if not i.attack and i.pooled]
        benign = np.concatenate([found[item.name] for item in pool])
        one, tenth = np.quantile(benign, [0.99, 0.999])
        for item in here:
            mine = found[item.name]
            area = None
            if item.attack:
                labels = np.concatenate([np.ones(len(mine), int), np.zeros(len(benign), int)])
                area = auc(np.concatenate([mine, benign]), labels)
            results.append(
                Result(
                    name=item.name,
                    kind="attack" if item.attack else "hard benign" if item.hard else "benign",
                    head=head,
                    n=len(mine),
                    unseen=not item.seen,
                    area=area.value if area else None,
                    area_lower=area.lower if area else None,
                    area_upper=area.upper if area else None,
                    at_1_percent=rate(int((mine > one).sum()), len(mine)),
                    at_01_percent=rate(int((mine > tenth).sum()), len(mine)),
                    blocked=rate(int((mine >= BLOCK_AT).sum()), len(mine)),
                )
            )
        hard = [item.name for item in here if item.hard and item.pooled]
        if hard:
            blocked = np.concatenate([found[name] for name in hard]) >= BLOCK_AT
            results.append(
                Result(
                    "all unseen hard benign texts", "hard benign", head, len(blocked), True, None, None, None,
                    None, None, rate(int(blocked.sum()), len(blocked)),
                )
            )  # fmt: skip
        attacks = [i for i in here if i.attack and i.pooled]
        mine = np.concatenate([found[item.name] for item in attacks])
        labels = np.concatenate([np.ones(len(mine), int), np.zeros(len(benign), int)])
        area = auc(np.concatenate([mine, benign]), labels)
        name = f"all unseen attacks ({head}) against {len(benign)} unseen benign texts"
        results.append(
            Result(
                name, "attack", head, len(mine), True, area.value, area.lower, area.upper,
                rate(int((mine > one).sum()), len(mine)), rate(int((mine > tenth).sum()), len(mine)),
                rate(int((mine >= BLOCK_AT).sum()), len(mine)),
            )
        )  # fmt: skip
    return results


def speed(check: InjectionCheck) -> dict[str, float]:
    """How long the check takes on given readings: of 500 characters, in µs, and of a million, in ms."""
    taken: dict[str, float] = {}
    for name, surface in SURFACES.items():
        times = []
        for turn in range(6000):
            content = Content(surface, MESSAGES[turn % len(MESSAGES)])
            content.readings  # noqa: B018 - made before the clock starts, as in a guard all checks share them
            started = time.perf_counter()
            check.inspect(content)
            times.append(time.perf_counter() - started)
        found = np.quantile(times, [0.5, 0.99])
        taken[f"{name}, median µs"], taken[f"{name}, 99th percentile µs"] = 1e6 * found[0], 1e6 * found[1]
    for size in (100_000, 1_000_000):
        content = Content(FlowPoint.USER_INPUT, (" ".join(MESSAGES) * 400)[:size])
        content.readings  # noqa: B018
        started = time.perf_counter()
        check.inspect(content)
        taken[f"{size:,} characters, ms"] = 1e3 * (time.perf_counter() - started)
    return taken


def table(results: list[Result]) -> str:
    """The results as Markdown."""
    lines = []
    for head in SURFACES:
        title = "On the user's input" if head == "direct" else "In retrieved content and results of tools"
        heading = "| set | | n | area under the ROC curve | recall at 1 % | recall at 0.1 % | blocked |"
        lines += [f"## {title}", "", heading, "|---|---|---|---|---|---|---|"]
        for item in results:
            if item.head != head:
                continue
            area = (
                "" if item.area is None else f"{item.area:.3f} ({item.area_lower:.3f}-{item.area_upper:.3f})"
            )
            mark = item.kind + ("" if item.unseen else ", of a trained set")
            one, tenth = (
                (shown(item.at_1_percent), shown(item.at_01_percent)) if item.kind == "attack" else ("", "")
            )
            lines.append(
                f"| {item.name} | {mark} | {item.n} | {area} | {one} | {tenth} | {shown(item.blocked)} |"
            )
        lines.append("")
    return "\n".join(lines)


def card(results: list[Result], classifier: Classifier) -> dict[str, Any]:
    """What the weights were trained on and how they do."""
    return {
        "weights_digest": classifier.digest,
        "question": "Is the worst place of the text an injection or a jailbreak?",
        "not_a_question": "Whether a request is harmful: a harmful request alone is no injection.",
        "trained_on": list(classifier.trained_on),
        "thresholds": {
            head: f"0.9 at {100 * general:g} % of unused harmless training text or "
            f"{100 * hard:g} % of harmless validation text, whichever is stricter"
            for head, (general, hard) in SHARES.items()
        },
        "block_at": BLOCK_AT,
        "measured": [asdict(item) for item in results],
        "made_by": "python bench/injection_detection.py --write",
    }


def main() -> int:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--generated", type=int, default=6000)
    arguments = parser.parse_args()
    if arguments.speed:
        taken = speed(InjectionCheck(InjectionParameters(), shipped_signatures(), shipped_classifier()))
        lines = [f"{name}: {value:.1f}" for name, value in taken.items()]
        print(json.dumps(taken, indent=2) if arguments.json else "\n".join(lines))
        return 0
    folder = recorded("jailbreak_llms_prompts.jsonl")
    if folder is None:
        return 3
    if arguments.shipped:
        classifier = shipped_classifier()
    else:
        path = DATA / "weights.bin" if arguments.write else Path(os.devnull)
        vectors = vectors_file()
        if vectors is None:
            return 3
        made = train(folder, vectors, arguments.generated)
        if not arguments.write:
            path = Path(tempfile.mkstemp(suffix=".bin")[1])
        save_classifier(made, path)
        # Measured as it will be read: with weights of one byte.
        classifier = read_classifier(path, HEADS)
    check = InjectionCheck(InjectionParameters(), shipped_signatures(), classifier)
    results = measure(check, measured_sets(folder))
    if arguments.write:
        text = json.dumps(card(results, classifier), indent=1)
        (DATA / "injection_card.json").write_text(text + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps([asdict(item) for item in results], indent=2))
    else:
        print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
