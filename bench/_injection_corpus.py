"""What the injection classifier is trained, tuned and tested on: recorded sets by name, and generated text.

Trained on: sets under MIT, Apache or CC BY whose labels fit, and text that this project wrote. Whole sets
are left out of training to measure on: JailbreakBench's artifacts, InjecAgent, BIPIA, WildGuard's benign
prompts, Alpaca, XSTest, CyberSecEval's false-refusal prompts, and PIGuard's validation set (to tune on).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _injection_phrases import PHRASES, direct_attack, framed, gibberish, note, spelled
from safecase.guard.injection.training import Example

Row = dict[str, Any]
TRAINED_ON = {
    "jailbreak_llms_prompts.jsonl": "MIT",
    "gptfuzz_templates.jsonl": "MIT",
    "agentdojo_tool_outputs.jsonl": "MIT",
    "agentdojo_injection_texts.jsonl": "MIT",
    "hh_rlhf_harmless_test.jsonl": "MIT",
    "truthfulqa_questions.jsonl": "Apache-2.0",
    "openai_moderation.jsonl": "MIT",
    "llmbar_items.jsonl": "MIT",
    "halueval_general.jsonl": "MIT",
    "multijail.jsonl": "MIT",
    "strongreject_prompts.jsonl": "Apache-2.0",
    "simple_safety_tests.jsonl": "CC BY 4.0",
    "factscore_human.jsonl": "Apache-2.0",
    "tau_bench_airline_gpt4o.jsonl": "MIT",
}
"""File → licence of what the shipped weights were trained on."""


@dataclass(frozen=True)
class TestSet:
    """One set of texts with one label. ``hard``: harmless, but in the words of harm."""

    name: str
    texts: tuple[str, ...]
    attack: bool
    surface: str
    hard: bool = False
    seen: bool = False
    language: str = "en"


def rows(folder: Path, name: str) -> list[Row]:
    """The rows of a recorded file."""
    with (folder / name).open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _users(folder: Path) -> Iterator[str]:
    for row in rows(folder, "hh_rlhf_harmless_test.jsonl"):
        for message in row["messages"]:
            if message["role"] == "user":
                yield message["content"]


def _benign_documents(folder: Path) -> list[str]:
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


def _halves(items: list[str], salt: int) -> tuple[list[str], list[str]]:
    """Two halves in a fixed random order: generated training text never uses what it is tested on."""
    copy = sorted(set(items))
    random.Random(salt).shuffle(copy)
    return copy[: len(copy) * 4 // 5], copy[len(copy) * 4 // 5 :]


def _code() -> list[str]:
    """Source and documentation of this project, in pieces."""
    root = Path(__file__).resolve().parents[1]
    files = sorted([*root.glob("src/safecase/**/*.py"), *root.glob("docs/**/*.md")])
    pieces = []
    for file in files:
        if "guard" in file.parts or "suites" in file.parts:
            continue
        text = file.read_text(encoding="utf-8")
        pieces += [text[place : place + 1500] for place in range(0, len(text), 4500)]
    return pieces


def _table(draw: random.Random) -> str:
    """A table of numbers and short words, as data come."""
    words = [
        "region",
        "total",
        "year",
        "price",
        "item",
        "code",
        "units",
        "share",
        "status",
        "owner",
        "nickel",
    ]
    columns = draw.sample(words, draw.randint(3, 6))
    mark = draw.choice([" | ", ",", "\t", ";"])
    lines = [mark.join(columns)]
    for _ in range(draw.randint(4, 16)):
        cells = [
            draw.choice([str(draw.randrange(10**6)), f"{draw.random() * 100:.4f}", draw.choice(words), ""])
            for _ in columns
        ]
        lines.append(mark.join(cells))
    return "\n".join(lines)


def _planted(documents: list[str], draw: random.Random, instructions: list[str]) -> str:
    document = draw.choice(documents)[:3000]
    text = note(draw, instructions)
    places = [0, len(document), *(i for i, c in enumerate(document) if c in ".\n")]
    at = draw.choice(places)
    before, after = draw.choice([" ", "\n", "\n\n"]), draw.choice([" ", "\n"])
    return f"{document[:at]}{before}{text}{after}{document[at:]}"


def training_examples(folder: Path, *, generated: int = 6000, seed: int = 11) -> dict[str, list[Example]]:
    """Head → examples."""
    draw = random.Random(seed)
    requests = [text for text in _users(folder) if 15 < len(text) < 300]
    instructions = [row["prompt"] for row in rows(folder, "llmbar_items.jsonl") if len(row["prompt"]) < 300]
    documents, _ = _halves(_benign_documents(folder), 1)
    questions = [row["prompt"] for row in rows(folder, "truthfulqa_questions.jsonl")]
    asked = [row["prompt"] for row in rows(folder, "halueval_general.jsonl")]
    harmful = [row["prompt"] for row in rows(folder, "multijail.jsonl")]
    harmful += [row["prompt"] for row in rows(folder, "strongreject_prompts.jsonl")]
    harmful += [row["prompt"] for row in rows(folder, "simple_safety_tests.jsonl")]
    moderation = [row["prompt"] for row in rows(folder, "openai_moderation.jsonl")]
    wild, _ = _halves([row["prompt"] for row in rows(folder, "jailbreak_llms_prompts.jsonl")], 2)
    templates = [row["prompt"] for row in rows(folder, "gptfuzz_templates.jsonl")]

    direct = [Example(text, True) for text in wild]
    for template in templates:
        for _ in range(6):
            direct.append(Example(template.replace("[INSERT PROMPT HERE]", draw.choice(requests)), True, 0.5))
    direct += [Example(direct_attack(draw, requests), True, 0.5) for _ in range(generated)]
    english = [row["prompt"] for row in rows(folder, "multijail.jsonl") if row["labels"]["lang"] == "en"]
    english += [row["prompt"] for row in rows(folder, "strongreject_prompts.jsonl")]
    vocabulary = sorted(
        {word for text in documents[:2000] for word in text.split() if word.isalpha() and len(word) > 3}
    )
    for _ in range(generated // 4):
        direct.append(Example(framed(english, draw), True, 0.5))
        tail = gibberish(vocabulary, draw)
        direct.append(Example(f"{draw.choice([*english, *requests])} {tail}", True, 0.5))
    harmless = [*requests, *questions, *asked, *instructions, *moderation]
    direct += [Example(text, False) for text in harmless]
    direct += [Example(text, False, 0.5) for text in harmful]
    direct += [Example(text, False, 0.5) for text in documents]
    direct += [Example(text, False, 0.5) for text in _code()]
    for kind in ("lookalike", "benign_frame", "security_work"):
        for text in PHRASES[kind]:
            direct += [Example(spelled(text, draw), False, 2.0), Example(text, False, 2.0)]
            direct.append(Example(f"{draw.choice(asked)} {text}", False))
    # So few harmless texts stand for a language that each must weigh what many would.
    foreign = [*PHRASES["benign_other_languages"], *PHRASES["longer_other_languages"]]
    direct += [Example(text, False, 8.0) for text in foreign]
    recorded = rows(folder, "agentdojo_tool_outputs.jsonl")
    inside = [row["prompt"] for row in recorded if not row["labels"]["injected"]]
    documents = [*documents, *inside[:2500], *_code(), *(_table(draw) for _ in range(300))]
    instructions = [*instructions, *asked[:2000], *requests[:1500]]
    indirect = [Example(_planted(documents, draw, instructions), True) for _ in range(generated)]
    indirect += [Example(note(draw, instructions), True, 0.3) for _ in range(generated // 4)]
    for row in recorded:
        if not row["labels"]["injected"] or draw.random() < 0.5:
            indirect.append(Example(row["prompt"], bool(row["labels"]["injected"]), 0.5))
    indirect += [Example(text, False) for text in documents]
    for _ in range(generated // 2):
        document = draw.choice(documents)[:3000]
        places = [i for i, c in enumerate(document) if c in ".\n"] or [len(document)]
        at = draw.choice(places)
        request = draw.choice(PHRASES["human_request"])
        indirect.append(Example(f"{document[:at]} {request} {document[at:]}", False))
    own = [*PHRASES["lookalike"], *PHRASES["human_request"], *foreign]
    indirect += [Example(text, False) for text in own]
    return {"direct": direct, "indirect": indirect}


def measured_sets(folder: Path, *, seed: int = 23) -> list[TestSet]:
    """Every set that is measured, seen and unseen."""
    draw = random.Random(seed)
    sets = []

    def add(name: str, texts: list[str], attack: bool, surface: str, **more: Any) -> None:
        kept = tuple(text for text in texts if text)
        if kept:
            sets.append(TestSet(name, kept, attack, surface, **more))

    _, wild = _halves([row["prompt"] for row in rows(folder, "jailbreak_llms_prompts.jsonl")], 2)
    add("jailbreaks in the wild, held-out fifth", wild, True, "direct", seen=True)
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
    for kind in sorted({r["labels"]["source"] for r in valid}):
        chosen = [r for r in valid if r["labels"]["source"] == kind]
        surface = "indirect" if kind.startswith("BIPIA") or kind == "PINT_documents" else "direct"
        attack = bool(chosen[0]["labels"]["injection"])
        hard = "NotInject" in kind or "hard" in kind or kind == "WildGuard"
        add(f"validation: {kind}", [r["prompt"] for r in chosen], attack, surface, hard=hard)
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
    attacks = [r["prompt"] for r in rows(folder, "bipia_attacks.jsonl")]
    planted = []
    for attack_text in attacks:
        for _ in range(2):
            context = draw.choice(contexts)
            places = [0, len(context), *(i for i, c in enumerate(context) if c == "\n")]
            at = draw.choice(places)
            planted.append(f"{context[:at]}\n{attack_text}\n{context[at:]}")
    add("BIPIA, attack in context", planted, True, "indirect")
    _, documents = _halves(_benign_documents(folder), 1)
    add("documents, held-out fifth", documents, False, "indirect", seen=True)
    benign = {
        "Alpaca instructions": ("alpaca_harmless_test.jsonl", False),
        "WildGuard benign": ("wildguard_benign_prompts.jsonl", True),
        "XSTest, safe": ("xstest_prompts.jsonl", True),
    }
    for name, (file, hard) in benign.items():
        found = [row["prompt"] for row in rows(folder, file) if row["labels"].get("safe", True)]
        add(name, found, False, "direct", hard=hard)
    refused = rows(folder, "cyberseceval_frr.jsonl")
    for language in sorted({row["labels"]["lang"] for row in refused}):
        found = [row["prompt"] for row in refused if row["labels"]["lang"] == language]
        add(f"CyberSecEval false refusal, {language}", found, False, "direct", hard=True, language=language)
    return sets
