"""The median of the latency of answers."""

from safecase.evidence.methods._latency import latency_method

METHOD = latency_method(0.5)
