"""Tests that may stop at any time."""
