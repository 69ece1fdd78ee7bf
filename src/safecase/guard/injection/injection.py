"""The check: every reading of the text through the signatures and the classifier; the worst counts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from safecase.base import InputError, JsonValue, Record
from safecase.guard._check import Check
from safecase.guard._content import Content
from safecase.guard._linear.heads import Classifier, Panel, read_classifier, score
from safecase.guard._registry import CHECKS
from safecase.guard.injection._heads import HEADS, LABELS, PANELS, shipped_classifier
from safecase.guard.injection._signatures import SignatureSet, read_signatures, shipped_signatures
from safecase.model import BuildContext, CheckResult, FlowPoint, GuardAction, TextSpan
from safecase.text import Reading

VERSION = "2"
_MOST_EVIDENCE = 16
"""Spans of a verdict; the classifier marks whole windows, so a few show where. Chosen without measurement."""


class InjectionParameters(Record):
    """Thresholds and data of the check. Scores are probabilities of the worst place of the text."""

    block_at: float = Field(default=0.9, gt=0, le=1)
    flag_at: float = Field(default=0.75, gt=0, le=1)
    classifier: bool = True
    """False: signatures only."""
    weights: str = ""
    """Weights file, relative to the workspace; empty: those that come with the package."""
    signatures: str = ""
    """Signature file, relative to the workspace; empty: those that come with the package."""
    segments: dict[str, float] = {}
    """Segment → its own ``block_at``."""
    on_match: Literal["block", "flag", "require_approval"] = "block"
    """What is done at or above ``block_at``."""


class InjectionCheck:
    """Signatures first; what they do not settle is scored by the classifier. Both read all of the text."""

    surfaces = frozenset({FlowPoint.USER_INPUT, FlowPoint.UNTRUSTED_CONTENT, FlowPoint.MODEL_OUTPUT})
    windowed = True
    holdback = 0

    def __init__(
        self,
        parameters: InjectionParameters,
        signatures: SignatureSet,
        classifier: Classifier | None,
    ) -> None:
        self.parameters = parameters
        self._signatures = signatures
        self._classifier = classifier
        weights = classifier.digest[7:15] if classifier else "none"
        self.version = f"{VERSION}-s{signatures.version}-w{weights}"

    def inspect(self, content: Content) -> CheckResult:
        """The probability of the worst place in any reading, with what was found there."""
        head = None
        if self._classifier is not None:
            untrusted = content.surface is FlowPoint.UNTRUSTED_CONTENT
            head = self._classifier.panel(PANELS["indirect" if untrusted else "direct"])
        worst, label = 0.0, ""
        evidence: list[TextSpan] = []
        readings = content.readings
        for reading in readings.plain:
            found, what, spans = self._read(reading, content, head)
            evidence += spans
            if found > worst:
                worst, label = found, what
        parameters = self.parameters
        block_at = parameters.segments.get(content.segment, parameters.block_at)
        if worst >= block_at:
            action = GuardAction(parameters.on_match)
        elif worst >= parameters.flag_at or (readings.truncated and worst > 0.5):
            action = GuardAction.FLAG
        else:
            return CheckResult(score=worst)
        return CheckResult(
            action,
            worst,
            f"looks like an injection or a jailbreak: {label}",
            tuple(evidence[:_MOST_EVIDENCE]),
            details={"signals": list[JsonValue](sorted({span.label for span in evidence}))},
        )

    def _read(
        self, reading: Reading, content: Content, head: Panel | None
    ) -> tuple[float, str, list[TextSpan]]:
        """Score, what it rests on, and where, for one reading."""
        survival, label = 1.0, ""
        spans = []
        strongest = 0.0
        hidden = f" hidden by {reading.hidden_by}" if reading.hidden_by else ""
        for match in self._signatures.find(reading.text, content.surface):
            survival *= 1 - match.signature.weight
            spans.append(
                TextSpan(*reading.original_span(match.start, match.end), f"{match.signature.id}{hidden}")
            )
            if match.signature.weight > strongest:
                strongest, label = match.signature.weight, f"{match.signature.label}{hidden}"
        if head is not None:
            scored = score(reading.text, head, content.features_of(reading))
            survival *= 1 - scored.probability
            if scored.probability >= self.parameters.flag_at and scored.end > scored.start:
                spans.append(
                    TextSpan(
                        *reading.original_span(scored.start, scored.end), f"classifier-{scored.head}{hidden}"
                    )
                )
            if not label and scored.probability > strongest:
                label = f"{LABELS[scored.head]}, by the classifier{hidden}"
        return 1 - survival, label, spans


@CHECKS.register("injection", version=VERSION, parameters=InjectionParameters)
def build(parameters: InjectionParameters, context: BuildContext) -> Check:
    """Builds the check; raises InputError for weights or signatures that do not read."""
    if parameters.flag_at > parameters.block_at:
        raise InputError(f"flag_at {parameters.flag_at:g} lies above block_at {parameters.block_at:g}")
    signatures = shipped_signatures()
    if parameters.signatures:
        path = inside(context.root, parameters.signatures)
        signatures = SignatureSet(read_signatures(path), where=str(path))
    classifier = None
    if parameters.classifier:
        weights = inside(context.root, parameters.weights) if parameters.weights else None
        classifier = read_classifier(weights, HEADS) if weights else shipped_classifier()
    return InjectionCheck(parameters, signatures, classifier)


def inside(root: Path, name: str) -> Path:
    """A file below the workspace; raises InputError for one outside of it."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError("lies outside of the workspace", where=name)
    return path
