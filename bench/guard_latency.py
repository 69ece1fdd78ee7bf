"""How long the guard takes: all non-neural checks on a 500-character message, one core; and on hostile texts.

    python bench/guard_latency.py          prints the table
    python bench/guard_latency.py --json   prints one JSON document

Targets: median at most 200 µs, 99th percentile at most 1 ms, linear in length, 1 MB in bounded time.
"""

from __future__ import annotations

import argparse
import base64
import gc
import json
import statistics
import sys
import time
from typing import Any

from safecase.guard import Content, Guard, guard_from_mapping
from safecase.model import FlowPoint

CHECKS: dict[str, Any] = {
    "injection": {"check": "injection", "surfaces": ["user_input", "untrusted_content"]},
    "harm": {"check": "harm", "surfaces": ["user_input"]},
    "hidden_text": {"check": "hidden_text", "surfaces": ["user_input", "untrusted_content"]},
    "escalation": "escalation",
    "pii": "pii",
    "secrets": "secrets",
    "leak": "leak",
    "exfiltration": "exfiltration",
    "policy_categories": {"check": "policy_categories", "surfaces": ["model_output"]},
    "high_stakes_advice": "high_stakes_advice",
    "ai_disclosure": "ai_disclosure",
}
"""Every kind of check that needs neither a model nor documents, where it belongs."""
SENTENCES = (
    "Hello, I would like to know how I can return the lamp that I bought last week.",
    "It arrived on time, but the shade is a little darker than it looked in the pictures.",
    "Could you tell me whether the refund covers the shipping too, and how long it takes?",
    "I also wonder if the same model comes in another colour, because I like the shape.",
    "Please write to me when you know more, there is no hurry, and thank you for the help.",
    "By the way, the courier was very friendly and even carried the box up the stairs.",
)
MESSAGES = tuple(
    (" ".join(SENTENCES[(start + place) % len(SENTENCES)] for place in range(7)))[:500]
    for start in range(len(SENTENCES))
)
"""Ordinary messages of 500 characters."""


def timings(guard: Guard, surface: FlowPoint, texts: tuple[str, ...], rounds: int) -> list[float]:
    """Seconds of each inspection, a new content each time, as a service would."""
    for text in texts:
        failed = [item.check for item in guard.inspect(Content(surface, text)).verdicts if item.failure]
        if failed:
            raise SystemExit(f"these checks failed, so that there is nothing to time: {failed}")
    gc.collect()
    gc.disable()
    taken = []
    for index in range(rounds):
        content = Content(surface, texts[index % len(texts)])
        started = time.perf_counter()
        guard.inspect(content)
        taken.append(time.perf_counter() - started)
    gc.enable()
    return sorted(taken)


def at(taken: list[float], share: float) -> float:
    """A quantile, in µs."""
    return 1e6 * taken[min(len(taken) - 1, int(share * len(taken)))]


def main() -> int:
    """Print the table; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=4000)
    arguments = parser.parse_args()
    whole = guard_from_mapping(CHECKS)
    surfaces = {}
    for surface in (FlowPoint.USER_INPUT, FlowPoint.UNTRUSTED_CONTENT, FlowPoint.MODEL_OUTPUT):
        taken = timings(whole, surface, MESSAGES, arguments.rounds)
        surfaces[surface.value] = {
            "checks": [check.id for check in whole.checks_on(surface)],
            "median_us": at(taken, 0.5),
            "p99_us": at(taken, 0.99),
        }
    each = {}
    for name, kind in CHECKS.items():
        guard = guard_from_mapping({name: kind})
        surface = next(item for item in FlowPoint if guard.checks_on(item))
        each[name] = at(timings(guard, surface, MESSAGES, arguments.rounds // 4), 0.5)
    megabyte = 1_000_000
    hostile = {
        "prose": (MESSAGES[0] * 2001)[:megabyte],
        "one letter": "a" * megabyte,
        "base64": base64.b64encode(b"hello there world " * 41_700).decode()[:megabyte],
        "digits": "4111 1111 1111 1112 " * 50_000,
        "at signs": "a@" * 500_000,
        "brackets": "[" * megabyte,
        "percent": "%25" * 333_333,
        "zero width": "\u200b" * megabyte,
    }
    long = {}
    for name, text in hostile.items():
        for surface in (FlowPoint.USER_INPUT, FlowPoint.MODEL_OUTPUT):
            started = time.perf_counter()
            whole.inspect(Content(surface, text))
            long[f"{name}, {surface.value}"] = time.perf_counter() - started
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    linear = []
    for size in sizes:
        text = hostile["prose"][:size]
        runs = []
        for _ in range(3):
            started = time.perf_counter()
            whole.inspect(Content(FlowPoint.USER_INPUT, text))
            runs.append(time.perf_counter() - started)
        linear.append(1e9 * statistics.median(runs) / size)
    result = {
        "surfaces": surfaces,
        "each_median_us": each,
        "megabyte_seconds": long,
        "ns_per_character": dict(zip(map(str, sizes), linear, strict=True)),
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for name, row in surfaces.items():
            print(
                f"{name:18} median {row['median_us']:7.1f} µs   p99 {row['p99_us']:7.1f} µs   {row['checks']}"
            )
        print("each check alone (with the pipeline and the views), median µs:")
        for name, value in each.items():
            print(f"  {name:20} {value:7.1f}")
        print("1 MB, seconds:")
        for name, value in long.items():
            print(f"  {name:32} {value:6.2f}")
        print(
            "ns per character:",
            ", ".join(f"{size}: {value:.0f}" for size, value in zip(sizes, linear, strict=True)),
        )
    missed = [name for name, row in surfaces.items() if row["median_us"] > 200 or row["p99_us"] > 1000]
    if missed:
        print(f"over the target: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
