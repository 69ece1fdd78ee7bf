"""The check for secrets: keys, tokens, credentials in links, labelled passwords."""

from __future__ import annotations

from safecase.base import JsonObject
from safecase.guard._check import Check, CheckContext
from safecase.guard.personal_data.pii import PersonalDataCheck, PersonalDataParameters


def build(parameters: JsonObject, context: CheckContext) -> Check:
    """Builds the check for secrets."""
    del context
    return PersonalDataCheck(PersonalDataParameters.model_validate(parameters), secrets=True)
