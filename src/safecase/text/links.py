"""Every address that a text makes a browser or a reader fetch: Markdown, HTML, CSS, bare.

The one reader of links. Where an address may stand is told by patterns; where it leads is told by the rules
that browsers follow (WHATWG URL Standard, by the ada library), so that ``http:///host`` and ``https:/\\host``
lead where a browser would go. Character references and CSS escapes are read as a browser reads them.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

UNREADABLE = "(unreadable)"
"""The host of an address that no browser takes, and that another reader may."""
MAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
"""Anything that has the form of a mail address; `safecase.text.personal_data` asks for more."""
WEB_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"'`)\]}]{2,400}")
"""The beginning of a longer address tells its host just as well."""
HOST_AND_PATH = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}(?:[/?#:]\S{0,400})?")
"""An address as `bare_address` leaves it."""
_ANY_ADDRESS = re.compile(rf"{WEB_ADDRESS.pattern}|\b{MAIL_ADDRESS.pattern}")
_REST = r"[^\s<>\"'`)\]}|\\]{1,4000}"
"""Room for an address that carries data; the beginning of a longer one is found all the same."""
# Browsers take any number of slashes, and backslashes for slashes.
_ADDRESS = rf"((?:[a-z][a-z0-9+.-]{{1,12}}:[/\\]{{0,8}}|[/\\]{{2,8}}){_REST})"
_GAP = r"\s{0,4}"
"""White space that Markdown and HTML skip; without a limit a long run of it would be tried at each of its
signs."""
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("markdown image", rf"!\[[^\]\n]{{0,300}}\]\({_GAP}<?{_ADDRESS}"),
        ("markdown link", rf"(?<!!)\[[^\]\n]{{0,300}}\]\({_GAP}<?{_ADDRESS}"),
        ("reference definition", rf"(?m)^[ \t>]{{0,8}}\[[^\]\n]{{1,200}}\]:{_GAP}<?{_ADDRESS}"),
        ("css url", rf"(?:(?<![\w-])(?:url|image-set|src)\(|@import){_GAP}[\"']?{_GAP}{_ADDRESS}"),
        ("bare address", rf"\b((?:https?|ftp|wss?):[/\\]{{1,8}}{_REST})"),
        ("bare address", rf"(?<![\w@/.-])((?:www\.)[a-z0-9-]{{1,63}}\.{_REST})"),
        ("mail address", r"\b(mailto:[^\s<>\"'`)\]}|\\]{1,2000})"),
    )
)
"""Bounded repeats only: each pattern costs time linear in the text."""
_ATTRIBUTES = (
    "src|href|srcset|imagesrcset|action|data|poster|background|formaction|ping|cite|content|manifest|codebase|"
    "longdesc|lowsrc|dynsrc|icon"
)
# The end of a value is not asked for: a browser goes on where a quotation mark is missing.
_ATTRIBUTE = re.compile(
    rf"(?<![\w-])(?:xlink:)?({_ATTRIBUTES}){_GAP}={_GAP}"
    r"(?:\"([^\"]{1,4000})|'([^']{1,4000})|([^\s\"'<>`]{1,4000}))",
    re.IGNORECASE,
)
_IN_ATTRIBUTE = re.compile(
    r"(?:^|[\s,;=])\s*((?:[a-z][a-z0-9+.\t\r\n-]{1,20}:|[/\\]{2})[^,\"'<>`|]{1,4000})", re.IGNORECASE
)
"""An address at the beginning of a value, in a list of pictures, or behind ``0;url=``."""
_LISTS = frozenset({"srcset", "imagesrcset", "ping"})
_AUTOMATIC = frozenset({"markdown image", "css url"})
"""Ways that are fetched without a click."""
_CLICKED_TAGS = ("a ", "a\n", "a\t", "a/", "form", "area", "blockquote", "q ", "ins ", "del ")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});?")
"""As many digits as a code point can have; the longest name of HTML has 31 letters. Browsers do not ask for
the semicolon."""
_CSS_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})[ \t\n\r\f]?|([^\n\r\f0-9A-Fa-f]))")
"""Up to six hexadecimal digits and one white space behind them, or any other sign, as CSS reads it."""
_SIGNS = ("//", "www.", "mailto:", "\\", ":/", "href", "src")


@dataclass(frozen=True, slots=True)
class Link:
    """One address in a text."""

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
        parts = _split(self.url)
        if parts is None:
            return unquote(self.url, errors="replace")
        return unquote("\n".join((parts.path, parts.query, parts.fragment)), errors="replace")


def _split(url: str) -> SplitResult | None:
    """The parts of an address; None for what no library takes apart."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def host_of(url: str) -> str:
    """Where an address leads, in ASCII and lower case; "" where it stays or leads to no host.

    `UNREADABLE` where it has the form of a web address and no browser takes it.
    """
    text = url.strip()
    if text.lower().startswith("mailto:"):
        return text.partition("@")[2].partition("?")[0].strip().lower().rstrip(".")
    if text.lower().startswith("www."):
        text = "//" + text
    import ada_url

    # Without a base first: what is read as a path beside a page of the same scheme is a host beside another.
    for base in (None, "https://page.invalid/"):
        try:
            host = ada_url.URL(text, base=base).hostname
        except ValueError:
            continue
        return "" if host == "page.invalid" else str(host).rstrip(".").lower()
    return UNREADABLE


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
    """Every address in ``text`` that leads somewhere, each place once, under the most telling kind."""
    lowered = text.lower()
    if "&" not in text and not any(sign in lowered for sign in _SIGNS):
        return
    seen: set[int] = set()
    for view in _views(text):
        for kind, url, start, end, automatic in _addresses(view.text):
            place = view.original(start)
            if place in seen:
                continue
            url = url.rstrip(".,;:!?*_~")
            host = host_of(url)
            if host:
                seen.add(place)
                yield Link(kind, url, host, place, min(view.original(end), len(text)), automatic)


