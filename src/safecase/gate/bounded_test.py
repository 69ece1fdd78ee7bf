"""The sequential decision on a stream of numbers in [0, 1], all at once, for long streams.

The same bets, the same sums in the same order and the same precedence as
`safecase.stats.sequential.bounded.BoundedSequentialTest`, which takes one number at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from safecase.stats import BoundedGatePlan, crosses, log_threshold

_FIRST_LOOK = 4096


def first_bounded_decision(plan: BoundedGatePlan, values: NDArray[np.float64]) -> tuple[str, int]:
    """The first decision along ``values``, shape (n,), and the number of values that it took.

    ``ship``, ``block_proven``, ``futility``, ``exhausted``, or ``open`` where nothing was decided.
    Raises StatisticsError for values outside [0, 1].
    """
    stream = values[: plan.n_max]
    if len(stream) > _FIRST_LOOK:
        kind, n = _look(plan, stream[:_FIRST_LOOK])
        if kind != "open":
            return kind, n
    return _look(plan, stream)


def _look(plan: BoundedGatePlan, values: NDArray[np.float64]) -> tuple[str, int]:
    if not len(values):
        return "open", 0
    tests = [("ship", plan.ship, plan.alpha), ("block_proven", plan.block, plan.alpha)]
    if plan.futility is not None:
        tests.append(("futility", plan.futility, plan.futility_error))
    paths = [(kind, crosses(bets.log_e_path(values), log_threshold(error))) for kind, bets, error in tests]
    first = min((int(np.argmax(path)) for _, path in paths if path.any()), default=-1)
    if first >= 0:
        return next(kind for kind, path in paths if path[first]), first + 1
    return ("exhausted" if len(values) >= plan.n_max else "open"), len(values)
