"""The fenced blocks of README, docs and examples, and what is written above them about how they are run.

What stands above a fence, in HTML comments that no reader sees, is explained in docs/contributing.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md"), ROOT / "README.md"], key=str
)
LANGUAGES = ("sh", "yaml", "python", "toml", "json", "text")
NOTES = (
    "session", "given", "before", "exits", "inside", "file", "output", "files", "names", "floors", "not run",
    "recipe",
)  # fmt: skip
_FENCE = re.compile(r"^(?P<indent>\s*)```(?P<language>\S*)\s*$")
_NOTE = re.compile(r"^<!--\s*(?P<text>.*?)\s*-->\s*$")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Of the opening fence, from 1."""
    language: str
    body: str
    notes: tuple[tuple[str, str], ...] = field(default=())
    """Name and argument of each annotation, in order."""

    @property
    def place(self) -> str:
        """``docs/guard.md:7``"""
        return f"{page_name(self.page)}:{self.line}"

    def note(self, name: str) -> str | None:
        """The argument of the annotation of that name; None where there is none."""
        return next((argument for known, argument in self.notes if known == name), None)

    def all(self, name: str) -> list[str]:
        """The arguments of each annotation of that name."""
        return [argument for known, argument in self.notes if known == name]


def page_name(page: Path) -> str:
    """The path of a page inside the repository."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def read_blocks(page: Path) -> list[Block]:
    """The blocks of a page. Raises AssertionError for an open block and an unknown or idle annotation."""
    found: list[Block] = []
    notes: list[tuple[str, str]] = []
    opened: re.Match[str] | None = None
    first, body = 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        place = f"{page_name(page)}:{number}"
        fence = _FENCE.match(line)
        if opened is not None:
            if fence is not None and not fence["language"]:
                text = "".join(f"{row.removeprefix(opened['indent'])}\n" for row in body)
                found.append(Block(page, first, opened["language"], text, tuple(notes)))
                opened, body, notes = None, [], []
            else:
                body.append(line)
        elif fence is not None:
            opened, first = fence, number
        elif (written := _NOTE.match(line)) is not None:
            notes.append(_parse(written["text"], place))
        else:
            assert not notes, f"{place}: the annotation above belongs to no block: put it right above a fence"
    assert opened is None, f"{page_name(page)}:{first}: the block is not closed"
    assert not notes, f"{page_name(page)}: the last annotation belongs to no block"
    return found


def _parse(text: str, place: str) -> tuple[str, str]:
    for name in NOTES:
        if re.match(rf"{name}(?![\w-])", text):
            return name, text[len(name) :].lstrip(": ").rstrip()
    raise AssertionError(f"{place}: unknown annotation '{text}': one of {', '.join(NOTES)}")
