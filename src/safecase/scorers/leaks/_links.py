"""Every address that an answer makes a browser or a reader fetch: Markdown, HTML, CSS, bare."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

_REST = r"[^\s<>\"'`)\]}|\\]{1,4000}"
_ADDRESS = rf"((?:[a-z][a-z0-9+.-]{{1,12}}:)?//{_REST})"
_GAP = r"\s{0,4}"
_ATTRIBUTES = "src|href|srcset|action|data|poster|background|formaction|ping|cite|content"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("markdown image", rf"!\[[^\]\n]{{0,300}}\]\({_GAP}<?{_ADDRESS}"),
        ("markdown link", rf"(?<!!)\[[^\]\n]{{0,300}}\]\({_GAP}<?{_ADDRESS}"),
        ("reference definition", rf"(?m)^[ \t>]{{0,8}}\[[^\]\n]{{1,200}}\]:{_GAP}<?{_ADDRESS}"),
        (
            "html attribute",
            rf"\b(?:{_ATTRIBUTES}){_GAP}={_GAP}[\"']?{_GAP}(?:\d{{1,3}};\s?url=)?{_ADDRESS}",
        ),
        ("css url", rf"\b(?:url\(|@import){_GAP}[\"']?{_GAP}{_ADDRESS}"),
        ("bare address", rf"\b((?:https?|ftp|wss?):(?://|\\\\){_REST})"),
        ("bare address", rf"(?<![\w@/.-])((?:www\.)[a-z0-9-]{{1,63}}\.{_REST})"),
        ("mail address", r"\b(mailto:[^\s<>\"'`)\]}|\\]{1,2000})"),
    )
)
"""Bounded repeats only: each pattern costs time linear in the text."""
AUTOMATIC = frozenset({"markdown image", "css url"})
"""Ways that are fetched without a click."""


@dataclass(frozen=True, slots=True)
class Link:
    """One address in an answer."""

    kind: str
    url: str
    host: str
    start: int
    end: int
    automatic: bool
    """True where showing the answer is enough to send the request."""

    @property
    def payload(self) -> str:
        """What the address carries beside the host: subdomains aside, path, query and fragment, decoded."""
        parts = split_url(self.url)
        if parts is None:
            return unquote(self.url, errors="replace")
        return unquote("\n".join((parts.path, parts.query, parts.fragment)), errors="replace")


def split_url(url: str) -> SplitResult | None:
    """``urlsplit`` that answers None on addresses that do not parse."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def host_of(url: str) -> str:
    """The host, lower case, in ASCII where it can be; "" where there is none."""
    text = url.strip().replace("\\", "/")
    if text.lower().startswith("mailto:"):
        return text.partition("@")[2].partition("?")[0].strip().lower().rstrip(".")
    if text.lower().startswith("www."):
        text = "//" + text
    parts = split_url(text)
    if parts is None:
        return "(unreadable)"
    host = (parts.hostname or "").rstrip(".").lower()
    try:
        return host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return host


def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """True for a listed host; ``.example.org`` and ``*.example.org`` allow every subdomain and the host."""
    for pattern in allowed:
        name = pattern.removeprefix("*").lower()
        if host == name or host == name.lstrip("."):
            return True
        if name.startswith(".") and host.endswith(name):
            return True
    return False


def find_links(text: str) -> Iterator[Link]:
    """Every address in ``text``, each place once, under the most telling kind."""
    lowered = text.lower()
    if "&" not in text and not any(sign in lowered for sign in ("//", "www.", "mailto:", "\\\\")):
        return
    seen: set[int] = set()
    for view in _views(text):
        for kind, pattern in _PATTERNS:
            for match in pattern.finditer(view):
                start, end = match.span(1)
                if start in seen and view is text:
                    continue
                url = match.group(1).rstrip(".,;:!?*_~")
                if view is text:
                    seen.add(start)
                host = host_of(url)
                tag = view[max(0, match.start() - 300) : match.start()].rpartition("<")[2].lower()
                automatic = kind in AUTOMATIC or (
                    kind == "html attribute"
                    and not tag.startswith(("a ", "a\n", "form", "area", "blockquote"))
                )
                yield Link(kind, url, host, start, min(end, len(text)), automatic)


def _views(text: str) -> Iterator[str]:
    yield text
    # Entities hide an address from a plain reading and not from a browser.
    if "&#" in text or "&colon" in text or "&sol" in text or "&amp;#" in text:
        yield html.unescape(text)
