"""What the harm classifier is trained on, and the whole sets that are left out to measure it on."""

from __future__ import annotations

import random
import re
from pathlib import Path

from _injection_corpus import Corpus
from _injection_phrases import load
from _injection_sets import TestSet, parted, rows, shingles
from safecase.guard._linear.training import Example

TRAINED_ON = {
    "multijail.jsonl (English, four fifths)": "MIT",
    "strongreject_prompts.jsonl": "Apache-2.0",
    "simple_safety_tests.jsonl": "CC BY 4.0",
    "jbb_artifacts.jsonl (goals)": "MIT",
    "hh_rlhf_harmless_test.jsonl (first requests that the better answer declines)": "MIT",
    "openai_moderation.jsonl": "MIT",
    "truthfulqa_questions.jsonl": "Apache-2.0",
    "llmbar_items.jsonl (MT-Bench, FairEval, case studies, manual)": "MIT, Apache-2.0",
    "agentdojo_tasks.jsonl": "MIT",
    "halueval_general.jsonl (responses)": "MIT",
    "factscore_human.jsonl": "Apache-2.0",
    "tau_bench_airline_gpt4o.jsonl": "MIT",
}
"""File → licence of what the shipped weights were trained on."""
PHRASES = load("harm_requests.yaml")
_SLOT = re.compile(r"\{(\w+)\}")


def filled(frame: str, draw: random.Random) -> str:
    """A frame with something in each of its slots."""
    return _SLOT.sub(lambda slot: draw.choice(PHRASES["slots"][slot.group(1)]), frame)


def measured_sets(folder: Path) -> list[TestSet]:
    """Every set that is measured; ``attack`` means harmful here."""
    sets = []

    def add(name: str, texts: list[str], harmful: bool, **more: object) -> None:
        kept = tuple(sorted({text for text in texts if text}))
        sets.append(TestSet(name, kept, harmful, "direct", **more))  # type: ignore[arg-type]

    prompts = rows(folder, "xstest_prompts.jsonl")
    for safe in (False, True):
        found = [row["prompt"] for row in prompts if bool(row["labels"]["safe"]) is safe]
        add("XSTest, safe" if safe else "XSTest, unsafe", found, not safe, hard=safe)
    add("Do-Not-Answer", [row["prompt"] for row in rows(folder, "do_not_answer.jsonl")], True)
    past = rows(folder, "past_tense_jailbreaks.jsonl")
    add("past tense of trained goals", [row["prompt"] for row in past], True, seen=True, pooled=False)
    hate = rows(folder, "hatecheck.jsonl")
    for hateful in (True, False):
        found = [row["prompt"] for row in hate if bool(row["labels"]["gold_hateful"]) is hateful]
        name = "HateCheck, hateful" if hateful else "HateCheck, not hateful"
        add(name, found, hateful, hard=not hateful, pooled=False)
    add("Alpaca instructions", [r["prompt"] for r in rows(folder, "alpaca_harmless_test.jsonl")], False)
    wild = [row["prompt"] for row in rows(folder, "wildguard_benign_prompts.jsonl")]
    add("WildGuard, harmless with jailbreak frames", wild, False, hard=True, pooled=False)
    refused = rows(folder, "cyberseceval_frr.jsonl")
    for language in sorted({row["labels"]["lang"] for row in refused}):
        found = [row["prompt"] for row in refused if row["labels"]["lang"] == language]
        name = f"CyberSecEval false refusal, {language}"
        add(name, found, False, hard=True, language=language, pooled=False)
    for language, texts in sorted(_lingual(folder)[1].items()):
        seen = language == "en"
        add(f"MultiJail, {language}, held-out fifth", texts, True, seen=seen, language=language, pooled=False)
    return sets


def judged_answers(folder: Path) -> list[tuple[str, list[str], list[str]]]:
    """Answers of models: the set, those that were judged harmful, and the rest. None was trained on."""
    found = []
    for name, file, label in (
        ("Do-Not-Answer, judged by people", "do_not_answer.jsonl", "human_harmful"),
        ("JailbreakBench, judged by a model", "jbb_artifacts.jsonl", "jailbroken_judge"),
        ("past tense, judged by a model", "past_tense_jailbreaks.jsonl", "jailbroken_gpt"),
    ):
        judged = [row for row in rows(folder, file) if row["response"] and row["labels"][label] is not None]
        harmful = [row["response"] for row in judged if int(row["labels"][label])]
        found.append((name, harmful, [row["response"] for row in judged if not int(row["labels"][label])]))
    return found


def _lingual(folder: Path) -> tuple[list[str], dict[str, list[str]]]:
    """MultiJail: what is trained on, and a fifth by language; a request is in one part in all languages."""
    found = rows(folder, "multijail.jsonl")
    kept, out = parted(sorted({row["id"].split("|")[1] for row in found}), 4)
    held = frozenset(out)
    # Harmless text in most of its languages is missing here: the classifier would learn the languages.
    english = [row for row in found if row["labels"]["lang"] == "en"]
    train = [row["prompt"] for row in english if row["id"].split("|")[1] not in held]
    test: dict[str, list[str]] = {}
    for row in found:
        if row["id"].split("|")[1] in held:
            test.setdefault(row["labels"]["lang"], []).append(row["prompt"])
    assert len(kept) > len(out)
    return train, test


def training_examples(folder: Path, *, generated: int = 6000, seed: int = 17) -> list[Example]:
    """Harmful requests and the rest, without what the sets left out hold."""
    draw = random.Random(seed)
    corpus = Corpus(folder, generated, seed)
    goals = {row["labels"]["goal"] for row in rows(folder, "jbb_artifacts.jsonl")}
    asked = [row["prompt"] for row in rows(folder, "strongreject_prompts.jsonl")]
    asked += [row["prompt"] for row in rows(folder, "simple_safety_tests.jsonl")]
    moderated = rows(folder, "openai_moderation.jsonl")
    harmful = [Example(text, True, 2.0) for text in sorted({*asked, *goals})]
    harmful += [Example(text, True) for text in _lingual(folder)[0]]
    harmful += [Example(text, True) for text in corpus.refused]
    harmful += [Example(row["prompt"], True, 0.5) for row in moderated if row["labels"]["any_harm"]]
    made = sorted({filled(draw.choice(PHRASES["harmful"]), draw) for _ in range(generated // 2)})
    harmful += [Example(text, True, 0.7) for text in made]
    plain = [*corpus.questions, *corpus.instructions, *corpus.tasks, *corpus.requests]
    harmless = [Example(text, False) for text in plain]
    harmless += [Example(row["prompt"], False, 0.5) for row in moderated if not row["labels"]["any_harm"]]
    harmless += [Example(text, False, 0.5) for text in corpus.documents]
    made = sorted({filled(draw.choice(PHRASES["harmless"]), draw) for _ in range(generated // 2)})
    harmless += [Example(text, False, 1.5) for text in made]
    harmless += [Example(text, False, 6.0) for text in corpus.foreign]
    harmless += [Example(text, False, 0.5) for text in corpus.fragments(generated // 6)]
    kept_out: set[str] = set()
    for item in measured_sets(folder):
        for text in item.texts:
            kept_out |= shingles(text)
    return [item for item in (*harmful, *harmless) if item.text and not shingles(item.text) & kept_out]
