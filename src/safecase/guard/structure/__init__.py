"""Answers in a declared form."""
