"""How well does the groundedness check follow human labels, and is it above counting words?

    python bench/groundedness.py          prints the table
    python bench/groundedness.py --json   prints one JSON document

Needs the folder of recorded data: SAFECASE_SHARED_DATA, or ../shared/data beside the repository; without it
the command says so and ends with code 3.

The recorded sets with human labels lack the documents that their answers were held against. What stands in:

- FActScore: statements about a person that people found supported by Wikipedia. A biography by one model is
  held against what they found true of the *other two* models' biographies, or of all three.
- XSum: a summary by a model is held against the summary that the journalist wrote, or against all others.

So a true statement may be missing in the document, and no method can reach 1. Both methods see the same
documents.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from _injection_sets import rows
from _measuring import Rate, recorded, shown_area
from safecase.guard import Content
from safecase.guard.grounding.groundedness import GroundednessCheck, GroundednessParameters
from safecase.model import Document, FlowPoint, GuardAction, Message, MessageRole
from safecase.stats import auc, bootstrap_interval

UNSUPPORTED_SHARE = 0.3
"""Share of a biography's statements without support from which it counts as unsupported."""
LEAST_KNOWN, LEAST_STATED = 15, 5
"""Statements that must be known about a person, and stated in a biography, for it to be measured."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Item:
    """One answer with its documents and what people said of it."""

    unit: str
    """Person or article: answers about one stand or fall together."""
    question: str
    answer: str
    documents: tuple[str, ...]
    unsupported: bool


@dataclass(frozen=True)
class Result:
    """One set: areas with 95 % DeLong limits, their difference with a bootstrap over units, F1 with a
    threshold from the other half of the units."""

    name: str
    n: int
    units: int
    without_claim: int
    positive: float
    check: Rate
    overlap: Rate
    difference: Rate
    check_f1: float
    overlap_f1: float
    default_f1: float


def biographies(folder: Path, *, own: bool, statements: bool) -> Iterator[Item]:
    """FActScore's biographies, or their single statements, against what is known to be true."""
    people: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in rows(folder, "factscore_human.jsonl"):
        people[row["labels"]["topic"]].append(row)
    for topic, written in people.items():
        for row in written:
            known = tuple(
                fact["text"]
                for other in written
                if own or other is not row
                for fact in other["labels"]["facts"] or ()  # type: ignore[index]
                if fact["label"] == "S"
            )
            facts = [fact for fact in row["labels"]["facts"] or () if fact["label"] != "IR"]  # type: ignore[index]
            if len(known) < LEAST_KNOWN or len(facts) < LEAST_STATED:
                continue
            question, documents = str(row["prompt"]), (" ".join(known),)
            if statements:
                for fact in facts:
                    yield Item(topic, question, fact["text"], documents, fact["label"] == "NS")
                continue
            missing = sum(fact["label"] == "NS" for fact in facts) / len(facts)
            yield Item(topic, question, str(row["response"]), documents, missing > UNSUPPORTED_SHARE)


def summaries(folder: Path, *, peers: bool) -> Iterator[Item]:
    """XSum's summaries against the journalist's own, or against those of the other systems as well.

    Unsupported: hallucinated in the eyes of most, and not factual.
    """
    articles: dict[str, dict[str, dict[str, object]]] = defaultdict(dict)
    for row in rows(folder, "xsum_hallucination.jsonl"):
        articles[row["labels"]["bbcid"]][row["model"]] = row
    for article, written in articles.items():
        for model, row in written.items():
            labels = row["labels"]
            unsure = labels["factual_majority"] is None and labels["hallucinated_majority"]  # type: ignore[index]
            if model == "Gold" or unsure:
                continue
            documents = tuple(
                str(other["response"])
                for name, other in written.items()
                if name != model and (peers or name == "Gold")
            )
            unsupported = labels["hallucinated_majority"] and not labels["factual_majority"]  # type: ignore[index]
            yield Item(article, "", str(row["response"]), documents, bool(unsupported))


def word_overlap(item: Item) -> float:
    """The baseline: share of the answer's words that no document holds."""
    known = set(_WORD.findall(" ".join(item.documents).lower()))
    said = _WORD.findall(item.answer.lower())
    return sum(word not in known for word in said) / len(said) if said else 0.0


