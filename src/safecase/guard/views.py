"""The text as it came and as it can be read: normalised and decoded views that keep their offsets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextView:
    """One reading of the text.

    ``starts[i]`` and ``ends[i]`` delimit, in the original text, what character ``i`` of the view came
    from; None means the view's characters are the original's, place by place.
    """

    name: str
    """``original``, ``normalised`` or the encodings undone, joined by ``+``: ``base64+hex``."""
    text: str
    starts: NDArray[np.int64] | None = None
    ends: NDArray[np.int64] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that ``text[start:end]`` was read from; start < end."""
        if self.starts is None or self.ends is None:
            return start, end
        return int(self.starts[start]), int(self.ends[end - 1])


@dataclass(frozen=True)
class Views:
    """All readings of one text."""

    original: TextView
    normalised: TextView
    """NFKC, confusables, invisible characters and spacing tricks undone; the original where nothing was."""
    decoded: tuple[TextView, ...] = ()
    """What encodings hide, innermost readings included; bounded in depth and size."""
    truncated: bool = False
    """True where a bound was met, so that something may be hidden still."""

    @property
    def all(self) -> tuple[TextView, ...]:
        """Every distinct reading, the original first."""
        first = (self.original,) if self.normalised is self.original else (self.original, self.normalised)
        return (*first, *self.decoded)


def make_views(text: str) -> Views:
    """The readings of ``text``."""
    original = TextView("original", text)
    return Views(original, original)
