"""Advice of weight, and claims to be human."""
