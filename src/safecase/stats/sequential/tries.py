"""Several tries of one claim on data that nobody saw: what each may spend, and how many there can be.

Until the first pass a team hears one word of each try, "not yet", so that its k-th candidate is the same
whatever the unseen outcomes were. The chance that the k-th is the first false pass is then at most its own
error, and with ``error / (k (k + 1))`` for the k-th try those sum to ``error``, however many tries follow.
"""

from __future__ import annotations

import math

from safecase.base import StatisticsError
from safecase.stats._requirements import require_probability


def error_of_try(error: float, number: int) -> float:
    """The error that the ``number``-th try may spend of ``error``: ``error / (number (number + 1))``.

    Raises StatisticsError for a number below 1.
    """
    if number < 1:
        raise StatisticsError("tries are counted from 1")
    return require_probability("error", error) / (number * (number + 1))


def tries_carried(families: int, bound: float, error: float) -> int:
    """The last try in which ``families`` independent families can still claim "rate <= bound".

    The largest k with ``ln(error / (k (k + 1))) / ln(1 - bound) <= families``, none of them failing; 0 where
    they are too few for the first. Raises StatisticsError where bound or error are not inside (0, 1).
    """
    # The chance that so many families hold although the rate is at the bound: what the try must exceed.
    log_chance = families * math.log1p(-require_probability("bound", bound))
    log_room = math.log(require_probability("error", error)) - log_chance + 1e-9
    if log_room < math.log(2):
        return 0
    # k (k + 1) <= exp(log_room); beyond this many tries nobody counts.
    if log_room > 40:
        return int(math.exp(20))
    return int((math.sqrt(1 + 4 * math.exp(log_room)) - 1) / 2)
