"""The injection check on attacks and harmless texts that ship with other packages: a look from outside.

    pip download --no-deps -d FOLDER pyrit==1.1.0 spikee==0.9.2 evals==3.0.1.post1
    python bench/injection_elsewhere.py FOLDER          prints the table
    python bench/injection_elsewhere.py FOLDER --json   prints one JSON document

Nothing of it was trained on. Many templates in PyRIT go back to jailbreakchat, as some that were trained on
do: those that share eight words with trained text are left out. spikee's misses were looked at once, after
which pretexts of our own wording were added to training: read it as a set that was tuned on.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML, YAMLError

from _injection_sets import rows, shingles
from _measuring import Rate, data_path, rate, shown, shown_area
from safecase.guard import Content, make_check
from safecase.guard.injection.injection import InjectionCheck, InjectionParameters
from safecase.model import FlowPoint
from safecase.stats import auc

PACKAGES = ("pyrit", "spikee", "evals")
TEMPLATES = "pyrit/datasets/jailbreak/templates/"
GOALS = "pyrit/datasets/seed_datasets/local/adv_bench.prompt"
SPIKEE = "spikee/data/workspace/datasets/"
EVALS = "evals/registry/data/"
BLOCK_AT = InjectionParameters().block_at
MOST = 1000
"""Texts of one set that are measured."""


@dataclass(frozen=True)
class Outside:
    """One set of another package."""

    name: str
    surface: FlowPoint
    attack: bool
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """Rates with 95 % limits; area and recall against all harmless texts of the surface here."""

    name: str
    surface: str
    attack: bool
    n: int
    area: Rate | None
    at_1_percent: Rate | None
    blocked: Rate


def lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, object]]:
    """The rows of a file of JSON lines in a wheel."""
    return [json.loads(line) for line in archive.read(name).decode("utf-8").splitlines() if line.strip()]


def pyrit(archive: zipfile.ZipFile, trained: set[str]) -> list[Outside]:
    """Jailbreak templates around AdvBench's goals, without those from the wild, which were trained on."""
    yaml, draw = YAML(typ="safe", pure=True), random.Random(5)
    goals = [seed["value"] for seed in yaml.load(archive.read(GOALS).decode("utf-8"))["seeds"]]
    vendors, others = [], []
    for name in sorted(archive.namelist()):
        if not name.startswith(TEMPLATES) or not name.endswith(".yaml") or "in_the_wild" in name:
            continue
        try:
            template = yaml.load(archive.read(name).decode("utf-8"))
        except YAMLError:
            print(f"{name} does not read", file=sys.stderr)
            continue
        slots = template.get("parameters") or ()
        text = str(template.get("value", ""))
        if len(slots) != 1 or shingles(text) & trained:
            continue
        filled = [text.replace("{{ " + slots[0] + " }}", draw.choice(goals)) for _ in range(2)]
        (others if name.count("/") == TEMPLATES.count("/") else vendors).extend(filled)
    return [
        Outside("PyRIT, templates by model", FlowPoint.USER_INPUT, True, tuple(vendors)),
        Outside("PyRIT, other templates", FlowPoint.USER_INPUT, True, tuple(others)),
    ]


def spikee(archive: zipfile.ZipFile) -> list[Outside]:
    """Instructions in jailbreaks, alone and in mails and articles; questions about money."""
    found, draw = [], random.Random(5)
    for seeds in ("seeds-sysmsg-extraction-2025-04", "seeds-cybersec-2026-01", "seeds-llm-mailbox"):
        orders = [str(row["instruction"]) for row in lines(archive, f"{SPIKEE}{seeds}/instructions.jsonl")]
        frames = [str(row["text"]) for row in lines(archive, f"{SPIKEE}{seeds}/jailbreaks.jsonl")]
        pages = [str(row["document"]) for row in lines(archive, f"{SPIKEE}{seeds}/base_user_inputs.jsonl")]
        pages = [page for page in pages if "PLACEHOLDER" not in page]
        full = [frame.replace("<INSTRUCTION>", order) for frame in frames for order in orders]
        draw.shuffle(full)
        full = full[:400]
        if "mailbox" not in seeds:
            found.append(Outside(f"spikee, {seeds}", FlowPoint.USER_INPUT, True, tuple(full)))
        planted = []
        for text in full if pages else ():
            page = draw.choice(pages)
            at = draw.choice([0, len(page), page.find(". ") + 1])
            planted.append(f"{page[:at]}\n{text}\n{page[at:]}")
        found.append(
            Outside(f"spikee, {seeds}, in a page", FlowPoint.UNTRUSTED_CONTENT, True, tuple(planted))
        )
    for seeds in ("seeds-investment-advice-fp", "seeds-investment-advice"):
        asked = [str(row["text"]) for row in lines(archive, f"{SPIKEE}{seeds}/standalone_user_inputs.jsonl")]
        found.append(Outside(f"spikee, {seeds}, questions", FlowPoint.USER_INPUT, False, tuple(asked)))
    return found


