"""The latency within which half of the answers come, in milliseconds."""

from safecase.gate.metrics._quantity import LatencyMetric

METRIC = LatencyMetric(name="latency_p50_ms", quantile=0.5, share="half")