def measure(name: str, items: list[Item], seed: int = 3) -> Result:
    """The check with its default parameters beside the baseline."""
    check = GroundednessCheck(GroundednessParameters(citations="ignored"))
    kept, scores, acted = [], [], []
    for item in items:
        asked = (Message(role=MessageRole.USER, content=item.question),) if item.question else ()
        documents = tuple(Document(id=f"d{n}", text=text) for n, text in enumerate(item.documents))
        found = check.inspect(Content(FlowPoint.MODEL_OUTPUT, item.answer, asked, documents))
        if found.score is not None:
            kept.append(item)
            scores.append(found.score)
            acted.append(found.action is not GuardAction.ALLOW)
    labels = np.array([item.unsupported for item in kept])
    mine, words = np.array(scores), np.array([word_overlap(item) for item in kept])
    names = sorted({item.unit for item in kept})
    numbers = {unit: number for number, unit in enumerate(names)}
    of_unit: list[list[int]] = [[] for _ in names]
    for place, item in enumerate(kept):
        of_unit[numbers[item.unit]].append(place)

    def difference(drawn: npt.NDArray[np.int64]) -> float:
        places = np.concatenate([of_unit[unit] for unit in drawn])
        if labels[places].all() or not labels[places].any():
            return float("nan")
        return auc(mine[places], labels[places]).value - auc(words[places], labels[places]).value

    gap = bootstrap_interval(difference, len(names), seed=seed, replicates=400)
    areas = [auc(values, labels) for values in (mine, words)]
    halves = np.random.default_rng(seed).permutation(len(names)) % 2
    half = np.array([halves[numbers[item.unit]] for item in kept])
    return Result(
        name,
        len(kept),
        len(names),
        len(items) - len(kept),
        float(labels.mean()),
        *((area.value, area.lower, area.upper) for area in areas),
        (gap.value, gap.lower, gap.upper),
        across_halves(mine, labels, half),
        across_halves(words, labels, half),
        f1(np.array(acted), labels),
    )


def f1(found: npt.NDArray[np.bool_], labels: npt.NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall of "unsupported"."""
    hits = int((found & labels).sum())
    return 2 * hits / int(found.sum() + labels.sum()) if hits else 0.0


def across_halves(
    scores: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_], half: npt.NDArray[np.int64]
) -> float:
    """F1 where each half is judged by the threshold that was best on the other."""
    found = np.zeros(len(labels), bool)
    for side in (0, 1):
        here, there = half == side, half != side
        candidates = np.unique(np.quantile(scores[there], np.linspace(0, 1, 101)))
        best = max(candidates, key=lambda at: f1(scores[there] >= at, labels[there]))
        found[here] = scores[here] >= best
    return f1(found, labels)


def table(results: list[Result]) -> str:
    """The results as Markdown."""
    lines = [
        "| set | n | units | unsupported | area, check | area, word overlap | difference | F1, check | "
        "F1, word overlap | F1, check as shipped |",
        "|---" * 10 + "|",
    ]
    lines += [
        f"| {r.name} | {r.n} | {r.units} | {100 * r.positive:.0f} % | {shown_area(r.check)} | "
        f"{shown_area(r.overlap)} | "
        f"{r.difference[0]:+.3f} ({r.difference[1]:+.3f} to {r.difference[2]:+.3f}) | {r.check_f1:.3f} | "
        f"{r.overlap_f1:.3f} | {r.default_f1:.3f} |"
        for r in results
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = recorded("factscore_human.jsonl")
    if folder is None:
        return 3
    sets = {
        "FActScore, biographies, truths of the other two": biographies(folder, own=False, statements=False),
        "FActScore, biographies, all truths": biographies(folder, own=True, statements=False),
        "FActScore, statements, truths of the other two": biographies(folder, own=False, statements=True),
        "XSum, summaries, the journalist's": summaries(folder, peers=False),
        "XSum, summaries, all others": summaries(folder, peers=True),
    }
    results = [measure(name, list(items)) for name, items in sets.items()]
    print(json.dumps([asdict(item) for item in results], indent=2) if arguments.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
