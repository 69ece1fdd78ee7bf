"""Checking a pack without trusting who made it."""
