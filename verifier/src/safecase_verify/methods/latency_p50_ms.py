"""The median of the latency of answers."""

from safecase_verify.methods._latency import latency_method

METHOD = latency_method(0.5)
