"""Intervals and sequential tests, written a second time."""
