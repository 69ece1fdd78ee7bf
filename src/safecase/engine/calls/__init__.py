"""Calls to a target within its limits: pacing, retries, budget, cache."""
