"""Requests for harm: a small classifier over the whole text, window by window."""
