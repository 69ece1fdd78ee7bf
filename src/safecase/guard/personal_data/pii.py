"""The checks for personal data and for secrets: find, then mask, hash, tokenise, drop, flag or block."""

from __future__ import annotations

import os
from functools import partial
from typing import Literal

from pydantic import Field

from safecase.base import InputError, Record
from safecase.guard._check import Check, StreamStage
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard.personal_data._redactor import (
    EntityAction,
    RedactingStream,
    Substitute,
    hashed,
    write_kind,
    write_nothing,
)
from safecase.guard.personal_data._vault import Vaults
from safecase.model import CheckResult, FlowPoint, GuardAction, Replacement, TextSpan
from safecase.text import Finding, personal_data_finder, personal_data_kinds, secret_finder, secret_kinds

VERSION = "2"
_MOST_EVIDENCE = 256
"""Spans of a verdict: a table of customers has many, and all are masked whether or not they are listed."""
_ACTIONS: dict[EntityAction, GuardAction] = {
    "mask": GuardAction.REDACT,
    "hash": GuardAction.REDACT,
    "tokenise": GuardAction.REDACT,
    "drop": GuardAction.REDACT,
    "keep": GuardAction.ALLOW,
    "flag": GuardAction.FLAG,
    "block": GuardAction.BLOCK,
}


class PersonalDataParameters(Record):
    """What is looked for and what is done with it."""

    entities: tuple[str, ...] = ()
    """Kinds that are looked for; empty: all."""
    action: EntityAction = "mask"
    actions: dict[str, EntityAction] = {}
    """Entity → what is done with it, where that is not ``action``."""
    countries: tuple[str, ...] = ()
    """Locale packs of national ids, ISO 3166 codes; empty: all."""
    allow: tuple[str, ...] = ()
    """Values that may pass, and ``@domain`` for the addresses of a mail domain."""
    minimum_confidence: float = Field(default=0.5, ge=0, le=1)
    hash_key_env: str = "SAFECASE_HASH_KEY"
    """Environment variable of the key for ``hash``."""
    vault_seconds: float = Field(default=3600, gt=0)
    """A session's values are forgotten after so long without use."""
    encoded: Literal["redact", "ignore"] = "redact"
    """What is done with personal data inside encodings: the whole encoded piece is replaced."""


class PersonalDataCheck:
    """Personal data, or secrets, in any reading of a text."""

    surfaces = frozenset(FlowPoint)

    def __init__(self, parameters: PersonalDataParameters, *, secrets: bool) -> None:
        known = secret_kinds() if secrets else personal_data_kinds()
        wanted = frozenset(parameters.entities) or None
        for name in parameters.actions:
            if name not in known:
                raise InputError(f"there is no entity '{name}'", hint=f"known: {', '.join(sorted(known))}")
        self.parameters = parameters
        self.version = f"{VERSION}-{'secrets' if secrets else 'personal'}"
        allow, minimum = frozenset(parameters.allow), parameters.minimum_confidence
        if secrets:
            self._finder = secret_finder(wanted, allow=allow, minimum_confidence=minimum)
        else:
            countries = frozenset(country.lower() for country in parameters.countries)
            self._finder = personal_data_finder(
                wanted, countries=countries, allow=allow, minimum_confidence=minimum
            )
        self.vaults = Vaults(seconds=parameters.vault_seconds)
        self._hash: Substitute | None = None
        if "hash" in {parameters.action, *parameters.actions.values()}:
            key = os.environ.get(parameters.hash_key_env, "")
            if not key:
                raise InputError(f"hashing needs a key in the environment variable {parameters.hash_key_env}")
            self._hash = hashed(key.encode())

    def inspect(self, content: Content) -> CheckResult:
        """Everything found in the original, the normalised and the decoded readings, with its replacement."""
        text = content.text
        found = self._finder.find(text)
        readings = content.readings
        taken = [(item.start, item.end) for item in found]
        if self.parameters.encoded == "redact":
            for reading in readings.hidden:
                for item in self._finder.find(reading.text):
                    start, end = reading.original_span(item.start, item.end)
                    # What stands there openly was found before, with exact places; a reading maps back to
                    # whole tokens.
                    if not any(start < e and s < end for s, e in taken):
                        taken.append((start, end))
                        found.append(Finding(item.entity, start, end, item.confidence))
        if not found:
            return CheckResult(score=0.0)
        found.sort(key=lambda item: item.start)
        evidence, made = [], []
        action = GuardAction.ALLOW
        substitute = partial(self._substitute, content.session)
        for item in found:
            wanted = self._action_of(item.entity)
            # A kind that is allowed is no evidence either: a log would hold what nobody minds.
            if wanted is GuardAction.ALLOW:
                continue
            evidence.append(TextSpan(item.start, item.end, item.entity))
            if wanted.strictness > action.strictness:
                action = wanted
            new = substitute(item, text[item.start : item.end])
            if new is not None:
                made.append(Replacement(item.start, item.end, new))
        if action is GuardAction.ALLOW:
            return CheckResult(score=0.0)
        counts: dict[str, int] = {}
        for span in evidence:
            counts[span.label] = counts.get(span.label, 0) + 1
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        return CheckResult(
            action,
            max(item.confidence for item in found),
            f"holds {told}",
            tuple(evidence[:_MOST_EVIDENCE]),
            tuple(made),
            details=dict(counts),
        )

    def open_stream(self, content: Content) -> StreamStage:
        """Redaction of an answer while it is written; reads the text as it comes, not its encodings."""
        return RedactingStream(self._finder.find, partial(self._substitute, content.session), self._action_of)

    def restore(self, session: str, text: str) -> str:
        """The text with the session's tokens replaced by what they stand for."""
        return self.vaults.restore(session, text)

    def _action_of(self, entity: str) -> GuardAction:
        return _ACTIONS[self.parameters.actions.get(entity, self.parameters.action)]

    def _substitute(self, session: str, item: Finding, value: str) -> str | None:
        """What is put in place of a value; None where it is only flagged or blocked."""
        action = self.parameters.actions.get(item.entity, self.parameters.action)
        if action == "mask":
            return write_kind(item.entity, value)
        if action == "drop":
            return write_nothing(item.entity, value)
        if action == "hash" and self._hash is not None:
            return self._hash(item.entity, value)
        if action == "tokenise":
            return self.vaults.of(session).token(item.entity, value)
        return None


@CHECKS.register("pii", version=VERSION, parameters=PersonalDataParameters)
def build(parameters: PersonalDataParameters) -> Check:
    """Builds the check for personal data."""
    return PersonalDataCheck(parameters, secrets=False)
