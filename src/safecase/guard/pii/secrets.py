"""The check for secrets: keys, tokens, credentials in links, labelled passwords."""

from __future__ import annotations

from safecase.guard.check import Check, CheckContext
from safecase.guard.pii.check import PersonalDataCheck, PersonalDataParameters
from safecase.model.base import JsonObject


def build(parameters: JsonObject, context: CheckContext) -> Check:
    """Builds the check for secrets."""
    del context
    return PersonalDataCheck(PersonalDataParameters.model_validate(parameters), secrets=True)
