"""Does the guard find requests for harm that it was not trained on, and leave the words of harm alone?

    python bench/harm_detection.py              trains, measures, prints the table
    python bench/harm_detection.py --write      writes weights and card into the package too
    python bench/harm_detection.py --shipped    measures the shipped weights without training
    python bench/harm_detection.py --json       prints one JSON document

Needs the folder of recorded data: SAFECASE_SHARED_DATA, or ../shared/data beside the repository; without it
the command says so and ends with code 3. What is trained on and what is left out stands in
`_harm_corpus.py`. Beside each rate stands that of the lexicon check `policy_categories` in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from _harm_corpus import TRAINED_ON, judged_answers, measured_sets, training_examples
from _injection_sets import TestSet
from _measuring import Rate, rate, recorded, shown, shown_area
from _word_meanings import SOURCE, meanings, vectors_file
from safecase.guard import Content, make_check
from safecase.guard._linear.heads import Classifier, read_classifier, save_classifier
from safecase.guard._linear.training import TrainingOptions, train_head, with_threshold
from safecase.guard.harm.harm import HEADS, WINDOWS, HarmCheck, HarmParameters, shipped_classifier
from safecase.model import FlowPoint, GuardAction
from safecase.stats import auc

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "src/safecase/guard/harm/data"
ACT_AT = HarmParameters().act_at
FEWEST = 20
"""Assessed texts under which a set gets no area."""
SHARE = 0.01
"""Share of unused harmless training text that the shipped threshold lets be flagged."""


@dataclass(frozen=True)
class Result:
    """One set, or several; rates with 95 % Clopper-Pearson limits, areas with DeLong's."""

    name: str
    kind: str
    n: int
    area: Rate | None
    at_1_percent: Rate | None
    at_01_percent: Rate | None
    acted: Rate
    not_assessed: Rate
    """Share without a score, because no reading is English; left out of the areas and of the recall."""
    lexicon: Rate


def train(folder: Path, vectors: Path) -> Classifier:
    """The head, its threshold set on text that was not trained on."""
    examples = training_examples(folder)
    out = np.random.default_rng(5).random(len(examples)) < 0.08
    kept = [item for item, left in zip(examples, out, strict=True) if not left]
    unused = [item.text for item, left in zip(examples, out, strict=True) if left and not item.attack]
    known = meanings(vectors)
    options = TrainingOptions(attack_windows=1, penalty=5e-6, meanings=known, meaning_penalty=0.03)
    head = train_head(kept, WINDOWS["harm"], options, tell=lambda line: print(line, file=sys.stderr))
    head = with_threshold(head, unused, share=SHARE, at=ACT_AT)
    trained = tuple({"name": name, "licence": licence} for name, licence in TRAINED_ON.items())
    written = ({"name": "requests written for this project", "licence": "Apache-2.0"}, SOURCE)
    return Classifier(heads={"harm": head}, trained_on=(*trained, *written))


def measure(classifier: Classifier, sets: list[TestSet]) -> list[Result]:
    """Every set against the harmless sets that are pooled, and all pooled sets together."""
    check = HarmCheck(HarmParameters(), classifier)
    scores: dict[str, np.ndarray] = {}
    worded: dict[str, int] = {}
    for item in sets:
        scores[item.name], worded[item.name] = read(check, FlowPoint.USER_INPUT, item.texts)
    pool = [item for item in sets if item.pooled and not item.seen]
    harmless = assessed(np.concatenate([scores[item.name] for item in pool if not item.attack]))
    one, tenth = np.quantile(harmless, 0.99), np.quantile(harmless, 0.999)

    def result(name: str, kind: str, mine: np.ndarray, words: int, against: np.ndarray | None) -> Result:
        area, recall = None, (None, None)
        n, known = len(mine), assessed(mine)
        if against is not None and len(known) >= FEWEST:
            area = area_between(known, against)
            recall = tuple(rate(int((known > limit).sum()), len(known)) for limit in (one, tenth))
        acted = rate(int((known >= ACT_AT).sum()), n)
        return Result(name, kind, n, area, *recall, acted, rate(n - len(known), n), rate(words, n))

    results = []
    for item in sets:
        kind = ("harmful" if item.attack else "harmless") + (", of a trained set" if item.seen else "")
        against = harmless if item.attack else None
        results.append(result(item.name, kind, scores[item.name], worded[item.name], against))
    safe, unsafe = assessed(scores["XSTest, safe"]), scores["XSTest, unsafe"]
    name = "XSTest, unsafe against safe"
    results.append(result(name, "harmful", unsafe, worded["XSTest, unsafe"], safe))
    attacks = [item for item in pool if item.attack]
    mine = np.concatenate([scores[item.name] for item in attacks])
    words = sum(worded[item.name] for item in attacks)
    name = f"all unseen harmful against {len(harmless)} unseen harmless"
    results.append(result(name, "harmful", mine, words, harmless))
    return results


