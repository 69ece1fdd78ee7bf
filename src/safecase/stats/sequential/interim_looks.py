"""Exact group-sequential gates: a few looks with an error budget spent over them (Lan & DeMets 1983).

For those who must look at fixed points only. The e-process gate of `design` needs fewer calls and may
be looked at after every draw; these are here to compare against.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from safecase.base import StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.sequential.boundaries import Boundaries, conditional_power_limits

Spending = Literal["obrien-fleming", "pocock"]


def group_sequential(
    theta0: float,
    theta1: float,
    n_max: int,
    looks: int,
    *,
    alpha: float = 0.05,
    spending: Spending = "obrien-fleming",
    least_conditional_power: float = 0.30,
) -> Boundaries:
    """Boundaries with `looks` equally spaced looks at "rate <= theta0", exact binomial error spending.

    At each look the largest shipping count is chosen so that the error spent so far at theta0 stays within
    the spending function. Between looks nothing is decided. Futility: at a look, a system at `theta1` would
    ship with less than `least_conditional_power`. Raises `StatisticsError` for arguments out of range.
    """
    require_probability("theta0", theta0)
    require_probability("alpha", alpha)
    if not 0 < theta1 < theta0:
        raise StatisticsError(f"theta1 must satisfy 0 < theta1 < theta0 = {theta0}, got {theta1}")
    if not 1 <= looks <= n_max:
        raise StatisticsError(f"looks must lie in 1..{n_max}, got {looks}")
    if spending not in ("obrien-fleming", "pocock"):
        raise StatisticsError(f"spending must be 'obrien-fleming' or 'pocock', got {spending!r}")
    at = np.unique(np.rint(np.arange(1, looks + 1) * n_max / looks).astype(np.int64))
    ship = np.full(n_max + 1, -1, dtype=np.int64)
    alive = np.zeros(n_max + 2)
    alive[0] = 1.0
    spent = 0.0
    for n in range(1, n_max + 1):
        alive[1:] = alive[1:] * (1 - theta0) + alive[:-1] * theta0
        alive[0] *= 1 - theta0
        if n in at:
            allowed = _spending(spending, alpha, n / n_max) - spent
            reached = np.cumsum(alive) <= allowed
            count = int(np.argmin(reached))
            ship[n] = count - 1
            spent += float(alive[:count].sum())
            alive[:count] = 0.0
    never = n_max + 1
    stop = np.full(n_max + 1, never, dtype=np.int64)
    if least_conditional_power > 0:
        stop[at] = conditional_power_limits(ship, n_max, theta1, least_conditional_power)[at]
    return Boundaries(n_max, tuple(ship.tolist()), tuple(stop.tolist()), (never,) * (n_max + 1))


def _spending(kind: Spending, alpha: float, time: float) -> float:
    """The error that may be spent until ``time``, a share of the planned size: Lan and DeMets (1983)."""
    from scipy.special import ndtr, ndtri

    if kind == "pocock":
        return alpha * math.log(1 + (math.e - 1) * time)
    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(time)))
