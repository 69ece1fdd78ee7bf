"""The recorded sets that injection detection is measured on, and what keeps them apart from training."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SHARED_WORDS = 8
"""Training text that has this many words in a row in common with a set left out is not trained on."""


@dataclass(frozen=True)
class TestSet:
    """One set of texts with one label. ``hard``: harmless, but in the words of harm."""

    name: str
    texts: tuple[str, ...]
    attack: bool
    surface: str
    hard: bool = False
    seen: bool = False
    """A part of this very set was trained on."""
    language: str = "en"
    pooled: bool = True
    """Belongs to the unseen sets that are also measured together."""


def rows(folder: Path, name: str) -> list[Row]:
    """The rows of a recorded file."""
    with (folder / name).open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def benign_documents(folder: Path) -> list[str]:
    """Texts that stand for retrieved content."""
    found = [row["response"] for row in rows(folder, "halueval_general.jsonl")]
    found += [row["response"] for row in rows(folder, "factscore_human.jsonl")]
    found += [row["prompt"] for row in rows(folder, "openai_moderation.jsonl")]
    for row in rows(folder, "tau_bench_airline_gpt4o.jsonl")[:60]:
        found += [
            str(m["content"])
            for m in row["messages"]
            if m["role"] in ("tool", "assistant") and m.get("content")
        ]
    return [text for text in found if text and len(text) > 60]


def parted(items: list[str], salt: int) -> tuple[list[str], list[str]]:
    """Four fifths and the rest, in a fixed random order."""
    copy = sorted(set(items))
    random.Random(salt).shuffle(copy)
    return copy[: len(copy) * 4 // 5], copy[len(copy) * 4 // 5 :]


def adversarial_benign(folder: Path) -> tuple[list[str], list[str]]:
    """WildGuard's harmless prompts: the third that thresholds are set on, and the rest."""
    tuned_on = {row["prompt"] for row in rows(folder, "piguard_valid.jsonl")}
    found = sorted({row["prompt"] for row in rows(folder, "wildguard_benign_prompts.jsonl")} - tuned_on)
    random.Random(3).shuffle(found)
    return found[: len(found) // 3], found[len(found) // 3 :]


def shingles(text: str) -> set[str]:
    """All runs of `SHARED_WORDS` words of a text; the whole text where it is shorter."""
    words = re.sub(r"\W+", " ", text.lower()).split()
    count = max(1, len(words) - SHARED_WORDS + 1)
    return {" ".join(words[place : place + SHARED_WORDS]) for place in range(count)}


def left_out(sets: Iterable[TestSet]) -> set[str]:
    """The word runs of every set that must stay unseen, validation included."""
    found: set[str] = set()
    for item in sets:
        if not item.seen:
            for text in item.texts:
                found |= shingles(text)
    return found


def measured_sets(folder: Path, *, seed: int = 23) -> list[TestSet]:
    """Every set that is measured, seen and unseen."""
    draw = random.Random(seed)
    sets = []

    def add(name: str, texts: list[str], attack: bool, surface: str, **more: Any) -> None:
        kept = tuple(text for text in texts if text)
        if kept:
            sets.append(TestSet(name, kept, attack, surface, **more))

    _, wild = parted([row["prompt"] for row in rows(folder, "jailbreak_llms_prompts.jsonl")], 2)
    add("jailbreaks in the wild, held-out fifth", wild, True, "direct", seen=True, pooled=False)
    for attack, name in (
        ("JBC", "JailbreakBench, hand-written templates"),
        ("prompt_with_random_search", "JailbreakBench, random search"),
        ("PAIR", "JailbreakBench, PAIR"),
        ("GCG", "JailbreakBench, GCG suffixes"),
        ("DSN", "JailbreakBench, DSN suffixes"),
    ):
        found = [r["prompt"] for r in rows(folder, "jbb_artifacts.jsonl") if r["labels"]["attack"] == attack]
        add(name, sorted(set(found)), True, "direct")
    valid = rows(folder, "piguard_valid.jsonl")
    # 24 of WildGuard's and 24 of BIPIA's texts stand in the validation set too: there only.
    tuned_on = {row["prompt"] for row in valid}
    for kind in sorted({r["labels"]["source"] for r in valid}):
        chosen = [r for r in valid if r["labels"]["source"] == kind]
        surface = "indirect" if kind.startswith("BIPIA") or kind == "PINT_documents" else "direct"
        attack = bool(chosen[0]["labels"]["injection"])
        hard = "NotInject" in kind or "hard" in kind or kind == "WildGuard"
        add(f"validation: {kind}", [r["prompt"] for r in chosen], attack, surface, hard=hard, pooled=False)
    cases = rows(folder, "injecagent_cases.jsonl")
    for setting in ("base", "enhanced"):
        found = [row["labels"]["tool_response"] for row in cases if row["labels"]["setting"] == setting]
        add(f"InjecAgent, {setting}", found, True, "indirect")
    clean = []
    for row in cases:
        order = row["labels"]["attacker_instruction"]
        if row["labels"]["setting"] == "base" and order in row["labels"]["tool_response"]:
            clean.append(row["labels"]["tool_response"].replace(order, "Good value, works as described."))
    add("InjecAgent, attack taken out", sorted(set(clean)), False, "indirect")
    contexts = [r["labels"]["context"] for r in rows(folder, "bipia_benign_contexts.jsonl")]
    contexts = sorted({c if isinstance(c, str) else json.dumps(c) for c in contexts})
    add("BIPIA, contexts", contexts, False, "indirect")
    attacks = [r["prompt"] for r in rows(folder, "bipia_attacks.jsonl") if r["prompt"] not in tuned_on]
    planted = []
    for attack_text in attacks:
        for _ in range(2):
            context = draw.choice(contexts)
            places = [0, len(context), *(i for i, c in enumerate(context) if c == "\n")]
            at = draw.choice(places)
            planted.append(f"{context[:at]}\n{attack_text}\n{context[at:]}")
    add("BIPIA, attack in context", planted, True, "indirect")
    _, documents = parted(benign_documents(folder), 1)
    add("documents, held-out fifth", documents, False, "indirect", seen=True, pooled=False)
    notes = sorted({row["prompt"] for row in rows(folder, "presidio_pii.jsonl")})
    add("validation: Presidio, notes with personal data", notes[::4], False, "indirect", pooled=False)
    benign = {
        "Alpaca instructions": ("alpaca_harmless_test.jsonl", False),
        "XSTest, safe": ("xstest_prompts.jsonl", True),
    }
    for name, (file, hard) in benign.items():
        found = [row["prompt"] for row in rows(folder, file) if row["labels"].get("safe", True)]
        add(name, found, False, "direct", hard=hard)
    tuning, kept = adversarial_benign(folder)
    add("validation: WildGuard, a third", tuning, False, "direct", hard=True, pooled=False)
    add("WildGuard benign, two thirds", kept, False, "direct", hard=True)
    for name, file, key in (
        ("Do-Not-Answer, plain harmful requests", "do_not_answer.jsonl", "prompt"),
        ("past tense, plain harmful requests", "past_tense_jailbreaks.jsonl", "prompt"),
    ):
        asked = sorted({row[key] for row in rows(folder, file) if row[key]})
        add(name, asked, False, "direct", hard=True, pooled=False)
    refused = rows(folder, "cyberseceval_frr.jsonl")
    for language in sorted({row["labels"]["lang"] for row in refused}):
        found = [row["prompt"] for row in refused if row["labels"]["lang"] == language]
        add(f"CyberSecEval false refusal, {language}", found, False, "direct", hard=True, language=language)
    return sets
