"""An exception as an object: one rule's miss on one thing, accepted for a time."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from safecase.base import JsonObject, Record, digest, digest_bytes
from safecase.model.estimate import Estimate
from safecase.model.vocabulary import Severity


def text_digest(text: str, original: str = "") -> str:
    """The digest that stands for a free text; ``original`` is that of the whole text where this one is
    masked."""
    return original or digest_bytes(text.encode("utf-8", "replace"))


class Acceptance(Record):
    """A miss that somebody with the right accepts. It moves a verdict while it is in force on this very
    thing.

    Without a ``rule`` it is the acceptance of a residual risk, which moves no verdict (RSK-06).
    """

    gate: str
    rule: str = ""
    category: str = ""
    """The category of the rule, as its results name it."""
    rule_digest: str = ""
    """The rule as it stood: a changed rule is another one."""
    system_version: str = ""
    """The one version that it is about; empty where it is about all of a release line."""
    line: str
    risks: tuple[str, ...] = Field(min_length=1)
    """The risks that the rule selects in that category, or the residual risk."""
    materiality: Severity
    """The worst severity at stake: whose right it takes, and how long it may last (ROL-14)."""
    seen: Estimate | None = None
    """The number at signing. Beyond its interval, the exception is open again."""
    control: str
    """The compensating control, by its id in the workspace (GAT-16)."""
    control_digest: str
    """The control as it stood, but for the day of its validation."""
    expires: date
    justification: str = Field(min_length=1)
    justification_digest: str = ""
    """In a pack: the digest of the justification as it was signed, where its text is masked."""

    def content(self) -> JsonObject:
        """What is signed: every field, the free text by its digest, so that a pack can mask it."""
        found: JsonObject = self.model_dump(
            mode="json", by_alias=True, exclude={"justification", "justification_digest"}
        )
        return found | {"justification": text_digest(self.justification, self.justification_digest)}

    @property
    def id(self) -> str:
        """The name of this acceptance: it follows from its content."""
        return "acc-" + digest(self.content()).removeprefix("sha256:")[:12]

    @property
    def about(self) -> tuple[str, ...]:
        """What it is about. A later acceptance of the same replaces it."""
        scope = (self.gate, self.rule, self.category, self.system_version, self.line)
        return scope if self.rule else (*scope, *self.risks)
