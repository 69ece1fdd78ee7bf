"""The share of harmless requests that were refused."""

from safecase_verify.methods._rate import rate_method

METHOD = rate_method("useful", event="violated")
