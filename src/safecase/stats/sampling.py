"""Draw orders committed before a run, allocation of draws, and where the variance comes from.

Orders are derived from raw PCG64 output, whose stream numpy guarantees never to change, and stable
sorts: the same seed gives the same order in every version and on every machine.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats.sequential.eprocess import FloatArray, IntArray


def fresh_family_order(families: Sequence[Hashable], seed: int) -> IntArray:
    """A random permutation of the cases in which each round draws at most one case of each family.

    `families`, one per case, shape (n,). Every prefix of F draws (F families) has F different families, so
    draws are as good as independent as long as they last; measured 249-343 calls where repeats of the same
    families need over 1,000. Raises `EmptyDenominatorError` without cases.
    """
    codes = _codes(families)
    keys = _keys(seed, 2 * codes.size).reshape(2, codes.size)
    return np.asarray(np.lexsort((keys[1], _round_of(codes, keys[0]))), dtype=np.int64)


def weighted_category_order(
    families: Sequence[Hashable], categories: Sequence[Hashable], weights: dict[Hashable, float], seed: int
) -> IntArray:
    """An order in which each draw picks a category with probability `weights`, then a fresh family within it.

    `families` and `categories`: one per case. Every case appears once; once a category is used up, the rest
    are drawn with renormalised weights, so the mixture of `weights` is exact only up to that point. Raises
    `EmptyDenominatorError` without cases, `StatisticsError` for missing or non-positive weights.
    """
    group = _codes(categories)
    names = list(dict.fromkeys(categories))
    if len(families) != group.size:
        raise StatisticsError(
            f"{len(families)} families but {group.size} categories; give one of each per case"
        )
    missing = [str(name) for name in names if not weights.get(name, 0.0) > 0]
    if missing:
        raise StatisticsError(f"a positive weight is needed for categories {missing}")
    within = fresh_family_order(families, seed)
    queues = [within[group[within] == g] for g in range(len(names))]
    share = np.array([weights[name] for name in names], dtype=np.float64)
    left = np.array([len(q) for q in queues])
    uniform = _keys(seed + 1, group.size) / 2.0**64
    order = np.empty(group.size, dtype=np.int64)
    for i, u in enumerate(uniform.tolist()):
        cumulative = np.cumsum(np.where(left > 0, share, 0.0))
        g = int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))
        g = min(g, int(np.flatnonzero(left > 0)[-1]))
        order[i] = queues[g][len(queues[g]) - left[g]]
        left[g] -= 1
    return order


def stratified_round_order(
    families: Sequence[Hashable], strata: Sequence[Hashable], per_round: dict[Hashable, int], seed: int
) -> tuple[IntArray, int]:
    """Complete rounds with `per_round[stratum]` fresh-family cases of each stratum: (order, round length).

    Ends with the last complete round that the cases allow. Evidence with a constant bet inside a round may be
    judged only at round ends. Raises `EmptyDenominatorError` without cases, `StatisticsError` if a stratum
    has no positive count or cannot fill one round.
    """
    group = _codes(strata)
    names = list(dict.fromkeys(strata))
    if len(families) != group.size:
        raise StatisticsError(f"{len(families)} families but {group.size} strata; give one of each per case")
    counts = [int(per_round.get(name, 0)) for name in names]
    if min(counts) < 1:
        raise StatisticsError("per_round must give every stratum at least one draw")
    within = fresh_family_order(families, seed)
    queues = [within[group[within] == g] for g in range(len(names))]
    rounds = min(len(q) // c for q, c in zip(queues, counts, strict=True))
    if rounds == 0:
        raise StatisticsError("a stratum has fewer cases than one round needs")
    length = sum(counts)
    keys = _keys(seed + 1, rounds * length).reshape(rounds, length)
    order = []
    for r in range(rounds):
        chosen = np.concatenate([q[r * c : (r + 1) * c] for q, c in zip(queues, counts, strict=True)])
        order.append(chosen[np.argsort(keys[r], kind="stable")])
    return np.concatenate(order), length


def neyman_allocation(
    total: int, weights: npt.ArrayLike, rates: npt.ArrayLike, *, floors: npt.ArrayLike = 0
) -> IntArray:
    """Draws per stratum, shape (K,), summing to `total`: n_k ~ w_k sqrt(p_k (1 - p_k)), with floors.

    `rates` are prior guesses, kept off 0 and 1 by 1e-4. `floors` protect strata believed safe: 59 or 149 per
    stratum to certify 5 % or 2 %. Largest remainders round. Raises `StatisticsError` if the floors exceed
    `total`, or for arguments out of range.
    """
    w = np.asarray(weights, dtype=np.float64)
    p = np.asarray(rates, dtype=np.float64)
    if w.ndim != 1 or w.size == 0 or p.shape != w.shape or not np.all(w >= 0) or not w.sum() > 0:
        raise StatisticsError("weights must be non-negative, not all zero, with one rate for each")
    if not np.all((p >= 0) & (p <= 1)):
        raise StatisticsError("rates must lie in [0, 1]")
    least = np.broadcast_to(np.asarray(floors, dtype=np.int64), w.shape).copy()
    if least.sum() > total:
        raise StatisticsError(f"the floors need {least.sum()} draws, more than the total of {total}")
    p = np.clip(p, 1e-4, 1 - 1e-4)
    score = w * np.sqrt(p * (1 - p))
    fixed = np.zeros(w.size, dtype=np.bool_)
    while True:
        free = ~fixed
        share = np.zeros(w.size)
        budget = total - least[fixed].sum()
        if score[free].sum() > 0:
            share[free] = budget * score[free] / score[free].sum()
        elif free.any():
            share[free] = budget / free.sum()
        short = free & (share < least)
        if not short.any():
            break
        fixed |= short
    exact = np.where(fixed, least, share)
    counts = np.floor(exact + 1e-9).astype(np.int64)
    remainder = np.argsort(-(exact - counts), kind="stable")[: total - int(counts.sum())]
    counts[remainder] += 1
    return counts


@dataclass(frozen=True)
class VarianceDecomposition:
    """Variance of a 0/1 outcome by level, in squared probability; shares of the total are the ICCs.

    `family_icc`: correlation of two outcomes of one family but different prompts. `prompt_icc`: of two
    attempts on one prompt. `design_effect`: variance of the mean relative to as many independent draws.
    """

    family: float
    prompt: float
    attempt: float
    family_icc: float
    prompt_icc: float
    design_effect: float


def variance_decomposition(
    outcomes: npt.ArrayLike, families: Sequence[Hashable], prompts: Sequence[Hashable]
) -> VarianceDecomposition:
    """Nested analysis of variance: family / prompt within family / attempt; unbalanced data allowed.

    `outcomes` in [0, 1], shape (n,), with the family and prompt of each. Method of moments, negative
    components set to 0; a level without repeats (one attempt per prompt) contributes to the one above it.
    Raises `EmptyDenominatorError` without outcomes, `StatisticsError` for fewer than two families.
    """
    y = np.asarray(outcomes, dtype=np.float64).ravel()
    family = _codes(families)
    if not y.size == family.size == len(prompts):
        raise StatisticsError("outcomes, families and prompts need one entry per attempt")
    prompt = _codes(list(zip(family.tolist(), prompts, strict=True)))
    n, f_count, p_count = y.size, int(family.max()) + 1, int(prompt.max()) + 1
    if f_count < 2:
        raise StatisticsError("a variance decomposition needs at least two families")
    in_prompt = np.bincount(prompt).astype(np.float64)
    in_family = np.bincount(family).astype(np.float64)
    owner = np.zeros(p_count, dtype=np.int64)
    owner[prompt] = family
    prompt_mean = np.bincount(prompt, y) / in_prompt
    family_mean = np.bincount(family, y) / in_family
    within_ss = float(np.sum((y - prompt_mean[prompt]) ** 2))
    prompt_ss = float(np.sum(in_prompt * (prompt_mean - family_mean[owner]) ** 2))
    family_ss = float(np.sum(in_family * (family_mean - y.mean()) ** 2))
    squares = np.bincount(owner, in_prompt**2, minlength=f_count)
    within_prompts = float(np.sum(squares / in_family))
    attempt = within_ss / (n - p_count) if n > p_count else 0.0
    between = 0.0
    if p_count > f_count:
        per_prompt = (n - within_prompts) / (p_count - f_count)
        between = max(0.0, (prompt_ss / (p_count - f_count) - attempt) / per_prompt)
    over_prompts = (within_prompts - float(np.sum(in_prompt**2)) / n) / (f_count - 1)
    over_families = (n - float(np.sum(in_family**2)) / n) / (f_count - 1)
    top = max(0.0, (family_ss / (f_count - 1) - attempt - over_prompts * between) / over_families)
    total = attempt + between + top
    family_icc = top / total if total > 0 else 0.0
    prompt_icc = (top + between) / total if total > 0 else 0.0
    pairs_family, pairs_prompt = float(np.sum(in_family**2)) / n, float(np.sum(in_prompt**2)) / n
    effect = 1 + (pairs_prompt - 1) * prompt_icc + (pairs_family - pairs_prompt) * family_icc
    return VarianceDecomposition(top, between, attempt, family_icc, prompt_icc, effect)


def _codes(labels: Sequence[Hashable]) -> IntArray:
    """Labels as whole numbers in the order of their first occurrence."""
    index: dict[Hashable, int] = {}
    codes = [index.setdefault(label, len(index)) for label in labels]
    if not codes:
        raise EmptyDenominatorError("no cases to order")
    return np.asarray(codes, dtype=np.int64)


def _keys(seed: int, count: int) -> npt.NDArray[np.uint64]:
    """``count`` random numbers of the seed, the same on every machine and by every version of numpy."""
    if seed < 0:
        raise StatisticsError(f"a seed must not be negative, got {seed}")
    return np.asarray(np.random.PCG64(seed).random_raw(count), dtype=np.uint64)


def _round_of(codes: IntArray, keys: npt.NDArray[np.uint64]) -> FloatArray:
    """Rank of each case within its family by key: the round in which its family offers it."""
    order = np.lexsort((keys, codes))
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))[:-1]])
    rank = np.empty(codes.size, dtype=np.float64)
    rank[order] = np.arange(codes.size) - starts[codes[order]]
    return rank