def _addresses(text: str) -> Iterator[tuple[str, str, int, int, bool]]:
    """(kind, address, start, end, fetched without a click) of what may be an address."""
    for kind, pattern in _PATTERNS:
        if kind == "css url":
            yield from _attribute_addresses(text)
        for match in pattern.finditer(text):
            yield kind, match[1], match.start(1), match.end(1), kind in _AUTOMATIC


def _attribute_addresses(text: str) -> Iterator[tuple[str, str, int, int, bool]]:
    for match in _ATTRIBUTE.finditer(text):
        tag = text[max(0, match.start() - 300) : match.start()].rpartition("<")[2].lower()
        automatic = not tag.startswith(_CLICKED_TAGS)
        group = match.lastindex or 0
        listed = match[1].lower() in _LISTS
        for found in _IN_ATTRIBUTE.finditer(match[group]):
            url = found[1].split()[0] if listed else found[1].strip()
            start = match.start(group) + found.start(1)
            yield "html attribute", url, start, start + len(url), automatic
            if not listed:
                break


@dataclass(frozen=True, slots=True)
class _View:
    """The text as a browser reads it, with the way back to the places of the original."""

    text: str
    anchors: tuple[int, ...] = (0,)
    """Places from which on one letter stands for one letter of the original."""
    places: tuple[int, ...] = (0,)

    def original(self, place: int) -> int:
        """The place in the original that a place of the view stands for."""
        number = bisect_right(self.anchors, place) - 1
        return self.places[number] + place - self.anchors[number]

    def replaced(self, pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str]) -> _View:
        """The view with each match decoded."""
        pieces: list[str] = []
        anchors, places = [0], [self.original(0)]
        length = last = 0
        for match in pattern.finditer(self.text):
            decoded = decode(match)
            pieces += (self.text[last : match.start()], decoded)
            anchors.append(length + match.start() - last)
            places.append(self.original(match.start()))
            length += match.start() - last + len(decoded)
            last = match.end()
            anchors.append(length)
            places.append(self.original(last))
        return _View("".join((*pieces, self.text[last:])), tuple(anchors), tuple(places))


def _views(text: str) -> Iterator[_View]:
    """The text, and the text as a browser reads it, with the way back to the places in the original."""
    plain = _View(text)
    yield plain
    # Entities and escapes hide an address from a plain reading and not from a browser.
    if "&" in text and _ENTITY.search(text):
        plain = plain.replaced(_ENTITY, lambda match: html.unescape(match.group()))
        yield plain
    if "\\" in plain.text and ("(" in plain.text or "@" in plain.text):
        yield plain.replaced(_CSS_ESCAPE, _css_letter)


def _css_letter(match: re.Match[str]) -> str:
    if not match[1]:
        return match[2]
    code = int(match[1], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def bare_address(text: str) -> str:
    """An address without scheme, ``www.`` and a closing slash, as people shorten it."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", text).rstrip("/")


def bare_host(address: str) -> str:
    """Where an address leads, in the form of `bare_address`: its host, or the domain of a mailbox."""
    return (
        address.rpartition("@")[2]
        if "@" in address and "/" not in address
        else re.split(r"[/?#:]", address)[0]
    )


def is_address(text: str) -> bool:
    """Whether the whole text is a web address or a mail address."""
    return _ANY_ADDRESS.fullmatch(text) is not None


def find_addresses(text: str) -> Iterator[str]:
    """The web and mail addresses that a text spells out, as `bare_address` has them."""
    for match in _ANY_ADDRESS.finditer(text):
        yield bare_address(match.group().rstrip(".,;:!?"))
