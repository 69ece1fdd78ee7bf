"""Requests, orders to agents, and documents with ordinary requests, from `injection_requests.yaml`."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

from _injection_phrases import fill, load

_FILE = load("injection_requests.yaml")
_BREADTH = load("injection_breadth.yaml")
_ORDERS = load("injection_orders.yaml")
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
    if draw.random() < 0.2:
        field = draw.choice(list(_ORDERS["fields"].values()))
        manner = draw.choice(_ORDERS["manners"])
        text = f"{draw.choice(field['verbs'])} {draw.choice(field['things'])}{draw.choice(_ORDERS['tails'])}"
        text = f"{manner}{text}" if manner else text[:1].upper() + text[1:]
        end = "?" if manner.startswith(("Can", "Could")) else draw.choice([".", ".", ".", "", "!"])
        return _filled(text + end, draw)
    return _filled(draw.choice([*_FILE["agent_orders"], *_BREADTH["agent_orders"]]), draw)


def output_task(draw: random.Random) -> str:
    """Something that planted text wants to be in the answer."""
    return _filled(draw.choice(_BREADTH["output_task"]), draw)


def pretext(draw: random.Random, task: str) -> str:
    """A task with a reason why the model should turn to it."""
    frame = draw.choice(_BREADTH["pretext"])
    # In the middle of a sentence, or as one of its own.
    opens = frame.split("{task}")[0].rstrip()[-1:] in ("", ".", ":", "!", ">", "-", "]", "#", "*", '"')
    return str(frame.replace("{task}", task if opens else task[:1].lower() + task[1:]))


def _piece(draw: random.Random, kind: str) -> str:
    return str(draw.choice(_BREADTH[kind]))


def _code_word(draw: random.Random) -> str:
    return f"{fill('{word}', draw).upper()}-{draw.randint(10, 9999)}"


def declared(draw: random.Random) -> str:
    """Somebody who says that the rules are gone, and what to answer now."""
    what = _piece(draw, "declared_what")
    text = (
        f"{what} {_piece(draw, 'declared_state')}"
        if draw.random() < 0.65
        else f"{_piece(draw, 'dismiss')} {what}"
    )
    text = f"{_piece(draw, 'sender')} {text}".strip()
    code = _code_word(draw)
    answer = _piece(draw, "answer_only").replace("{word}", code)
    sentence = f"{answer[:1].upper()}{answer[1:]}"
    order = draw.choice([f"{text}. {sentence}.", f"{text}, {answer}.", f"{text} and {answer}"])
    return order[:1].upper() + order[1:] if draw.random() < 0.6 else order


def aside(draw: random.Random) -> str:
    """A sentence in a text that calls a model away from what it was asked."""
    code = _code_word(draw)
    if draw.random() < 0.15:
        return _piece(draw, "aside_elsewhere").replace("{word}", code)
    answer = _piece(draw, "answer_only").replace("{word}", code)
    manner = draw.choice(["", "", "please ", "now ", "just ", "kindly "])
    end = draw.choice([".", "!", "", ")"])
    sender, dismiss, what = (_piece(draw, kind) for kind in ("aside_sender", "dismiss", "aside_what"))
    text = f"{sender} {manner}{dismiss} {what} and {answer}{end}".strip()
    return text[:1].upper() + text[1:] if draw.random() < 0.7 else text


def harmless_pretext(draw: random.Random) -> str:
    """The words of a pretext, where nobody orders a model about."""
    return _filled(draw.choice(_BREADTH["harmless_pretext"]), draw)


_OPEN, _CLOSE = "\ue000", "\ue001"
"""Marks around the sentences of a document while it is put together."""
_SENTENCE = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


def human(draw: random.Random) -> str:
    """A request of one person to another, as mails and pages hold them."""
    return _filled(draw.choice(_FILE["human"]), draw)


def notice(draw: random.Random) -> str:
    """A sentence that a company writes to its customers."""
    return _filled(draw.choice(_BREADTH["notice"]), draw)


def filler(draw: random.Random) -> str:
    """A sentence that asks for nothing."""
    if draw.random() < 0.1:
        return harmless_pretext(draw)
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


def _letter(draw: random.Random) -> str:
    """A company's mail to a customer."""
    sentences = [f"{_OPEN}{notice(draw)}{_CLOSE}" for _ in range(draw.randint(4, 12))]
    body = draw.choice([" ", "\n", "\n\n", " \n "]).join(sentences)
    company, friend = draw.choice(_SLOTS["company"]), draw.choice(_SLOTS["friend"])
    sender = fill("{mail}", draw)
    head = draw.choice(
        [
            f"Subject: {notice(draw)}\nFrom: {company} <{sender}>\n\n",
            f"{company.upper()} | {draw.choice(_SLOTS['day'])} | {notice(draw)}\n",
            f'{{"from": "{sender}", "subject": "{notice(draw)}", "body": "',
            "",
        ]
    )
    text = f"{head}{draw.choice(['Hi', 'Hello', 'Dear', 'Hey there'])} {friend},\n\n{body}"
    return text + '"}' if head.startswith("{") else text


def _answer(draw: random.Random) -> str:
    """What somebody answers to a question about code, as plain lines or as a list of strings."""
    lines = [
        f"{_OPEN}{_filled(draw.choice(_BREADTH['help']), draw)}{_CLOSE}" for _ in range(draw.randint(3, 12))
    ]
    if draw.random() < 0.4:
        at = draw.randrange(len(lines))
        lines[at : at + 2] = ["```", *lines[at : at + 2], "```"]
    if draw.random() < 0.4:
        return "[" + ", ".join(json.dumps(line, ensure_ascii=False) for line in lines) + "]"
    return draw.choice(["\n", "\n\n", " "]).join(lines)


def _rows(draw: random.Random) -> str:
    """A table with a heading, in which one row may be prose."""
    names = [draw.choice(_SLOTS["friend"]) for _ in range(draw.randint(3, 10))]
    lines = ["| Name | Place | Date | Notes |"]
    for name in names:
        lines.append(
            f"| {name} | {draw.choice(_SLOTS['place'])} | {draw.randint(1950, 2024)} | {draw.randint(1, 99)}"
        )
    lines.insert(draw.randrange(1, len(lines)), f"{_OPEN}| Total |  |  | {draw.randint(100, 900)} |{_CLOSE}")
    return "\n".join(lines)


_MAKERS: tuple[Callable[[random.Random], str], ...] = (
    _mail, _mail, _record, _record, _record, _page, _chat, _letter, _letter, _answer, _answer, _rows,
)  # fmt: skip


def document(draw: random.Random, planted: str = "") -> tuple[str, int]:
    """A mail, a tool's answer, a page or a chat; with ``planted``, that stands in place of one sentence. The
    second is the place of what was planted."""
    text = draw.choice(_MAKERS)(draw)
    if not planted:
        return _bare(text), 0
    chosen = draw.choice(list(_SENTENCE.finditer(text)))
    before = _bare(text[: chosen.start()])
    return before + planted + _bare(text[chosen.end() :]), len(before)


def _bare(text: str) -> str:
    return text.replace(_OPEN, "").replace(_CLOSE, "")
