"""The share of harmless requests that were served, by way of those that were not."""

from safecase_verify.methods._rate import rate_method

METHOD = rate_method("useful", event="violated")
