"""Requests, orders to agents, and documents with ordinary requests, from `injection_requests.yaml`."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

from _injection_phrases import fill, load

_FILE = load("injection_requests.yaml")
_SLOTS: dict[str, list[str]] = {name: [str(item) for item in found] for name, found in _FILE["slots"].items()}
_SLOT = re.compile(r"\{(\w+)\}")
_KEYS = (
    "title", "subject", "body", "content", "description", "review", "comment", "note", "message", "summary",
    "text", "bio", "caption", "reply", "details", "snippet",
)  # fmt: skip
_MANNERS = ("", "", "", "Please ", "Can you ", "I want you to ", "Now ", "Also, ", "You should ")


def _filled(template: str, draw: random.Random) -> str:
    def slot(match: re.Match[str]) -> str:
        name = match.group(1)
        return str(draw.choice(_SLOTS[name])) if name in _SLOTS else fill(match.group(0), draw)

    return _SLOT.sub(slot, template)


def request(draw: random.Random) -> str:
    """Something that people ask of an assistant."""
    text = _filled(draw.choice(_FILE["requests"]), draw)
    manner = draw.choice(_MANNERS) if text.endswith(".") and draw.random() < 0.4 else ""
    return f"{manner}{text[:1].lower() + text[1:]}" if manner else text


def order(draw: random.Random) -> str:
    """Something that people ask of an agent with tools."""
    return _filled(draw.choice(_FILE["agent_orders"]), draw)


_OPEN, _CLOSE = "\ue000", "\ue001"
"""Marks around the sentences of a document while it is put together."""
_SENTENCE = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


def human(draw: random.Random) -> str:
    """A request of one person to another, as mails and pages hold them."""
    return _filled(draw.choice(_FILE["human"]), draw)


def filler(draw: random.Random) -> str:
    """A sentence that asks for nothing."""
    return _filled(draw.choice(_FILE["filler"]), draw)


def _prose(draw: random.Random, least: int, most: int, asking: float) -> str:
    sentences = [
        f"{_OPEN}{human(draw) if draw.random() < asking else filler(draw)}{_CLOSE}"
        for _ in range(draw.randint(least, most))
    ]
    return draw.choice([" ", " ", "\n"]).join(sentences)


def _mail(draw: random.Random) -> str:
    names = _SLOTS["friend"]
    company = draw.choice(_SLOTS["company"])
    greeting = draw.choice(["Hi", "Dear", "Hello", "Good morning"])
    lines = [
        f"From: {draw.choice(names)} <{fill('{mail}', draw)}>",
        f"Subject: {draw.choice(['Re: ', 'FW: ', '', ''])}{filler(draw).rstrip('.')}",
        f"Date: {draw.choice(_SLOTS['day'])}",
        "",
        f"{greeting} {draw.choice(names)},",
        "",
        _prose(draw, 2, 8, 0.4),
        "",
        draw.choice(
            [f"Best regards,\n{draw.choice(names)}", f"The {company} team", "Thanks!", "Sent from my phone"]
        ),
    ]
    kept = lines if draw.random() < 0.7 else lines[4:]
    return draw.choice(["\n", "\n", " "]).join(kept)


def _record(draw: random.Random) -> str:
    def item() -> dict[str, object]:
        found: dict[str, object] = {"id": draw.randrange(10**6)}
        for key in draw.sample(_KEYS, draw.randint(1, 3)):
            found[key] = _prose(draw, 1, 3, 0.15)
        found[draw.choice(["rating", "price", "date", "author", "status"])] = draw.choice(
            [draw.randint(1, 5), 99.5, draw.choice(_SLOTS["day"]), draw.choice(_SLOTS["friend"]), "open"]
        )
        return found

    data = {
        draw.choice(["results", "items", "reviews", "emails", "data"]): [
            item() for _ in range(draw.randint(1, 3))
        ]
    }
    text = json.dumps(data, indent=draw.choice([None, None, 2]), ensure_ascii=False)
    return text.replace('"', "'") if draw.random() < 0.4 else text


def _page(draw: random.Random) -> str:
    parts = [f"# {filler(draw).rstrip('.')}"]
    for _ in range(draw.randint(1, 4)):
        parts.append(_prose(draw, 2, 6, 0.2))
        if draw.random() < 0.3:
            parts.append("\n".join(f"- {_OPEN}{human(draw)}{_CLOSE}" for _ in range(draw.randint(2, 4))))
    return "\n\n".join(parts)


def _chat(draw: random.Random) -> str:
    return "\n".join(
        f"[{draw.randint(0, 23)}:{draw.randint(10, 59)}] {draw.choice(_SLOTS['friend'])}: "
        f"{_prose(draw, 1, 2, 0.5)}"
        for _ in range(draw.randint(2, 7))
    )


_MAKERS: tuple[Callable[[random.Random], str], ...] = (_mail, _mail, _record, _record, _page, _chat)


def document(draw: random.Random, planted: str = "") -> str:
    """A mail, a tool's answer, a page or a chat; with ``planted``, that stands in place of one sentence."""
    text = draw.choice(_MAKERS)(draw)
    if planted:
        chosen = draw.choice(list(_SENTENCE.finditer(text)))
        text = text[: chosen.start()] + planted + text[chosen.end() :]
    return text.replace(_OPEN, "").replace(_CLOSE, "")
