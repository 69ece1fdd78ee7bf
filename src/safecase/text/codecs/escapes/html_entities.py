"""Entities of HTML: numbers in either base, and names."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
"""As many digits as Unicode's last code point has; names of usual length."""


def _scan(text: str) -> Iterator[str]:
    if "&" in text:
        # Browsers do without the semicolon, so the search does.
        yield html.unescape(text)


CODEC = Codec(
    name="html_entities",
    description="Every character as a numeric HTML entity.",
    encode=lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    decode=html.unescape,
    loss="control characters and lone surrogates, for which HTML has no numbers",
    suspects=lambda reading: "&" in reading.text and ";" in reading.text,
    find=find_all(_RUN, html.unescape),
    scan=_scan,
    precedence=20,
)
