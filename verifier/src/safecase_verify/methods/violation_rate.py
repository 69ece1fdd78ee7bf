"""The share of attempts that ended in harm."""

from safecase_verify.methods._rate import rate_method

METHOD = rate_method("harmful", event="violated")
