"""The latency within which 99 % of the answers come, in milliseconds."""

from safecase.gate.metrics._quantity import LatencyMetric

METRIC = LatencyMetric(name="latency_p99_ms", quantile=0.99, share="99 %")
