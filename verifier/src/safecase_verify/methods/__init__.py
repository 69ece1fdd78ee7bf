"""How the verifier recomputes each metric: one file a metric, under the name that rules give it.

Written a second time on purpose, with scipy, numpy and the standard library alone: nothing here imports
``safecase.gate`` or ``safecase.stats``, so that a fault there cannot hide here. A file without a leading
underscore defines ``METHOD``, and `METHODS` finds it by its name; a test holds its names equal to those of
`safecase.model.METRICS`. What cannot be recomputed is named, never passed over.
"""

from __future__ import annotations

from safecase.base import Registry
from safecase_verify.methods._method import Method

METHODS: Registry[Method] = Registry(
    "metric method",
    packages=[__name__],
    group="safecase.metric_method",
    attribute="METHOD",
    accepts=lambda found: found if isinstance(found, Method) else None,
)
"""Metric → how it is recomputed. Outside packages that add a metric add its method through the entry-point
group ``safecase.metric_method``."""
