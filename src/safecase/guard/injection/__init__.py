"""Prompt injection and jailbreaks: signatures, then a small classifier, then a neural stage where wanted."""
