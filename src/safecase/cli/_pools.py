"""How a workspace's pools stand, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safecase.workflow import PoolReport, RuleTries


def pool_lines(pools: PoolReport) -> Iterator[str]:
    """The families of each kind, which try comes next, and how many tries each rule still has."""
    from safecase.model import counted

    sealed, opened = sum(item.sealed for item in pools.risks), sum(item.open for item in pools.risks)
    yield (
        f"Pools: {counted(sealed, 'family', 'families')} sealed, {opened:,} open; the next certification is "
        f"try {pools.next_try} of line {pools.line}"
    )
    if pools.declared or opened:
        public = sum(item.public for item in pools.risks)
        if public:
            yield f"  {public:,} of the sealed families can be read elsewhere (built-in suites, public data)"
    if pools.declared:
        for risk in pools.risks:
            yield f"  {risk.risk}: {risk.sealed:,} sealed, {risk.open:,} open"
    for rule in pools.rules:
        yield f"  {rule_line(rule)}"


def rule_line(rule: RuleTries) -> str:
    """How many tries the sealed families carry for one rule."""
    from safecase.model import counted, percent

    least = min(rule.slices, key=lambda item: item.last_try)
    where = "" if least.category == "all" else f" ({least.category})"
    takes = (
        f"try {rule.next_try} spends {percent(rule.error, 2)} and takes "
        f"{counted(least.needed, 'family', 'families')} without a failure"
    )
    if rule.worn_out:
        return (
            f"{rule.rule}{where}: no try left at {percent(rule.bound)}; {takes}, {least.sealed:,} are sealed"
        )
    more = "1,000 or more" if rule.tries_left >= 1000 else f"{rule.tries_left:,}"
    left = f"{more} tries left at {percent(rule.bound)}"
    return f"{rule.rule}{where}: {left}; {takes}, {least.sealed:,} are sealed"
