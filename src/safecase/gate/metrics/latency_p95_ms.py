"""The latency within which 95 % of the answers come, in milliseconds."""

from safecase.gate.metrics._quantity import LatencyMetric

METRIC = LatencyMetric(name="latency_p95_ms", quantile=0.95, share="95 %")
