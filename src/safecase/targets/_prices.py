"""What calls cost: prices of well-known models, the user's own before them, None where unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources

import orjson

from safecase.base import Record
from safecase.model import Price, Usage

_VENDOR = re.compile(
    r"^(?:models|openai|anthropic|google|gemini|mistral|mistralai|vertex_ai|azure|deepseek|xai|x-ai)/"
)
_VERSION = re.compile(
    r"^(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}|latest|preview)|-preview-\d{2}-(?:\d{2}|\d{4}))$"
)
"""Dates and words by which providers name a snapshot of a model, which costs what the model costs."""


class PriceTable(Record):
    """Prices by model family, in US dollars per million tokens."""

    compiled: date
    """When the prices were gathered; they may have changed since."""
    note: str = ""
    models: dict[str, Price]

    def find(self, model: str) -> Price | None:
        """The price of a model id as a provider resolves it, None where it is not known.

        An entry applies to its own name and to that name with a version behind it (``-2024-08-06``,
        ``-20250514``, ``-001``, ``-latest``); the longest entry wins. Another suffix is another model.
        """
        name = model.strip().lower()
        while (match := _VENDOR.match(name)) is not None:
            name = name[match.end() :]
        if name in self.models:
            return self.models[name]
        fitting = [
            entry for entry in self.models if name.startswith(entry) and _VERSION.match(name[len(entry) :])
        ]
        return self.models[max(fitting, key=len)] if fitting else None

    def overridden(self, prices: Mapping[str, Price]) -> PriceTable:
        """A table in which ``prices`` stand before its own."""
        lowered = {name.lower(): price for name, price in prices.items()}
        return self.model_copy(update={"models": {**self.models, **lowered}})


@cache
def price_table() -> PriceTable:
    """The table that ships with the package."""
    data = resources.files("safecase.targets").joinpath("data/prices.json").read_bytes()
    return PriceTable.model_validate(orjson.loads(data))


def price_of(model: str, configured: Price | None = None) -> Price | None:
    """The price that applies to ``model``: the configured one, else the table's, else None."""
    return configured if configured is not None else price_table().find(model)


def cost_usd(usage: Usage, price: Price | None) -> float | None:
    """What the tokens of ``usage`` cost in US dollars.

    None where the price is unknown, or the provider told no token counts: an unknown cost is never 0.
    ``cached_tokens`` are a part of ``input_tokens`` and cost the input price where no other is known.
    """
    if price is None or (usage.calls and not usage.input_tokens and not usage.output_tokens):
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_price = price.input_per_million if price.cached_per_million is None else price.cached_per_million
    total = (
        (usage.input_tokens - cached) * price.input_per_million
        + cached * cached_price
        + usage.output_tokens * price.output_per_million
    )
    return total / 1_000_000
