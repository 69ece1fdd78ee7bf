"""Attacks and look-alikes put together from the phrases of `injection_phrases.yaml`, to train on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PHRASES: dict[str, list[str]] = YAML(typ="safe", pure=True).load(
    (Path(__file__).parent / "injection_phrases.yaml").read_text(encoding="utf-8")
)
_NAMES = ["Amy", "Tom", "Lena", "Marco", "Yuki", "Fatima", "Igor", "Chloe", "Ravi", "Noor", "Pablo", "Greta"]
_WORDS = [
    "sunflower",
    "banana",
    "phoenix",
    "delta",
    "orchid",
    "comet",
    "marble",
    "quartz",
    "velvet",
    "cobalt",
]
_DAYS = ["Monday", "tomorrow", "the 3rd of May", "2024-05-19", "next week", "Friday at noon"]
_SIGNS = "([{ }])|:;=+*/\\_-'\"`~^<>@#$%&!?,."
_GLUE = [
    "describing",
    "similarlyNow",
    "write",
    "oppositeley",
    "Giving",
    "ONE",
    "please",
    "revert",
    "tutorial",
    "Sure",
    "formatting",
    "{%",
    "lambda",
    "inspect",
    "proc",
    "repeat",
    "INST",
    "surely",
    "<-",
    "newcommand",
    "begin",
    "returns",
    "eqref",
    "printf",
    "foreach",
    "WriteLine",
    "mathbb",
    "usepackage",
    "konnte",
    "werden",
    "dernier",
]
_MANNERS = ["Please ", "", "", "You should ", "Now ", "I need you to ", "Can you "]
_FORMS = ["override", "override", "override", "leak", "leak", "persona", "persona", "persona", "other"]


def pick(draw: random.Random, kind: str) -> str:
    """One phrase of a kind."""
    return draw.choice(PHRASES[kind])


def fill(template: str, draw: random.Random) -> str:
    """A template with its slots filled."""
    name = draw.choice(_NAMES)
    slots: dict[str, Any] = {
        "mail": f"{name.lower()}.{draw.choice(_WORDS)}@{draw.choice(_WORDS)}-mail.com",
        "sum": draw.choice(["50", "1000", "250.00", "9,999"]),
        "iban": f"DE{draw.randrange(10**11, 10**12)}{draw.randrange(10**7, 10**8)}",
        "day": draw.choice(_DAYS),
        "word": draw.choice(_WORDS),
        "url": f"http://www.{draw.choice(_WORDS)}-{draw.choice(_WORDS)}.com/{draw.choice(_WORDS)}",
        "name": name,
    }
    return template.format(**slots)


def override(draw: random.Random) -> str:
    """An order to drop the instructions, and what to do instead."""
    kinds = ("override", "scope", "when", "what", "tail")
    text = " ".join(part for part in (pick(draw, kind) for kind in kinds) if part)
    if draw.random() < 0.75:
        join = pick(draw, "then")
        text += join if join[0] in ".,;" else f" {join}"
        text += f" {pick(draw, 'task')}"
    return text


def leak(draw: random.Random) -> str:
    """A request for the prompt."""
    return f"{pick(draw, 'leak')} {pick(draw, 'secret')} {pick(draw, 'how')}".strip()


def persona(draw: random.Random) -> str:
    """A character without rules."""
    rules = draw.sample(PHRASES["persona_rule"], draw.randint(1, 5))
    return f"{pick(draw, 'persona_start')} {pick(draw, 'persona')}. {' '.join(rules)}"


_MAKERS = {"override": override, "leak": leak, "persona": persona}


def spelled(text: str, draw: random.Random) -> str:
    """The text as people type it."""
    kind = draw.random()
    if kind < 0.35:
        text = text[:1].upper() + text[1:]
    elif kind < 0.45:
        text = text.upper()
    if draw.random() < 0.5:
        text += draw.choice([".", "!", "!!!", "...", " please.", " now."])
    return text


def direct_attack(draw: random.Random, requests: list[str]) -> str:
    """One message that attacks the model: alone, in front of, behind or around a request."""
    form = draw.choice(_FORMS)
    if form == "other":
        core = pick(draw, "other_languages" if draw.random() < 0.4 else "authority")
    else:
        core = spelled(_MAKERS[form](draw), draw)
    parts = [core]
    if draw.random() < 0.2:
        parts.insert(0, pick(draw, "authority"))
    if draw.random() < 0.25:
        parts.append(pick(draw, "prefix"))
    if draw.random() < 0.45:
        parts.insert(draw.choice([0, len(parts)]), draw.choice(requests))
    return draw.choice([" ", "\n", "\n\n"]).join(parts)


def note(draw: random.Random, instructions: list[str]) -> str:
    """What an attacker plants in a text that a model will read."""
    task = fill(pick(draw, "agent_task"), draw) if draw.random() < 0.6 else draw.choice(instructions)
    kind = draw.random()
    if kind < 0.4:
        text = f"{pick(draw, 'note_to_model')} {task}"
    elif kind < 0.55:
        text = f"{spelled(override(draw), draw)} {task}"
    elif kind < 0.9:
        text = f"{draw.choice(_MANNERS)}{task}"
    else:
        text = f"{task}. {fill(pick(draw, 'agent_task'), draw)}"
    return spelled(text, draw)


def framed(goals: list[str], draw: random.Random) -> str:
    """A harmful goal behind a story, a role or a good cause."""
    goal = draw.choice(goals).rstrip(".?! ")
    return pick(draw, "frame").format(goal=goal[:1].lower() + goal[1:])


def gibberish(words: list[str], draw: random.Random) -> str:
    """A tail such as an optimiser finds: word pieces, code and signs without sense."""
    pieces = []
    for _ in range(draw.randint(12, 30)):
        kind = draw.random()
        if kind < 0.5:
            word = draw.choice(words)
            start = draw.randrange(max(1, len(word) // 2))
            piece = word[start : start + draw.randint(2, 9)]
            piece = draw.choice([piece, piece.capitalize(), piece.upper() if len(piece) < 5 else piece])
        elif kind < 0.7:
            piece = draw.choice(_GLUE)
        else:
            piece = "".join(draw.choice(_SIGNS) for _ in range(draw.randint(1, 4)))
        pieces += (piece, draw.choice(["", " ", " ", " "]))
    return "".join(pieces).strip()