def measure_answers(classifier: Classifier, folder: Path) -> list[Result]:
    """Answers that were judged harmful against the others of their set."""
    check = HarmCheck(HarmParameters(), classifier)
    results = []
    for name, harmful, harmless in judged_answers(folder):
        parts = [read(check, FlowPoint.MODEL_OUTPUT, texts) for texts in (harmful, harmless)]
        area = area_between(*(assessed(scores) for scores, _ in parts))
        for kind, among, (item, named) in zip(("harmful", "harmless"), (area, None), parts, strict=True):
            n = len(item)
            results.append(
                Result(
                    f"answers: {name}", kind, n, among, None, None,
                    rate(int((assessed(item) >= ACT_AT).sum()), n),
                    rate(int(np.isnan(item).sum()), n),
                    rate(named, n),
                )
            )  # fmt: skip
    return results


def read(check: HarmCheck, surface: FlowPoint, texts: Iterable[str]) -> tuple[np.ndarray, int]:
    """The scores of the texts, NaN where there is none, and on how many the lexicon acts."""
    lexicon = make_check("policy_categories", {})
    contents = [Content(surface, text) for text in texts]
    found = [check.inspect(content).score for content in contents]
    acted = [lexicon.inspect(content).action for content in contents]  # type: ignore[union-attr]
    scores = np.array([np.nan if score is None else score for score in found])
    return scores, sum(action is not GuardAction.ALLOW for action in acted)


def area_between(harmful: np.ndarray, harmless: np.ndarray) -> Rate:
    """The area under the ROC curve with DeLong's limits."""
    labels = np.repeat([1, 0], [len(harmful), len(harmless)])
    found = auc(np.concatenate([harmful, harmless]), labels)
    return found.value, found.lower, found.upper


def assessed(scores: np.ndarray) -> np.ndarray:
    """The scores of what was assessed."""
    return scores[~np.isnan(scores)]


def table(results: list[Result]) -> str:
    """The results as Markdown."""
    names = (
        "set",
        "",
        "n",
        "area under the ROC curve",
        "recall at 1 %",
        "recall at 0.1 %",
        "acted on",
        "not assessed",
        "lexicon",
    )
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for item in results:
        lines.append(
            f"| {item.name} | {item.kind} | {item.n} | {shown_area(item.area)} | "
            f"{shown(item.at_1_percent)} | {shown(item.at_01_percent)} | {shown(item.acted)} | "
            f"{shown(item.not_assessed)} | {shown(item.lexicon)} |"
        )
    return "\n".join(lines)


def card(results: list[Result], classifier: Classifier) -> dict[str, Any]:
    """What the weights were trained on and how they do."""
    return {
        "weights_digest": classifier.digest,
        "question": "Does the worst place of the text ask for harm?",
        "typical_mistake": "A harmless text in the words of harm.",
        "trained_on": list(classifier.trained_on),
        "threshold": f"{ACT_AT} at {100 * SHARE:g} % of unused harmless training text",
        "measured": [asdict(item) for item in results],
        "made_by": "python bench/harm_detection.py --write",
    }


def main() -> int:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--shipped", action="store_true")
    arguments = parser.parse_args()
    folder = recorded("multijail.jsonl")
    if folder is None:
        return 3
    if arguments.shipped:
        classifier = shipped_classifier()
    else:
        vectors = vectors_file()
        if vectors is None:
            return 3
        path = DATA / "weights.bin" if arguments.write else Path(tempfile.mkstemp(suffix=".bin")[1])
        save_classifier(train(folder, vectors), path)
        # Measured as it will be read: with weights of one byte.
        classifier = read_classifier(path, HEADS)
    results = [*measure(classifier, measured_sets(folder)), *measure_answers(classifier, folder)]
    if arguments.write:
        text = json.dumps(card(results, classifier), indent=1)
        (DATA / "harm_card.json").write_text(text + "\n", encoding="utf-8")
    print(json.dumps([asdict(item) for item in results], indent=2) if arguments.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
