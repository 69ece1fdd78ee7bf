"""Ways out of an answer: images and links to hosts that are not allowed, data in addresses."""

from __future__ import annotations

import re
from typing import Literal

from safecase.base import Record, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.model import (
    BuildContext,
    CheckResult,
    FlowPoint,
    GuardAction,
    MessageRole,
    Replacement,
    TextSpan,
)
from safecase.scorers import Needles, carries_data, secret_in
from safecase.text import Link, find_links, host_allowed

LINK_LIMIT = 500
"""No honest answer has so many, and users wait for the guard. Chosen without measurement."""
_MARKDOWN = re.compile(r"!?\[[^\]\n]{0,300}\]\(\s{0,4}<?$")
"""What stands before the address of a Markdown link; as bounded as where `safecase.text.links` finds it."""
_REMOVED = "[link removed]"


class ExfiltrationCheckParameters(Record):
    """Where answers may point, and what is done with the rest."""

    allowed_hosts: tuple[str, ...] = ()
    """``.example.org`` allows subdomains."""
    secrets: tuple[str, ...] = ()
    """Added to the workspace's canaries: an address that carries one is blocked, whatever its host."""
    links: Literal["redact", "flag", "allow"] = "redact"
    """What is done with a link that needs a click, to a host neither allowed nor named by the user."""
    automatic: Literal["redact", "block"] = "redact"
    """What is done with what is fetched without a click, or carries encoded data."""


@CHECKS.register("exfiltration", version="1", parameters=ExfiltrationCheckParameters)
class ExfiltrationCheck(Registered):
    """Every address of an answer, held against the allowed hosts."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(self, parameters: ExfiltrationCheckParameters, context: BuildContext) -> None:
        self.parameters = parameters
        self._needles = Needles(tuple(dict.fromkeys((*parameters.secrets, *context.canaries))))

    def inspect(self, content: Content) -> CheckResult:
        """Block secrets in addresses, take out what is fetched by itself, treat the rest as declared."""
        named: frozenset[str] | None = None
        action, spans, made = GuardAction.ALLOW, [], []
        for number, link in enumerate(find_links(content.text)):
            if number >= LINK_LIMIT:
                whole = TextSpan(0, len(content.text), "flood")
                return CheckResult(GuardAction.BLOCK, None, f"more than {LINK_LIMIT} addresses", (whole,))
            if named is None:
                named = _named_hosts(content)
            found = self._judge(link, named)
            if found is None:
                continue
            wanted, label = found
            action = max(action, wanted, key=lambda item: item.strictness)
            spans.append(TextSpan(link.start, link.end, label))
            if wanted is GuardAction.REDACT:
                made.append(_replacement(content.text, link))
        if action is GuardAction.ALLOW:
            return CheckResult()
        kinds = ", ".join(sorted({span.label for span in spans}))
        return CheckResult(action, None, f"holds ways out: {kinds}", tuple(spans[:64]), tuple(made))

    def _judge(self, link: Link, named: frozenset[str]) -> tuple[GuardAction, str] | None:
        """What to do about a link, and what it is; None where nothing is wrong with it."""
        if secret_in(link, self._needles):
            return GuardAction.BLOCK, "secret in an address"
        if not link.host or host_allowed(link.host, self.parameters.allowed_hosts):
            return None
        data = carries_data(link)
        # What is fetched by itself needs a host that the operator allows: whoever names a host in the
        # conversation may be the one who wants the data there.
        if link.host in named and not data and not link.automatic:
            return None
        if link.automatic or data:
            label = "automatic fetch" if link.automatic else "data in an address"
            return GuardAction(self.parameters.automatic), label
        if self.parameters.links == "allow" or link.host in named:
            return None
        return GuardAction(self.parameters.links), "foreign link"


def _named_hosts(content: Content) -> frozenset[str]:
    """Hosts that the user named: leading there is what was asked for."""
    return frozenset(
        link.host
        for message in content.conversation
        if message.role in (MessageRole.USER, MessageRole.SYSTEM)
        for link in find_links(message.text)
    )


def _replacement(text: str, link: Link) -> Replacement:
    """The whole of an image or a Markdown link where its brackets can be told, else the address alone."""
    start, end = link.start, link.end
    opening = _MARKDOWN.search(text[max(0, start - 320) : start])
    if opening is not None:
        start -= len(opening.group())
        closing = text.find(")", end, end + 300)
        end = closing + 1 if closing >= 0 else end
    return Replacement(start, end, _REMOVED)


_OPENING = re.compile(
    r"<!--|<(script|style|iframe|object|embed|form|svg)\b[^>]{0,2000}>"
    r"|<(\w{1,12})\b[^>]{0,400}(?:display\s{0,4}:\s{0,4}none|visibility\s{0,4}:\s{0,4}hidden"
    r"|font-size\s{0,4}:\s{0,4}0|opacity\s{0,4}:\s{0,4}0(?![.\d])|\bhidden\b)[^>]{0,400}>",
    re.IGNORECASE,
)
"""Elements that run, load or hide. The limits bound what an unclosed tag can cost."""
_LINK_COMMENT = re.compile(r"(?m)^[ \t]{0,8}\[//\]:\s{0,4}#\s{0,4}[(\"'].{0,2000}$")
"""A link definition that Markdown draws as nothing, and that models read."""


class Sanitised(Record):
    """Retrieved text without active or hidden content, and what was taken out."""

    text: str
    removed: dict[str, int]
    """Kind → how many."""


def sanitise_untrusted(text: str) -> Sanitised:
    """Take out of retrieved content what a reader does not see or a browser would run (AGT-09).

    Comments, scripts and their like, elements that styles hide, comment-like link definitions, invisible
    characters, and images that would be fetched.
    """
    from safecase.text import INVISIBLE

    removed: dict[str, int] = {}
    text = _without_elements(text, removed)
    text, count = _LINK_COMMENT.subn("", text)
    if count:
        removed["link_comment"] = count
    if not text.isascii():
        text, count = INVISIBLE.subn("", text)
        if count:
            removed["invisible_character"] = count
    images = [_replacement(text, link) for link in find_links(text) if link.automatic]
    if images:
        from safecase.guard._redaction import apply_replacements

        text = apply_replacements(text, images)
        removed["image"] = len(images)
    return Sanitised(text=text, removed=removed)


def _without_elements(text: str, removed: dict[str, int]) -> str:
    """The text without comments, active and hidden elements; what is not closed ends with the text.

    One pass: the search goes on behind what was taken out, so that nothing is read twice.
    """
    lowered = text.lower()
    parts, at = [], 0
    while (match := _OPENING.search(text, at)) is not None:
        parts.append(text[at : match.start()])
        if match.group() == "<!--":
            kind, closing = "comment", "-->"
        else:
            kind = "active_element" if match[1] else "hidden_element"
            closing = f"</{(match[1] or match[2]).lower()}"
        removed[kind] = removed.get(kind, 0) + 1
        end = lowered.find(closing, match.end())
        if end < 0:
            at = len(text)
            break
        at = end + len(closing)
        if kind != "comment":
            bracket = text.find(">", at, at + 200)
            at = bracket + 1 if bracket >= 0 else at
    parts.append(text[at:])
    return "".join(parts)
