"""Personal data: ours against Presidio's pattern recognisers, on the same labelled text, in the same run.

    python bench/pii.py          prints the table
    python bench/pii.py --json   prints one JSON document

Needs the recorded data (SAFECASE_SHARED_DATA, or ../shared/data beside the repository) and, for the
comparison, ``pip install presidio-analyzer``. Presidio runs with its predefined pattern recognisers and a
blank language pipeline: no names, no language model. Its recognisers were developed beside these data; ours
on the rows with an even template number. What is printed is the rows with an odd one. A finding is right
where it overlaps a labelled span of its type (``overlap``) or equals it (``strict``).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from _measuring import rate, recorded
from safecase.text import personal_data_finder

ROOT = Path(__file__).resolve().parents[1]
Span = tuple[str, int, int]
OURS = {
    "credit_card": "CREDIT_CARD",
    "phone": "PHONE_NUMBER",
    "email": "EMAIL_ADDRESS",
    "us_ssn": "US_SSN",
    "iban": "IBAN_CODE",
    "ip_address": "IP_ADDRESS",
    "us_driver_license": "US_DRIVER_LICENSE",
}
TYPES = sorted(OURS.values())
Reader = Callable[[str], Iterable[Span]]


@dataclass(frozen=True)
class Score:
    """One system on one type. Precision and recall with 95 % Clopper-Pearson limits, overlap counted."""

    system: str
    entity: str
    labelled: int
    f1_overlap: float
    f1_strict: float
    precision: tuple[float, float, float]
    recall: tuple[float, float, float]


def presidio() -> Reader | None:
    """Presidio's pattern recognisers, or None where it is not installed."""
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError:
        return None
    for name in ("presidio-analyzer", "tldextract"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    class Blank(SpacyNlpEngine):
        """A pipeline that only cuts words."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None:
            """Nothing to load."""

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def read(text: str) -> Iterable[Span]:
        for item in engine.analyze(text=text, language="en", entities=TYPES):
            if item.score >= 0.4:
                yield item.entity_type, item.start, item.end

    return read


def ours() -> Reader:
    """The package's finder with all of its kinds."""
    finder = personal_data_finder()

    def read(text: str) -> Iterable[Span]:
        for item in finder.find(text):
            if item.entity in OURS:
                yield OURS[item.entity], item.start, item.end

    return read


def overlaps(one: Span, two: Span) -> bool:
    """Same type and a common place."""
    return one[0] == two[0] and one[1] < two[2] and two[1] < one[2]


def measure(system: str, read: Reader, rows: list[dict[str, Any]]) -> tuple[list[Score], list[float]]:
    """Scores by type and over all, and the seconds of each text."""
    labelled, found, seconds = [], [], []
    for row in rows:
        spans = [(s["type"], s["start"], s["end"]) for s in row["labels"]["spans"] if s["type"] in TYPES]
        labelled.append(spans)
        started = time.perf_counter()
        made = list(read(row["prompt"]))
        seconds.append(time.perf_counter() - started)
        found.append(made)
    scores = []
    for entity in [*TYPES, "all"]:
        hit = strict = missed = wrong = total = 0
        for gold, made in zip(labelled, found, strict=True):
            want = [span for span in gold if entity in (span[0], "all")]
            have = [span for span in made if entity in (span[0], "all")]
            total += len(want)
            hit += sum(any(overlaps(span, other) for other in have) for span in want)
            strict += sum(span in have for span in want)
            missed += sum(not any(overlaps(span, other) for other in have) for span in want)
            wrong += sum(not any(overlaps(span, other) for other in want) for span in have)
        both = max(1, 2 * hit + wrong + missed)
        strictly = max(1, total + hit + wrong)
        scores.append(
            Score(
                system=system,
                entity=entity,
                labelled=total,
                f1_overlap=2 * hit / both,
                f1_strict=2 * strict / strictly,
                precision=rate(hit, hit + wrong),
                recall=rate(hit, hit + missed),
            )
        )
    return scores, sorted(seconds)


def main() -> int:
    """Print the table; exit 1 where Presidio does better over all, 3 where it or the data are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = recorded("presidio_pii.jsonl")
    if folder is None:
        return 3
    file = folder / "presidio_pii.jsonl"
    with file.open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    rows = [row for row in rows if (row["labels"]["template_id"] or 0) % 2]
    systems: dict[str, Reader | None] = {"safecase": ours(), "Presidio patterns": presidio()}
    results, times = [], {}
    for name, read in systems.items():
        if read is None:
            print("Presidio is not installed: pip install presidio-analyzer", file=sys.stderr)
            continue
        scores, seconds = measure(name, read, rows)
        results += scores
        times[name] = {
            "median_ms": 1000 * seconds[len(seconds) // 2],
            "p99_ms": 1000 * seconds[int(0.99 * len(seconds))],
        }
    if arguments.json:
        document = {"texts": len(rows), "scores": [asdict(s) for s in results], "time": times}
        print(json.dumps(document, indent=2))
    else:
        print(f"{len(rows)} texts that were not developed on\n")
        print("| type | labelled | system | F1, overlap | F1, strict | precision | recall |")
        print("|---|---|---|---|---|---|---|")
        for item in sorted(results, key=lambda s: (s.entity == "all", s.entity, s.system)):
            rates = (item.precision, item.recall)
            shown = [f"{100 * v[0]:.1f} % ({100 * v[1]:.1f}-{100 * v[2]:.1f})" for v in rates]
            numbers = (f"{item.f1_overlap:.3f}", f"{item.f1_strict:.3f}", *shown)
            print(f"| {' | '.join((item.entity, str(item.labelled), item.system, *numbers))} |")
        for name, row in times.items():
            print(
                f"\n{name}: median {row['median_ms']:.3f} ms a text, 99th percentile {row['p99_ms']:.3f} ms"
            )
    whole = {item.system: item.f1_overlap for item in results if item.entity == "all"}
    if len(whole) < 2:
        return 3
    return 0 if whole["safecase"] > whole["Presidio patterns"] else 1


if __name__ == "__main__":
    sys.exit(main())
