"""Somebody's pack, checked without trusting them."""
