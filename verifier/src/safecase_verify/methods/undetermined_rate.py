"""The share of attempts that stayed undecided."""

from safecase_verify.methods._rate import rate_method

METHOD = rate_method("selected", event="undetermined")
