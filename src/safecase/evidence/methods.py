"""Which metrics the verifier recomputes, for those who ask what is plugged in."""

from __future__ import annotations

from safecase.base import Registry
from safecase_verify import Method, methods

METHODS: Registry[Method] = Registry(
    "metric method",
    packages=[methods.__name__],
    group=methods.GROUP,
    attribute="METHOD",
    accepts=lambda found: found if isinstance(found, Method) else None,
)
"""Metric → how it is recomputed: the files of ``safecase_verify.methods``, and what installed packages add
through the entry-point group. The verifier finds the same by code of its own."""
