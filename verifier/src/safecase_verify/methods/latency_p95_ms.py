"""The 95 % quantile of the latency of answers."""

from safecase_verify.methods._latency import latency_method

METHOD = latency_method(0.95)
