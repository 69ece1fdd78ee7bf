"""The entries of the decision log: who recommended, who decided, and the people as they stood (GAT-12,
GOV-15)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from safecase.base import JsonObject, Record, digest
from safecase.model.decisions.acceptance import Acceptance, text_digest
from safecase.model.decisions.people import People
from safecase.model.rule import Gate
from safecase.model.vocabulary import Severity, VerdictKind

SIGNATURE_NAMESPACE = "safecase-decision"
"""What signatures of the log are made for, as ``ssh-keygen -Y sign -n`` takes it."""


class _Entry(Record):
    previous_digest: str = ""
    """Digest of the entry before this one: the log is a hash chain, and a signature covers its place in it.
    """

    def content(self) -> JsonObject:
        """What is signed."""
        return self.model_dump(mode="json", by_alias=True, exclude={"signature"})

    @property
    def digest(self) -> str:
        """Digest of the entry with its signature, by which the next one names it."""
        return digest({"content": self.content(), "signature": getattr(self, "signature", "")})


class PeopleEntry(_Entry):
    """Roles, rights and keys as they stand from here on; people's names and addresses stay out of it."""

    event: Literal["people"] = "people"
    recorded_at: datetime
    people: People


class Recommendation(_Entry):
    """Who stood by a verdict when the gate made it. They may not decide on it (ROL-11)."""

    event: Literal["recommendation"] = "recommendation"
    recommended_at: datetime
    run_id: str
    gate: str
    verdict_digest: str
    """`Verdict.basis`."""
    recommended: VerdictKind
    recommender: str
    """Person id."""
    signature: str = ""
    """SSH signature in base64 by one of the person's keys; without it the name is a claim."""

    @property
    def person(self) -> str:
        """Whose name stands under the entry."""
        return self.recommender


class Decision(_Entry):
    """A person's decision on one verdict, with the exceptions that it rests on."""

    event: Literal["decision"] = "decision"
    decided_at: datetime
    run_id: str
    rules: Gate
    """The gate as it was frozen: what a later loosening is held against."""
    verdict_digest: str
    """`Verdict.basis`."""
    system_version: str
    line: str = "main"
    recommended: VerdictKind
    decision: VerdictKind
    materiality: Severity | None = None
    """The worst severity behind the rules that are not met; whose right a block takes (ROL-14)."""
    rationale: str = Field(min_length=1)
    rationale_digest: str = ""
    """In a pack: the digest of the rationale as it was signed, where its text is masked."""
    signer: str
    """Person id."""
    role: str
    recommender: str = ""
    """Person id of who recommended, as the gate recorded it; empty where a block needed nobody's word."""
    acceptances: tuple[Acceptance, ...] = ()
    signature: str = ""
    """SSH signature in base64 by one of the person's keys; without it the name is a claim."""

    @property
    def person(self) -> str:
        """Whose name stands under the entry."""
        return self.signer

    @property
    def gate(self) -> str:
        """The gate that was decided on."""
        return self.rules.id

    def content(self) -> JsonObject:
        """What is signed: every field, free texts by their digests, so that a pack can mask them."""
        left_out = {"signature", "rationale", "rationale_digest", "acceptances"}
        found: JsonObject = self.model_dump(mode="json", by_alias=True, exclude=left_out)
        return found | {
            "rationale": text_digest(self.rationale, self.rationale_digest),
            "acceptances": [item.content() for item in self.acceptances],
        }

    @property
    def matter(self) -> tuple[str, ...]:
        """What was decided, of what: signatures under the same matter count together."""
        return (self.gate, self.line, self.verdict_digest, self.decision.value,
                *sorted(item.id for item in self.acceptances))  # fmt: skip


DecisionEntry: TypeAlias = PeopleEntry | Recommendation | Decision
_ADAPTER: TypeAdapter[DecisionEntry] = TypeAdapter(Annotated[DecisionEntry, Field(discriminator="event")])


def parse_entry(line: bytes) -> DecisionEntry:
    """An entry from its line of the log; raises pydantic's ValidationError where it does not read."""
    return _ADAPTER.validate_json(line)
