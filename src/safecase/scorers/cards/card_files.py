"""Scorer cards on disk: those that ship with the package and those of a workspace."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import orjson
from pydantic import ValidationError

from safecase.base import InfrastructureError, InputError, describe
from safecase.model import ScorerCard

CARD_LIMIT = 5_000_000
"""Bytes: a card has kilobytes, so that a larger file is none."""


def write_card(card: ScorerCard, path: Path) -> None:
    """Write a card as JSON, whole or not at all. Raises InfrastructureError where the disk refuses."""
    data = orjson.dumps(card.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise InfrastructureError(f"the card cannot be written: {error.strerror}", where=str(path)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InfrastructureError(f"the card cannot be written: {error.strerror}", where=str(path)) from None


def read_card(path: Path) -> ScorerCard:
    """Read a card. Raises InputError where it is missing, too large, or no card."""
    try:
        if path.stat().st_size > CARD_LIMIT:
            raise InputError("is too large for a scorer card", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the scorer card cannot be read: {error.strerror}",
            where=str(path),
            hint="make it with safecase calibrate",
        ) from None
    return _parse(data, str(path))


def _parse(data: bytes, where: str) -> ScorerCard:
    try:
        return ScorerCard.model_validate_json(data)
    except ValidationError as error:
        raise InputError(f"is no scorer card: {describe(error, ScorerCard)}", where=where) from None


@lru_cache(maxsize=1)
def shipped_cards() -> tuple[ScorerCard, ...]:
    """The cards that ship with the package, by file name. They hold figures, never data."""
    folder = files("safecase.scorers.cards").joinpath("data")
    found = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".json")), key=lambda item: item.name
    )
    return tuple(_parse(item.read_bytes(), item.name) for item in found)


def find_card(scorer: str, version: str, cards: Iterable[ScorerCard]) -> ScorerCard | None:
    """The best card for exactly this version: held-out data first, then the most answers, then the newest.

    A card for another version does not count: what it measured was another scorer.
    """
    matching = [card for card in cards if card.scorer == scorer and card.scorer_version == version]
    return max(matching, key=_rank, default=None)


def _rank(card: ScorerCard) -> tuple[bool, int, str]:
    """Which of two cards is the better evidence: held out first, then larger, then newer."""
    overall = card.overall()
    count = 0
    if overall:
        count = (
            overall.true_positives
            + overall.false_positives
            + overall.true_negatives
            + overall.false_negatives
        )
    return card.held_out, count, card.measured.isoformat()


def why_uncalibrated(scorer: str, version: str, cards: Sequence[ScorerCard]) -> str:
    """One sentence for wherever the scorer's numbers appear, "" where a card measures this version."""
    if find_card(scorer, version, cards):
        return ""
    others = sorted({card.scorer_version for card in cards if card.scorer == scorer})
    if others:
        return f"uncalibrated: scorer '{scorer}' {version} has no card (cards exist for {', '.join(others)})"
    return f"uncalibrated: scorer '{scorer}' has never been measured against human labels"
