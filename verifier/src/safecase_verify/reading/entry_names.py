"""Which names the entries of a pack may have, so that a pack means the same wherever it is unpacked."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 400
"""Bytes of a name; file systems take 255 a part, and paths within workspaces are short."""
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE)
"""Names of devices on Windows, with any ending (Microsoft, "Naming Files, Paths, and Namespaces")."""
_SIGNS = frozenset('<>:"|?*')
"""Letters that no name on Windows may hold; with a colon begin drives and streams."""


def why_refused(name: str) -> str:
    """What is wrong with an entry's name, as words behind "its name"; empty where nothing is.

    Refused are paths that lead outside, letters that do not show or that turn the text (control,
    bidirectional and line separators), reserved names of devices, and names that a system changes as it
    unpacks them.
    """
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or re.match("[A-Za-z]:", name):
        return "leads outside of it"
    if not name.isprintable():
        return "holds a character that does not show, or that turns the text around it"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        return "is too long"
    if unicodedata.normalize("NFC", name) != name:
        return "is not in the composed form of Unicode"
    if _SIGNS.intersection(name):
        return "holds a letter that not every system allows"
    for part in name.split("/"):
        if part in ("", "."):
            return "has an empty part"
        if _RESERVED.match(part):
            return "is that of a device"
        if part != part.strip() or part.endswith("."):
            return "begins or ends with what some systems drop"
    return ""


def one_reading(name: str) -> str:
    """The name as a system reads it that tells neither case nor look-alike forms apart."""
    return unicodedata.normalize("NFKC", name).casefold()
