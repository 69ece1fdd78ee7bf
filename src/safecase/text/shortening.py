"""Cutting a text where only so much of it can be shown."""

from __future__ import annotations


def shorten(text: str, limit: int) -> str:
    """``text`` cut to ``limit`` characters, the cut shown by an ellipsis, which is one of them."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
