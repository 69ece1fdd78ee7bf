"""Keys that a target was given, masked wherever they come back: in answers, errors, headers, tool calls.

A server or a model may repeat the key that it was called with, as it stands or in another shape. It is masked
before anybody else reads the answer, so no log, cache, score or pack ever holds it.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

MASK = "[redacted]"
_SURE = 8
"""Characters from which a key is masked anywhere; a shorter one only as a word of its own."""
_SHORTEST = 4
_DEEPEST = 128
"""Levels of JSON: twice of what the vocabulary takes."""
_CUT = 12
"""Characters of the beginning of a key that are masked where a text breaks off behind them."""
_SCHEME = re.compile(r"^(?:bearer|basic|token|apikey|api-key|key|digest)\s+", re.IGNORECASE)
_COOKIE = re.compile(r"[^\s=;,]+=([^;]+)")
SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:api[_-]?key|access[_-]?key|secret|password|passwd|token|credential|authorization|cookie)s?$",
    re.IGNORECASE,
)
"""How options are called that hold a secret: ``api_key``, ``X-Access-Token``."""
_QUERY_NAME = re.compile(
    r"(?:^|[_-])(?:(?:[a-z]+[_-]?)?key|secret|password|passwd|pwd|token|credentials?|sig|signature|code|auth)$",
    re.IGNORECASE,
)
"""The same in a query, where ``key`` and ``sig`` are nothing else."""
_ENVIRONMENT_NAME = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
_LEAST_FROM_ENVIRONMENT = 12
"""Characters of a value of the environment that is taken for a key by its variable's name alone."""


class KnownKeys:
    """Masks keys in all the shapes in which they come back. Immutable: share it between threads."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        parts = {part for value in values for part in _parts(value) if len(part) >= _SHORTEST}
        shapes = {shape for part in parts for shape in _shapes(part)}
        words = {re.escape(part) for part in parts if len(part) < _SURE and not part.isalpha()}
        # The longest first: a key may begin another, and what is left of that would stay readable.
        patterns = [re.escape(shape) for shape in sorted(shapes, key=len, reverse=True)]
        patterns += [rf"(?<![\w-]){word}(?![\w-])" for word in sorted(words, key=len, reverse=True)]
        patterns += [
            rf"{re.escape(part[:_CUT])}[^\s…]{{0,{len(part) - _CUT}}}(?=…|$)"
            for part in parts
            if len(part) > _CUT + 4
        ]
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def mask_text(self, text: str) -> str:
        """``text`` with every key replaced."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def mask(self, value: Any) -> Any:
        """A parsed JSON value with every key in it replaced, in the names of its fields too.

        What nests deeper than anybody reads becomes its own text.
        """
        return value if self._pattern is None else self._mask(value, 0)

    def _mask(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.mask_text(value)
        if not isinstance(value, (dict, list)):
            return value
        if depth >= _DEEPEST:
            return self.mask_text(_as_text(value))
        if isinstance(value, dict):
            return {self.mask_text(name): self._mask(item, depth + 1) for name, item in value.items()}
        return [self._mask(item, depth + 1) for item in self._mask_list(value)]

    def mask_pieces(self, pieces: Sequence[str]) -> list[str]:
        """Pieces of one text: a key that lies across a border is replaced where it begins."""
        masked = list(pieces)
        if self._pattern is None:
            return masked
        starts = [0]
        for piece in pieces:
            starts.append(starts[-1] + len(piece))
        for match in reversed(list(self._pattern.finditer("".join(pieces)))):
            for number in range(len(pieces) - 1, -1, -1):
                first = max(match.start(), starts[number]) - starts[number]
                last = min(match.end(), starts[number + 1]) - starts[number]
                if first < last:
                    mark = MASK if starts[number] <= match.start() else ""
                    masked[number] = masked[number][:first] + mark + masked[number][last:]
        return masked

    def _mask_list(self, items: list[Any]) -> list[Any]:
        """Parts of one message: texts, or objects that hold one."""
        texts = [_text_of(item) for item in items]
        if sum(text is not None for text in texts) < 2:
            return items
        pieces = iter(self.mask_pieces([text for text in texts if text is not None]))
        return [
            item if text is None else _with_text(item, next(pieces))
            for item, text in zip(items, texts, strict=True)
        ]


def query_keys(url: str) -> tuple[str, ...]:
    """Values in a URL's query that stand under the name of a secret."""
    pairs = parse_qsl(urlsplit(url).query)
    return tuple(value for name, value in pairs if _QUERY_NAME.search(name))


def environment_keys(environment: Mapping[str, str]) -> KnownKeys:
    """Keys by the names of their variables, for code that reads them itself."""
    return KnownKeys(
        value
        for name, value in environment.items()
        if _ENVIRONMENT_NAME.search(name.upper())
        and len(value) >= _LEAST_FROM_ENVIRONMENT
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
    )


def _parts(value: str) -> Iterator[str]:
    """The value of a header, what stands behind its scheme, the password in it, the values of its cookies."""
    yield value
    bare = _SCHEME.sub("", value)
    yield bare
    for match in _COOKIE.finditer(value):
        yield match[1].strip()
    try:
        decoded = base64.b64decode(bare, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    if _SCHEME.match(value) and ":" in decoded:
        yield decoded
        yield decoded.partition(":")[2]


def _shapes(key: str) -> Iterator[str]:
    """The key as it stands, in URLs, in JSON, in HTML, in hexadecimal, and inside of Base64."""
    if len(key) < _SURE:
        return
    data = key.encode("utf-8", "surrogatepass")
    yield from (key, quote(key, safe=""), quote(key), quote_plus(key), quote(quote(key, safe=""), safe=""))
    yield from (json.dumps(key)[1:-1], json.dumps(json.dumps(key)[1:-1])[1:-1], html.escape(key))
    yield from (data.hex(), key[::-1])
    # Three bytes are four letters, so what stands before the key decides by which of three ways it is
    # written; letters that hold bits of its neighbours are left out.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        whole = (shift + len(data)) * 8 // 6
        inner = encoded[(0, 2, 3)[shift] : whole]
        if len(inner) >= _SURE:
            yield from (inner, inner.replace("+", "-").replace("/", "_"))


def _as_text(value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return ""


def _text_of(item: Any) -> str | None:
    if isinstance(item, str):
        return item
    text = item.get("text") if isinstance(item, dict) else None
    return text if isinstance(text, str) else None


def _with_text(item: Any, text: str) -> Any:
    return text if isinstance(item, str) else {**item, "text": text}