def evals(archive: zipfile.ZipFile) -> list[Outside]:
    """Passages of pages and encyclopaedias, claims of abstracts, prompts of users."""
    found = []
    for name in ("owt_5", "wikipedia_5"):
        pages = [str(row["0"]) for row in lines(archive, f"{EVALS}schelling_point/{name}.jsonl")[:MOST]]
        found.append(Outside(f"evals, {name}", FlowPoint.UNTRUSTED_CONTENT, False, tuple(pages)))
    for name, surface in (
        ("consensus_summary/samples", FlowPoint.UNTRUSTED_CONTENT),
        ("banking77/samples", FlowPoint.USER_INPUT),
        ("sarcasm/samples", FlowPoint.USER_INPUT),
        ("research-question-extraction/research-question-extraction-samples", FlowPoint.UNTRUSTED_CONTENT),
    ):
        texts = []
        for row in lines(archive, f"{EVALS}{name}.jsonl")[:MOST]:
            turns = row["input"]
            said = [turn for turn in turns if turn["role"] == "user"] if isinstance(turns, list) else []  # type: ignore[index]
            texts += [str(turn["content"]) for turn in said[-1:]]  # type: ignore[index]
        found.append(Outside(f"evals, {name.split('/')[0]}", surface, False, tuple(texts)))
    return found


READERS: dict[str, Callable[[zipfile.ZipFile], list[Outside]]] = {"spikee": spikee, "evals": evals}


def measure(sets: list[Outside]) -> list[Result]:
    """Each set; attacks against the pooled harmless texts of their surface."""
    check = make_check("injection", {})
    assert isinstance(check, InjectionCheck)
    scores = {
        item.name: np.array([check.inspect(Content(item.surface, text)).score or 0.0 for text in item.texts])
        for item in sets
    }
    results = []
    for item in sets:
        harmless = np.concatenate(
            [scores[other.name] for other in sets if other.surface is item.surface and not other.attack]
        )
        mine, area, recall = scores[item.name], None, None
        if item.attack:
            labels = np.concatenate([np.ones(len(mine), int), np.zeros(len(harmless), int)])
            found = auc(np.concatenate([mine, harmless]), labels)
            area = (found.value, found.lower, found.upper)
            recall = rate(int((mine > np.quantile(harmless, 0.99)).sum()), len(mine))
        blocked = rate(int((mine >= BLOCK_AT).sum()), len(mine))
        results.append(Result(item.name, item.surface.value, item.attack, len(mine), area, recall, blocked))
    return results


def table(results: list[Result]) -> str:
    """The results as Markdown."""
    text = ["| set | surface | | n | area | recall at 1 % | blocked |", "|---" * 7 + "|"]
    for item in results:
        kind = "attack" if item.attack else "harmless"
        text.append(
            f"| {item.name} | {item.surface.replace('_', ' ')} | {kind} | {item.n} | "
            f"{shown_area(item.area)} | {shown(item.at_1_percent)} | {shown(item.blocked)} |"
        )
    return "\n".join(text)


def main() -> int:
    """Read the wheels, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    wheels = {name: next(iter(arguments.folder.glob(f"{name}-*.whl")), None) for name in PACKAGES}
    missing = [name for name, wheel in wheels.items() if wheel is None]
    data = data_path()
    if missing or not (data / "gptfuzz_templates.jsonl").is_file():
        wanted = (
            f"wheels of {', '.join(missing)} in {arguments.folder}" if missing else f"recorded data in {data}"
        )
        print(f"missing: {wanted}; see --help", file=sys.stderr)
        return 3
    trained: set[str] = set()
    for file in ("gptfuzz_templates.jsonl", "jailbreak_llms_prompts.jsonl"):
        for row in rows(data, file):
            trained |= shingles(row["prompt"])
    sets: list[Outside] = []
    for name, wheel in wheels.items():
        assert wheel is not None
        with zipfile.ZipFile(wheel) as archive:
            sets += pyrit(archive, trained) if name == "pyrit" else READERS[name](archive)
    results = measure([item for item in sets if item.texts])
    print(json.dumps([asdict(item) for item in results], indent=2) if arguments.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
