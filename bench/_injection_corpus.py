"""What the injection classifier is trained on: recorded sets by name, and text that is put together here.

Trained on: sets under MIT, Apache or CC BY whose labels fit. HaluEval's prompts and most of LLMBar's come
from Alpaca, which is not for commercial use: they are left out. Whatever shares eight words in a row with
a set that is left out to measure on is dropped from training.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from _injection_documents import (
    aside,
    declared,
    document,
    harmless_pretext,
    order,
    output_task,
    pretext,
    request,
)
from _injection_phrases import (
    FRAMES,
    PHRASES,
    PROSE,
    ciphered,
    direct_attack,
    framed,
    gibberish,
    leak,
    machine_text,
    note,
    override,
    spelled,
    story,
)
from _injection_sets import benign_documents, left_out, measured_sets, parted, rows, shingles
from safecase.guard._linear.training import Example

TRAINED_ON = {
    "jailbreak_llms_prompts.jsonl": "MIT",
    "gptfuzz_templates.jsonl": "MIT",
    "agentdojo_tool_outputs.jsonl": "MIT",
    "agentdojo_tasks.jsonl": "MIT",
    "hh_rlhf_harmless_test.jsonl": "MIT",
    "truthfulqa_questions.jsonl": "Apache-2.0",
    "openai_moderation.jsonl": "MIT",
    "llmbar_items.jsonl (MT-Bench, FairEval, case studies, manual)": "MIT, Apache-2.0",
    "halueval_general.jsonl (responses)": "MIT",
    "multijail.jsonl": "MIT",
    "strongreject_prompts.jsonl": "Apache-2.0",
    "simple_safety_tests.jsonl": "CC BY 4.0",
    "factscore_human.jsonl": "Apache-2.0",
    "tau_bench_airline_gpt4o.jsonl": "MIT",
}
"""File → licence of what the shipped weights were trained on."""
_OWN_PROMPTS = ("Processed/MT-Bench", "Processed/FairEval", "CaseStudy/", "LLMBar/Adversarial/Manual")
_DECLINES = re.compile(
    r"can't|cannot|won't|not able to|not going to|not comfortable|sorry|illegal|shouldn't|not a good idea",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:please |can you |could you |would you |i (?:want|need|would like) to know )*"
    r"(?:(?:tell|show|teach) me )?(?:how (?:do|can|could|would|should|to|did) ?(?:i|you|one|someone|we)? ?)?"
    r"(?:what(?:'s| is| are) the (?:best|easiest|most \w+) ways? (?:to|of) )?",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def _code() -> list[str]:
    """Source with its documentation, in pieces: the standard library's and numpy's."""
    roots = (Path(json.__file__).parents[1], Path(np.__file__).parent)
    pieces = []
    for root in roots:
        files = sorted(
            file
            for folder in (
                root,
                *(root / name for name in ("json", "email", "http", "asyncio", "lib", "linalg")),
            )
            for file in folder.glob("*.py")
        )
        for file in files:
            text = file.read_text(encoding="utf-8", errors="replace")[:90_000]
            pieces += [text[place : place + 1500] for place in range(0, len(text), 9000)]
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


def _turns(folder: Path, role: str = "user") -> Iterator[str]:
    for row in rows(folder, "hh_rlhf_harmless_test.jsonl"):
        for message in row["messages"]:
            if message["role"] == role:
                yield message["content"]


def _refused(folder: Path) -> set[str]:
    """First requests whose better answer declines."""
    found = set()
    for row in rows(folder, "hh_rlhf_harmless_test.jsonl"):
        messages = row["messages"]
        asked = messages[0]["content"] if messages else ""
        answer = str(row["labels"]["chosen"]) if len(messages) == 1 else ""
        if 20 < len(asked) < 200 and _DECLINES.search(answer[-600:]):
            found.add(asked)
    return found


def _goal(text: str) -> str:
    """A request as what somebody wants to do."""
    text = " ".join(text.split()).rstrip(".?! ")
    bare = text[_ASKING.match(text).end() :]  # type: ignore[union-attr]
    return bare[:1].lower() + bare[1:] if len(bare) > 8 else text


class Corpus:
    """The recorded sets, read once, and a source of chance."""

    def __init__(self, folder: Path, generated: int, seed: int) -> None:
        self.folder, self.generated, self.draw = folder, generated, random.Random(seed)
        draw = self.draw
        self.asked = sorted({text for text in _turns(folder) if 15 < len(text) < 300})
        self.turns = sorted(set(_turns(folder)))
        self.refused = sorted(_refused(folder))
        self.answers = sorted({text for text in _turns(folder, "assistant") if len(text) > 120})
        self.questions = [row["prompt"] for row in rows(folder, "truthfulqa_questions.jsonl")]
        self.instructions = sorted(
            {
                row["prompt"]
                for row in rows(folder, "llmbar_items.jsonl")
                if row["labels"]["set"].startswith(_OWN_PROMPTS)
            }
        )
        self.short = [text for text in self.instructions if len(text) < 200]
        self.tasks = [row["prompt"] for row in rows(folder, "agentdojo_tasks.jsonl") if row["kind"] == "user"]
        self.documents, _ = parted(benign_documents(folder), 1)
        harmful = [row["prompt"] for row in rows(folder, "strongreject_prompts.jsonl")]
        harmful += [row["prompt"] for row in rows(folder, "simple_safety_tests.jsonl")]
        lingual = rows(folder, "multijail.jsonl")
        self.harmful = harmful + [row["prompt"] for row in lingual if row["labels"]["lang"] == "en"]
        self.foreign_harmful = [row["prompt"] for row in lingual if row["labels"]["lang"] != "en"]
        self.moderation = [row["prompt"] for row in rows(folder, "openai_moderation.jsonl")]
        self.wild, _ = parted([row["prompt"] for row in rows(folder, "jailbreak_llms_prompts.jsonl")], 2)
        self.templates = [row["prompt"] for row in rows(folder, "gptfuzz_templates.jsonl")]
        self.tool_outputs = rows(folder, "agentdojo_tool_outputs.jsonl")
        self.requests = [request(draw) for _ in range(generated // 2)]
        # So few harmless texts stand for a language that each must weigh what many would.
        self.foreign = [*PHRASES["benign_other_languages"], *PHRASES["longer_other_languages"], *PROSE]

    def plain_requests(self) -> list[Example]:
        """Harmless and harmful requests without any attack on the model."""
        found = [
            *self.turns, *self.questions, *self.instructions, *self.tasks, *self.moderation, *self.requests,
        ]  # fmt: skip
        examples = [Example(text, False) for text in found]
        examples += [Example(text, False, 0.5) for text in (*self.harmful, *self.foreign_harmful)]
        examples += [Example(text, False, 0.5) for text in (*self.documents, *_code())]
        for kind in ("lookalike", "benign_frame", "security_work"):
            for text in PHRASES[kind]:
                examples += [Example(spelled(text, self.draw), False, 2.0), Example(text, False, 2.0)]
                examples.append(Example(f"{self.draw.choice(self.requests)} {text}", False))
        examples += [Example(text, False, 0.5) for text in self.fragments(self.generated // 4)]
        return [*examples, *(Example(text, False, 8.0) for text in self.foreign)]

    def fragments(self, count: int) -> list[str]:
        """A few words, as people and machines say them."""
        draw, found = self.draw, []
        for _ in range(count):
            words = draw.choice(draw.choice([self.turns, self.documents, self.foreign])).split()
            start = draw.randrange(max(1, len(words)))
            text = " ".join(words[start : start + draw.randint(1, 6)])
            found.append(ciphered(text, draw) if draw.random() < 0.15 else text)
        return [text for text in found if text]

    def stories(self, harmful: bool, count: int) -> list[str]:
        """Goals in frames."""
        draw = self.draw

        def goal() -> str:
            if harmful:
                return draw.choice(self.refused if draw.random() < 0.12 else self.harmful)
            if draw.random() < 0.3:
                return draw.choice(FRAMES["benign_goal"])
            return draw.choice(draw.choice([self.requests, self.questions, self.short]))

        return [story(_goal(goal()), draw) for _ in range(count)]

    def direct(self) -> list[Example]:
        """Does the user attack the model: its instructions, its persona, its prompt?"""
        draw, examples = self.draw, [Example(text, True) for text in self.wild]
        mixed = [*self.asked, *self.requests]
        for template in self.templates:
            for _ in range(6):
                filled = template.replace("[INSERT PROMPT HERE]", draw.choice(mixed))
                examples.append(Example(filled, True, 0.5))
        examples += [Example(direct_attack(draw, mixed), True, 0.5) for _ in range(self.generated)]
        for _ in range(self.generated // 6):
            wanted = leak(draw) if draw.random() < 0.75 else override(draw)
            examples.append(Example(pretext(draw, f"{wanted[:1].upper()}{wanted[1:]}."), True, 0.5))
            parts = [declared(draw)]
            if draw.random() < 0.6:
                parts.insert(draw.choice([0, 1]), draw.choice(mixed))
            examples.append(Example(draw.choice(["\n", "\n\n", " "]).join(parts), True, 0.5))
        examples += [Example(text, False) for text in self.stories(False, self.generated)]
        examples += [Example(harmless_pretext(draw), False) for _ in range(self.generated // 12)]
        return [*examples, *self.plain_requests()]

    def story(self) -> list[Example]:
        """Is a harmful goal dressed up as a story, a role or a good cause?"""
        examples = [Example(text, True) for text in self.stories(True, self.generated // 2)]
        examples += [Example(framed(self.harmful, self.draw), True, 0.5) for _ in range(self.generated // 6)]
        examples += [Example(text, False) for text in self.stories(False, self.generated * 2 // 3)]
        return [*examples, *self.plain_requests(), *(Example(text, False) for text in self.harmful)]

    def noise(self) -> list[Example]:
        """Is there a tail of senseless pieces, as an optimiser finds it?"""
        draw = self.draw
        words = sorted(
            {
                word
                for text in (*self.documents[:2500], *self.foreign_harmful, *self.foreign)
                for word in text.split()
                if word.isascii() and word.isalpha() and len(word) > 3
            }
        )
        examples = [Example(gibberish(words, draw), True) for _ in range(self.generated // 2)]
        for _ in range(self.generated // 6):
            examples.append(Example(f"{draw.choice(self.asked)} {gibberish(words, draw)}", True, 0.5))
        examples += self.plain_requests()
        # Prose in no language at all: that letters are unknown must not make a text senseless.
        prose = [*self.documents, *self.turns, *self.foreign]
        examples += [
            Example(ciphered(draw.choice(prose)[:800], draw), False, 0.7) for _ in range(self.generated // 3)
        ]
        examples += [Example(machine_text(draw), False) for _ in range(self.generated // 3)]
        examples += [Example(_table(draw), False) for _ in range(300)]
        return examples + [Example(text, False, 0.5) for text in (*self.wild, *self.stories(False, 300))]

    def indirect(self) -> list[Example]:
        """Does a text that should be data give instructions to the model?"""
        draw, examples = self.draw, []
        pages = [*self.documents, *self.answers, *_code(), *(_table(draw) for _ in range(300))]
        wanted = [*self.instructions, *self.tasks, *self.asked[:1000]]

        def planted(text: str) -> tuple[str, int]:
            if draw.random() < 0.6:
                return document(draw, text)
            base = draw.choice(pages)[:3000]
            places = [0, len(base), *(i + 1 for i, c in enumerate(base) if c in ".\n")]
            at = draw.choice(places if draw.random() < 0.5 else places[:2])
            before, after = draw.choice([" ", "\n", "\n\n"]), draw.choice([" ", "\n"])
            return f"{base[:at]}{before}{text}{after}{base[at:]}", at + len(before)

        for _ in range(self.generated * 2):
            task = order(draw) if draw.random() < 0.45 else request(draw)
            task = draw.choice(wanted) if draw.random() < 0.12 else task
            task = output_task(draw) if draw.random() < 0.12 else task
            text = pretext(draw, task) if draw.random() < 0.25 else note(draw, task)
            whole, at = planted(text)
            examples.append(Example(whole, True, focus=(at, at + len(text))))
            if draw.random() < 0.25:
                examples.append(Example(text, True, 0.3))
        # Open calls to drop the task are easy; with the weight of the rest they would drown plain requests.
        for _ in range(self.generated // 6):
            text = aside(draw) if draw.random() < 0.6 else f"{declared(draw)} {order(draw)}"
            whole, at = planted(text)
            examples.append(Example(whole, True, 0.4, focus=(at, at + len(text))))
        for row in self.tool_outputs:
            injected = bool(row["labels"]["injected"])
            if not injected or draw.random() < 0.4:
                examples.append(Example(row["prompt"], injected, 0.5))
        examples += [Example(text, False) for text in pages]
        examples += [Example(document(draw)[0], False) for _ in range(self.generated * 2)]
        own = [harmless_pretext(draw) for _ in range(200)]
        own += [*PHRASES["lookalike"], *PHRASES["human_request"], *self.foreign, *self.fragments(600)]
        return examples + [Example(text, False) for text in own]


def training_examples(folder: Path, *, generated: int = 6000, seed: int = 11) -> dict[str, list[Example]]:
    """Head → examples, without what the sets left out hold."""
    corpus = Corpus(folder, generated, seed)
    kept_out = left_out(measured_sets(folder))
    examples = {
        "direct": corpus.direct(),
        "story": corpus.story(),
        "noise": corpus.noise(),
        "indirect": corpus.indirect(),
    }
    known: dict[str, bool] = {}

    def clean(text: str) -> bool:
        if text not in known:
            known[text] = not (shingles(text) & kept_out)
        return known[text]

    return {head: [item for item in found if clean(item.text)] for head, found in examples.items()}
