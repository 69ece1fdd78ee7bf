"""Answers against their sources."""
