"""Prices: known models, versions of them, the user's own, and never a zero for the unknown."""

from __future__ import annotations

from datetime import date

import pytest

from safecase.model import Price, Usage
from safecase.targets import price_of
from safecase.targets._prices import cost_usd, price_table

OWN = Price(input_per_million=1, output_per_million=2)


def test_the_table_says_when_it_was_compiled() -> None:
    table = price_table()
    assert date(2026, 1, 1) <= table.compiled <= date(2100, 1, 1)
    assert len(table.models) > 40
    for name, price in table.models.items():
        assert name == name.lower()
        assert 0 < price.input_per_million < price.output_per_million
        assert price.cached_per_million is None or 0 < price.cached_per_million < price.input_per_million


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("GPT-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai/gpt-4.1", "gpt-4.1"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("models/gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
    ],
)
def test_versions_of_a_model_have_its_price(model: str, entry: str) -> None:
    assert price_of(model) == price_table().models[entry]


@pytest.mark.parametrize(
    "model", ["", "gpt-4o-audio", "gpt-4o-audio-preview", "o3-pro", "gpt-9", "llama", "gpt"]
)
def test_what_is_not_known_has_no_price(model: str) -> None:
    assert price_of(model) is None
    assert cost_usd(Usage(input_tokens=5, output_tokens=5, calls=1), price_of(model)) is None


def test_the_users_price_wins() -> None:
    assert price_of("gpt-4o", OWN) is OWN
    table = price_table().overridden({"GPT-4o": OWN, "my-model": OWN})
    assert table.find("gpt-4o") == table.find("my-model") == OWN
    assert price_of("my-model") is None


def test_cost() -> None:
    price = Price(input_per_million=2, output_per_million=8, cached_per_million=0.5)
    usage = Usage(input_tokens=1000, output_tokens=100, cached_tokens=400, calls=1)
    assert cost_usd(usage, price) == pytest.approx((600 * 2 + 400 * 0.5 + 100 * 8) / 1e6)
    assert cost_usd(usage, OWN) == pytest.approx((1000 * 1 + 100 * 2) / 1e6)


def test_a_provider_that_counts_no_tokens_costs_an_unknown_amount() -> None:
    assert cost_usd(Usage(calls=1), OWN) is None
    assert cost_usd(Usage(), OWN) == 0
