"""Checking what a pack claims."""
