"""The share of attempts that failed for technical reasons."""

from safecase_verify.methods._rate import rate_method

METHOD = rate_method("selected", event="error")
