"""The check for secrets: keys, tokens, credentials in links, labelled passwords."""

from __future__ import annotations

from safecase.guard._check import Check
from safecase.guard._registry import CHECKS
from safecase.guard.personal_data.pii import PersonalDataCheck, PersonalDataParameters


@CHECKS.register("secrets", version="2", parameters=PersonalDataParameters)
def build(parameters: PersonalDataParameters) -> Check:
    """Builds the check for secrets."""
    return PersonalDataCheck(parameters, secrets=True)
