"""Operating characteristics of `safecase.stats`, beside the published ones.

Run: ``python bench/operating_characteristics.py [--runs 1500] [--only gate,judge]``. Each line prints
``published|ours`` for each value and ``ok`` or ``MISS`` at the tolerance of its table: rounding for exact
rows, about three standard errors for simulated ones. Simulations whose published data model is not fully
stated say so.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import binom

from safecase import stats
from safecase.stats import crosses

RATES = [0, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.10]


@dataclass
class Ledger:
    """Collects comparisons and prints them as they come."""

    runs: int
    rows: int = 0
    misses: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        print(f"\n{text}")

    def row(
        self,
        label: str,
        reference: Sequence[float],
        ours: Sequence[float],
        *,
        absolute: float,
        relative: float = 0.0,
    ) -> None:
        pairs = list(zip(reference, [float(x) for x in ours], strict=True))
        good = all(abs(a - b) <= max(absolute, relative * abs(a)) for a, b in pairs)
        self.rows += 1
        if not good:
            self.misses.append(label)
        shown = "  ".join(f"{a:g}|{b:.4g}" for a, b in pairs)
        print(f"  {'ok  ' if good else 'MISS'} {label:<46} {shown}")


def intervals(book: Ledger) -> None:
    book.title("Two-sided 95 % intervals: coverage %, unsafe miss % (exact; published|ours)")
    table = {
        (100, 0.005): {
            "wald": (39, 61),
            "wilson": (91.0, 0),
            "jeffreys": (98.6, 0),
            "clopper_pearson": (98.6, 0),
        },
        (100, 0.01): {
            "wald": (63, 37),
            "wilson": (92.1, 0),
            "jeffreys": (98.2, 0),
            "clopper_pearson": (98.2, 0),
        },
        (300, 0.005): {
            "wald": (78, 22),
            "wilson": (93.5, 0),
            "jeffreys": (98.2, 0),
            "clopper_pearson": (98.2, 0),
        },
        (300, 0.01): {
            "wald": (80, 20),
            "wilson": (96.7, 0),
            "jeffreys": (91.8, 4.9),
            "clopper_pearson": (98.9, 0),
        },
        (1000, 0.005): {
            "wald": (87, 12),
            "wilson": (96.2, 0.7),
            "jeffreys": (92.8, 4.0),
            "clopper_pearson": (98.0, 0.7),
        },
    }
    for (n, p), methods in table.items():
        mass = binom.pmf(np.arange(n + 1), n, p)
        for method, reference in methods.items():
            limits = [getattr(stats, method)(s, n) for s in range(n + 1)]
            covered = 100 * sum(m for m, i in zip(mass, limits, strict=True) if i.contains(p))
            unsafe = 100 * sum(m for m, i in zip(mass, limits, strict=True) if i.upper < p)
            book.row(f"n={n} p={p} {method}", reference, [covered, unsafe], absolute=0.6)

    book.title("Clustered draws, Korn-Graubard: coverage %, unsafe miss % (simulated)")
    rng = np.random.default_rng(1)
    for families, prompts, attempts, p, reference in (
        (20, 5, 5, 0.01, (99.2, 0)),
        (20, 5, 5, 0.02, (93.1, 6.3)),
        (50, 5, 2, 0.02, (95.4, 3.7)),
        (100, 1, 5, 0.02, (93.8, 5.1)),
        (500, 1, 1, 0.02, (98.0, 0.8)),
    ):
        counts = nested_counts(rng, book.runs, families, prompts, attempts, p)
        found = [stats.korn_graubard(row, np.full(families, prompts * attempts)) for row in counts]
        ours = [100 * np.mean([i.contains(p) for i in found]), 100 * np.mean([i.upper < p for i in found])]
        book.row(f"{families}x{prompts}x{attempts} p={p}", reference, ours, absolute=2.0)


def nested_counts(
    rng: np.random.Generator, runs: int, families: int, prompts: int, attempts: int, p: float
) -> np.ndarray:
    """Failures per family; family ICC .1, extra same-prompt ICC .4."""
    family = np.clip(rng.beta(p * 9, (1 - p) * 9, (runs, families, 1)), 1e-12, 1 - 1e-12)
    scale = 1 / (0.4 / 0.9) - 1
    prompt = rng.beta(family * scale, (1 - family) * scale, (runs, families, prompts))
    return rng.binomial(attempts, prompt).sum(axis=2)


def gate(book: Ledger) -> None:
    def both(
        label: str, boundaries: stats.Boundaries, ship: Sequence[float], calls: Sequence[float], **kw: float
    ) -> None:
        oc = stats.operating_characteristics(boundaries, RATES[: len(ship)])
        book.row(f"{label}: P(ship) %", ship, 100 * oc.ship, absolute=kw.get("points", 0.5))
        book.row(f"{label}: calls", calls, oc.expected_calls, absolute=kw.get("slack", 1.0))

    book.title("Gate <= 2 % at 95 %, design rate 0.5 % (exact), at 0, .25, .5, 1, 2, 3, 5, 10 %")
    for method, ship in (
        ("wald", [100, 99.9, 97.1, 69, 10.6, 0.6, 0, 0]),
        ("wilson", [100, 99.4, 91.9, 52, 4.9, 0.2, 0, 0]),
        ("clopper_pearson", [100, 99.4, 91.9, 52, 4.9, 0.2, 0, 0]),
    ):
        limit = max(s for s in range(30) if getattr(stats, method)(s, 456, side="upper").upper <= 0.02)
        both(f"(a/b) fixed 456 {method}", stats.fixed_boundaries(456, limit), ship, [456] * 8)
    both(
        "(b') exact, curtailed",
        stats.fixed_boundaries(456, 4, curtailed=True),
        [100, 99.4, 91.9, 52, 4.9, 0.2, 0, 0],
        [452, 453, 446, 391, 246, 167, 100, 50],
    )
    for label, spending, looks, ship, calls in (
        (
            "(c) O'Brien-Fleming",
            "obrien-fleming",
            5,
            [100, 99.3, 91.8, 52, 5, 0.2, 0, 0],
            [279, 332, 370, 386, 288, 212, 144, 97],
        ),
        (
            "(c) Pocock",
            "pocock",
            20,
            [100, 99.1, 90.6, 49, 4.6, 0.3, 0, 0],
            [206, 260, 312, 327, 198, 125, 75, 44],
        ),
    ):
        n_max = smallest_group_sequential(spending, looks)
        boundaries = stats.group_sequential(0.02, 0.005, n_max, looks, spending=spending)  # type: ignore[arg-type]
        both(
            f"{label} {looks} looks, N={n_max} (N not published)", boundaries, ship, calls, points=4, slack=40
        )
    grid = np.linspace(0, 0.02, 202)[:-1]
    flat = stats.Mixture(0.02, tuple(grid.tolist()), (1 / grid.size,) * grid.size)
    plan = stats.build_test(
        0.02, 0.005, 912, calibrated=False, futility_error=None, least_conditional_power=0.0, ship=flat
    )
    both(
        "(d) flat prior, block on proof only",
        plan.boundaries,
        [100, 99.9, 95.0, 48, 2.6, 0.1, 0, 0],
        [224, 305, 428, 711, 886, 804, 292, 55],
        points=1,
        slack=10,
    )
    plan = stats.build_test(0.02, 0.005, 798)
    book.row("(e) calibrated threshold", [17.4], [plan.threshold], absolute=0.1)
    both(
        "(e) calibrated mixture + futility, cap 798",
        plan.boundaries,
        [100, 98.8, 90.7, 47, 4.9, 0.6, 0, 0],
        [169, 238, 315, 359, 204, 113, 51, 19],
    )
    shares = np.array([30, 15, 15, 10, 10, 8, 7, 5]) / 100
    mix = shares @ stats.operating_characteristics(plan.boundaries, RATES).expected_calls
    book.row("(e) release mix: calls", [203], [mix], absolute=1)
    ville = stats.build_test(0.02, 0.005, 912, calibrated=False).boundaries
    book.row("Ville ship points", [177, 318, 419, 516, 609], ville.ship_points[:5], absolute=0)
    book.row(
        "fixed ship points",
        [149, 236, 313, 386, 456],
        stats.fixed_ship_points(0.02, 0.05, 5).tolist(),
        absolute=0,
    )

    book.title("Other limits (exact): calls; the published caps of the 5 % gates are not stated")
    for theta0, theta1, n_max, rates, calls in (
        (0.01, 0.002, 1220, [0, 0.002, 0.01, 0.05], [333, 528, 316, 35]),
        (0.05, 0.005, 171, [0, 0.005, 0.05, 0.1], [62, 71, 36, 18]),
        (0.05, 0.02, 602, [0, 0.01, 0.02, 0.05, 0.07, 0.1], [78, 126, 210, 162, 85, 42]),
    ):
        oc = stats.operating_characteristics(stats.build_test(theta0, theta1, n_max).boundaries, rates)
        book.row(f"<= {theta0:.0%}, good {theta1:.1%}, cap {n_max}", calls, oc.expected_calls, absolute=2)
    sizes = [stats.fixed_sample_size(*pair)[0] for pair in ((0.05, 0.02), (0.05, 0.005), (0.01, 0.002))]
    book.row("fixed exact sizes", [311, 93, 773], sizes, absolute=0)

    book.title(
        "Finite suite without replacement (exact): calls at 0 and .5 %; fixed hypergeometric needs 342, 218"
    )
    for size, reference in ((1000, (162, 281)), (300, (137, 198))):
        oc = stats.finite_suite_characteristics(
            stats.finite_suite_boundaries(size, 0.02, 0.005), size, [0, round(0.005 * size)]
        )
        book.row(f"M = {size}", reference, oc.expected_calls, absolute=1, relative=0.015)


def smallest_group_sequential(spending: str, looks: int) -> int:
    for n_max in range(400, 900, 5):
        boundaries = stats.group_sequential(0.02, 0.005, n_max, looks, spending=spending)  # type: ignore[arg-type]
        if stats.operating_characteristics(boundaries, [0.005]).ship[0] >= 0.9:
            return n_max
    raise RuntimeError("no size up to 900 reaches the power")


def clusters(book: Ledger) -> None:
    book.title(
        "20 unequal categories, clustered (simulated): P(ship) % at .5 and 2 %; category spread assumed"
    )
    rng = np.random.default_rng(2)
    plan = stats.build_test(0.02, 0.005, 798)
    spread = np.exp(0.97 * np.array([-1.96 + 3.92 * i / 19 for i in range(20)]))

    def shipped(
        mean: float, families: int, prompts: int, attempts: int, order: Callable[[np.ndarray], np.ndarray]
    ) -> float:
        count = 0
        for _ in range(book.runs // 2):
            rates = np.clip(rng.choice(spread / spread.mean() * mean, families), 0, 0.9)
            family = np.clip(rng.beta(rates * 9, (1 - rates) * 9), 1e-12, 1 - 1e-12)
            scale = 1 / (0.4 / 0.9) - 1
            prompt = rng.beta(family[:, None] * scale, (1 - family[:, None]) * scale, (families, prompts))
            x = (rng.random((families, prompts, attempts)) < prompt[..., None]).astype(int)
            count += plan.boundaries.first_decision(order(x))[0] == "ship"
        return 100 * count / (book.runs // 2)

    def flat(x: np.ndarray) -> np.ndarray:
        return x.ravel()

    for label, layout, reference, tolerance in (
        ("(e) fresh family per call", (798, 1, 1), (90.7, 5.3), 4.0),
        ("every call of 5x5 families (invalid)", (32, 5, 5), (85.9, 43.9), 8.0),
        ("5 prompts x 1 (invalid)", (160, 5, 1), (87.7, 9.5), 4.0),
    ):
        ours = [shipped(mean, *layout, flat) for mean in (0.005, 0.02)]
        book.row(label, reference, ours, absolute=tolerance)


def peeking(book: Ledger) -> None:
    book.title("Naive peeking, first look at 20 (exact): P(false ship) % for wald, wilson, exact, jeffreys")
    for n_max, every, reference in (
        (500, 50, (46.7, 11.6, 9.6, 22.0)),
        (1000, 10, (74.1, 18.6, 16.3, 27.4)),
        (2000, 1, (76.4, 24.7, 21.7, 33.1)),
    ):
        ours = []
        for method in (stats.wald, stats.wilson, stats.clopper_pearson, stats.jeffreys):
            limits, s = np.full(n_max + 1, -1), -1
            for n in range(max(every, 20), n_max + 1, every):
                while s + 1 <= n and method(s + 1, n, side="upper").upper <= 0.02:
                    s += 1
                limits[n] = s
            never = (n_max + 1,) * (n_max + 1)
            boundaries = stats.Boundaries(n_max, tuple(limits.tolist()), never, never)
            ours.append(100 * stats.operating_characteristics(boundaries, [0.02]).ship[0])
        book.row(f"N={n_max}, every {every}", reference, ours, absolute=0.1)


def conjunctive(book: Ledger) -> None:
    book.title(
        "20 categories each <= 5 % (simulated): P(ship) %, calls; round robin, then risk-ordered depth first"
    )
    rng = np.random.default_rng(3)
    plan = stats.category_plan(0.05, 0.005, 20)
    names = [str(i) for i in range(20)]
    runs = book.runs // 5
    for label, bad, rate, rest, reference in (
        ("all 0", 0, 0.0, 0.0, (100, 1240, 100, 1240)),
        ("all .5 %", 0, 0.0, 0.005, (92.6, 1705, 92.5, 1674)),
        ("one at 5 %, rest 0", 1, 0.05, 0.0, (5.0, 1052, 5.1, 191)),
        ("one at 8 %, rest .5 %", 1, 0.08, 0.005, (0.4, 801, 0.6, 105)),
        ("one at 15 %, rest .5 %", 1, 0.15, 0.005, (0, 370, 0, 25)),
        ("three at 10 %, rest .5 %", 3, 0.10, 0.005, (0, 280, 0, 33)),
    ):
        rates = np.full(20, rest)
        rates[:bad] = rate
        ours = []
        for schedule in ("round-robin", "depth-first"):
            ships, calls = 0, 0
            for _ in range(runs):
                drifted = np.clip(rates * rng.lognormal(0, 0.5, 20), 0, 1)
                risk = dict(zip(names, (rng.binomial(60, drifted) / 60).tolist(), strict=True))
                tests = stats.conjunctive_gate(dict.fromkeys(names, plan), risk=risk, schedule=schedule)  # type: ignore[arg-type]
                streams = {
                    k: iter((rng.random(plan.n_max) < r).tolist()) for k, r in zip(names, rates, strict=True)
                }
                while (category := tests.next_category) is not None:
                    tests = tests.update(category, next(streams[category]))
                ships += tests.decision == "ship"
                calls += tests.calls
            ours += [100 * ships / runs, calls / runs]
        book.row(label, reference[::2], ours[::2], absolute=4.5)
        book.row(f"{label}: calls", reference[1::2], ours[1::2], absolute=15, relative=0.15)
    fixed = [
        20 * stats.fixed_sample_size(0.05, 0.005, alpha=a, power=0.9**0.05)[0] for a in (0.05 / 20, 0.05)
    ]
    book.row("fixed + Bonferroni, fixed IUT: calls", [5980, 3620], fixed, absolute=0)


def regression(book: Ledger) -> None:
    book.title("Regression >= 3 points against a cached baseline of 5 % (simulated): P(ship) %, calls")
    rng = np.random.default_rng(4)
    for cap, table in (
        (550, {0.0: (86.6, 266), 0.01: (46, 358), 0.03: (3.5, 247), 0.05: (0.2, 126), 0.10: (0, 58)}),
        (700, {0.0: (93.4, 276), 0.01: (62, 389), 0.03: (4.4, 262), 0.05: (0.1, 126), 0.10: (0, 56)}),
    ):
        plan = stats.regression_gate(0.03, cap)
        for increase, reference in table.items():
            p = rng.beta(0.05, 0.95, (book.runs, cap))
            outcome = rng.random(p.shape) < p + (1 - p) * increase / 0.95
            x = (1 + outcome - rng.binomial(5, p) / 5) / 2
            ship = first_crossing(plan.ship, x, 0.05)
            assert plan.futility is not None
            futility = first_crossing(plan.futility, x, plan.futility_error)
            ships = 100 * np.mean((ship <= futility) & (ship <= cap))
            calls = np.minimum(np.minimum(ship, futility), cap).mean()
            book.row(f"cap {cap}, +{increase:.0%}: ship", reference[:1], [ships], absolute=4)
            book.row(f"cap {cap}, +{increase:.0%}: calls", reference[1:], [calls], absolute=5, relative=0.12)


def first_crossing(mixture: stats.Mixture, x: np.ndarray, error: float) -> np.ndarray:
    logs = np.cumsum(mixture.log_factors(x), axis=1) + np.log(mixture.weights)
    reached = crosses(np.logaddexp.reduce(logs, axis=2), -math.log(error))
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, x.shape[1] + 1)


def drift(book: Ledger) -> None:
    book.title("Drift from 1 % (simulated; change after 2,000 in-control draws): delay to 2, 3, 5, 10 %")
    rng = np.random.default_rng(5)
    runs, quiet = max(200, book.runs // 3), 2000
    for recursion, threshold, reference in (
        ("shiryaev-roberts", 10_000, (689, 279, 119, 45)),
        ("cusum", 112, (760, 267, 102, 37)),
    ):
        detector = stats.DriftDetector(stats.drift_mixture(0.01), threshold, recursion)  # type: ignore[arg-type]
        delays = []
        for rate in (0.02, 0.03, 0.05, 0.10):
            x = np.concatenate([rng.random((runs, quiet)) < 0.01, rng.random((runs, 6000)) < rate], axis=1)
            first = np.argmax(detector.path(x) >= math.log(threshold), axis=1) + 1
            delays.append((first[first > quiet] - quiet).mean())
        book.row(f"{recursion} {threshold}", reference, delays, absolute=4, relative=0.12)
        reached = detector.path(rng.random((200, 80_000)) < 0.01) >= math.log(threshold)
        length = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 80_000).mean()
        book.row(
            f"{recursion}: mean time to a false alarm",
            [15_700 if threshold > 1000 else 10_000],
            [length],
            absolute=0,
            relative=0.2,
        )


def judge(book: Ledger) -> None:
    book.title("Judge Se .90, Sp .95, N = 2000, 200 labels (simulated): coverage %, width in points")
    rng = np.random.default_rng(6)
    size = 2000
    table = {
        0.005: {
            "mover": (97.2, 2.9),
            "planted": (99.0, 0.9),
            "rogan-gladen": (95.8, 4.2),
            "ppi++": (65.0, 1.4),
        },
        0.01: {
            "mover": (97.3, 3.2),
            "planted": (98.5, 1.3),
            "rogan-gladen": (95.7, 4.6),
            "ppi++": (84.2, 2.2),
        },
        0.02: {
            "mover": (97.7, 3.6),
            "planted": (98.7, 1.9),
            "rogan-gladen": (94.9, 5.5),
            "ppi++": (89.8, 3.3),
        },
        0.05: {
            "mover": (97.0, 4.6),
            "planted": (98.7, 3.3),
            "rogan-gladen": (95.2, 7.8),
            "ppi++": (92.9, 4.7),
        },
        0.10: {
            "mover": (98.0, 5.8),
            "planted": (99.2, 5.0),
            "rogan-gladen": (95.5, 9.0),
            "ppi++": (94.4, 5.8),
        },
        0.20: {
            "mover": (96.1, 7.4),
            "planted": (99.5, 7.8),
            "rogan-gladen": (95.3, 9.4),
            "ppi++": (94.1, 6.9),
        },
    }
    for p, methods in table.items():
        found: dict[str, list[stats.Interval]] = {name: [] for name in methods}
        for _ in range(book.runs):
            truth = rng.random(size) < p
            flag = np.where(truth, rng.random(size) < 0.90, rng.random(size) >= 0.95)
            flags, hits = int(flag.sum()), int((flag & truth).sum())
            labelled = min(60, flags)
            found["mover"].append(
                stats.two_phase(
                    n=size,
                    flagged=flags,
                    flagged_labelled=labelled,
                    flagged_violations=int(truth[flag][:labelled].sum()),
                    clean_labelled=140,
                    clean_violations=int(truth[~flag][:140].sum()),
                )
            )
            found["planted"].append(
                stats.planted_recall(
                    n=size,
                    flagged=flags,
                    flagged_labelled=flags,
                    flagged_violations=hits,
                    planted=100,
                    planted_found=int(rng.binomial(100, 0.9)),
                )
            )
            found["rogan-gladen"].append(
                stats.rogan_gladen(
                    flags,
                    size,
                    sensitivity_hits=int(rng.binomial(50, 0.9)),
                    sensitivity_n=50,
                    specificity_hits=int(rng.binomial(150, 0.95)),
                    specificity_n=150,
                )
            )
            found["ppi++"].append(stats.ppi_plus_plus(truth[:200], flag[:200], flag[200:]))
        for name, (coverage, width) in methods.items():
            covered = 100 * np.mean([i.contains(p) for i in found[name]])
            mean_width = 100 * np.mean([i.width for i in found[name]])
            book.row(
                f"p={p} {name}: coverage", [coverage], [covered], absolute=3.0 if name == "ppi++" else 1.7
            )
            book.row(f"p={p} {name}: width", [width], [mean_width], absolute=0.15, relative=0.08)


TABLES: dict[str, Callable[[Ledger], None]] = {
    "intervals": intervals,
    "gate": gate,
    "peeking": peeking,
    "clusters": clusters,
    "conjunctive": conjunctive,
    "regression": regression,
    "drift": drift,
    "judge": judge,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1500, help="simulations per row (default 1500)")
    parser.add_argument(
        "--only", default=",".join(TABLES), help=f"comma-separated tables: {', '.join(TABLES)}"
    )
    options = parser.parse_args()
    book = Ledger(options.runs)
    started = time.perf_counter()
    for name in options.only.split(","):
        if name not in TABLES:
            parser.error(f"unknown table {name!r}; known: {', '.join(TABLES)}")
        TABLES[name](book)
    print(f"\n{book.rows - len(book.misses)} of {book.rows} rows ok in {time.perf_counter() - started:.0f} s")
    for label in book.misses:
        print(f"  MISS {label}")
    return 1 if book.misses else 0


if __name__ == "__main__":
    sys.exit(main())
