"""Attacks and look-alikes put together from the phrases of `injection_phrases.yaml`, to train on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def load(name: str) -> dict[str, Any]:
    """A file of phrases beside this one."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


PHRASES: dict[str, list[str]] = load("injection_phrases.yaml")
FRAMES: dict[str, list[str]] = load("injection_frames.yaml")
PROSE: list[str] = [text for texts in load("injection_prose.yaml").values() for text in texts]
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
        core = core.replace("{name}", draw.choice(_NAMES))
    else:
        core = spelled(_MAKERS[form](draw), draw)
    parts = [core]
    if draw.random() < 0.2:
        parts.insert(0, pick(draw, "authority").replace("{name}", draw.choice(_NAMES)))
    if draw.random() < 0.25:
        parts.append(pick(draw, "prefix"))
    if draw.random() < 0.45:
        parts.insert(draw.choice([0, len(parts)]), draw.choice(requests))
    return draw.choice([" ", "\n", "\n\n"]).join(parts)


def note(draw: random.Random, task: str) -> str:
    """What an attacker plants in a text that a model will read."""
    kind = draw.random()
    if kind < 0.3:
        text = f"{pick(draw, 'note_to_model')} {task}"
    elif kind < 0.42:
        text = f"{spelled(override(draw), draw)} {task}"
    elif kind < 0.92:
        manner = draw.choice(_MANNERS)
        text = f"{manner}{task[:1].lower() + task[1:]}" if manner else task
    else:
        text = f"{task} {fill(pick(draw, 'agent_task'), draw)}"
    return spelled(text, draw)


def story(goal: str, draw: random.Random) -> str:
    """A goal behind a role, a scene and a pretext, in one of many orders."""

    def part(kind: str) -> str:
        return draw.choice(FRAMES[kind]).replace("{name}", draw.choice(_NAMES)).replace("{goal}", goal)

    parts = [part("role") for _ in range(draw.choice([1, 1, 2, 3]))]
    parts += [part("detail") for _ in range(draw.choice([0, 0, 1, 2, 4]))]
    parts.append(part("task"))
    parts += [part("detail") for _ in range(draw.choice([0, 0, 0, 1, 2]))]
    parts += [part("closing") for _ in range(draw.randint(0, 3))]
    if draw.random() < 0.15:
        parts[0], parts[-1] = parts[-1], parts[0]
    return " ".join(item for item in parts if item)


def ciphered(text: str, draw: random.Random) -> str:
    """The text in a language that does not exist: letters swapped for letters, vowels for vowels."""
    if draw.random() < 0.3:
        # Nouns with capitals, and long ones, as in German.
        words = text.split(" ")
        text = " ".join(
            word.capitalize() if draw.random() < 0.3 else word + draw.choice([" ", " ", " ", ""])
            for word in words
        )
    table = {}
    for letters in ("aeiou", "bcdfghjklmnpqrstvwxyz"):
        swapped = list(letters)
        draw.shuffle(swapped)
        table.update(zip(letters + letters.upper(), "".join(swapped) + "".join(swapped).upper(), strict=True))
    return text.translate(str.maketrans(table))


def machine_text(draw: random.Random) -> str:
    """What machines write that makes no words: logs, keys, links, formulas, queries. Harmless."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"

    def key(size: int) -> str:
        return "".join(draw.choice(letters) for _ in range(size))

    word = draw.choice(_WORDS)
    again = draw.choice([word, word[0], "ha", "ok ", f"{word} ", "1 2 3 ", "no! ", "-", "😀", ". "])
    kinds = [
        lambda: again * draw.randint(20, 200),
        lambda: again * draw.randint(20, 200),
        lambda: key(draw.randint(20, 300)) + "==",
        lambda: f"https://www.{word}.com/{key(8)}?id={draw.randrange(10**6)}&ref={key(12)}#{word}",
        lambda: (
            f"2024-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}T10:{draw.randint(10, 59)}:07Z ERROR "
            f"[{word}.worker-{draw.randint(1, 9)}] request_id={key(10)} failed: code={draw.randint(400, 599)}"
        ),
        lambda: (
            f"SELECT {word}, COUNT(*) FROM {draw.choice(_WORDS)}s "
            f"WHERE id > {draw.randint(1, 99)} GROUP BY 1;"
        ),
        lambda: f"\\frac{{{draw.randint(1, 9)}x^2}}{{\\sqrt{{{word[0]}+1}}}} = \\int_0^1 {word[1]}(t)\\,dt",
        lambda: (
            f"const {word} = ({word[0]}) => {word[0]}.map(x => x * {draw.randint(2, 9)}).filter(Boolean);"
        ),
        lambda: f"{word} | grep -v '^#' | awk '{{print ${draw.randint(1, 9)}}}' | sort -u > {word}.txt",
        lambda: f"^(?:[a-z]{{2,{draw.randint(3, 9)}}}|\\d+)@{word}\\.com$",
        lambda: f'<div class="{word}"><a href="/{key(5)}">{word}</a><br/></div>',
        lambda: f'{{"id": "{key(12)}", "{word}": [{draw.random():.3f}, null], "ok": true}}',
        lambda: (
            f"{draw.choice(_NAMES)} :-) lol!!! {word}?? omg... #{word} "
            f"@{draw.choice(_NAMES).lower()}{draw.randint(1, 99)}"
        ),
        lambda: f"{draw.randint(1, 99)}x + {draw.randint(1, 99)} = {draw.randint(1, 999)}; solve for x",
    ]
    return "\n".join(draw.choice(kinds)() for _ in range(draw.randint(1, 4)))


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
