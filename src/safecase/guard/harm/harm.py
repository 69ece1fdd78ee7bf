"""Requests for harm, whatever words they come in: a small classifier over the whole text, window by window.

It knows harm by its words, so that a harmless text in the words of harm is its typical mistake; the card
``data/harm_card.json`` says how often. The default is therefore to flag. Of harm it knows English words
only, so that a low score says nothing where no reading is English: it gives none there.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from safecase.base import InputError, Record
from safecase.guard._check import Check
from safecase.guard._content import Content
from safecase.guard._linear.heads import Classifier, parse_classifier, read_classifier, score
from safecase.guard._registry import CHECKS
from safecase.guard.injection.injection import inside
from safecase.model import BuildContext, CheckResult, FlowPoint, GuardAction, TextSpan
from safecase.text import is_english

VERSION = "2"
WINDOWS = {"harm": 256}
"""Head → bytes that it reads together: a request is a sentence or two."""
HEADS = tuple(WINDOWS)
NOT_ASSESSED = "not assessed: no reading of the text is English"


class HarmParameters(Record):
    """Thresholds of the check. Scores are probabilities of the worst place of the text."""

    act_at: float = Field(default=0.9, gt=0, le=1)
    segments: dict[str, float] = {}
    """Segment → its own ``act_at``."""
    weights: str = ""
    """Weights file, relative to the workspace; empty: those that come with the package."""
    on_match: Literal["flag", "block", "require_approval"] = "flag"
    """What is done at or above ``act_at``."""


class HarmCheck:
    """Scores every reading of the text; the worst counts."""

    surfaces = frozenset({FlowPoint.USER_INPUT, FlowPoint.MODEL_OUTPUT})
    windowed = True
    holdback = 0

    def __init__(self, parameters: HarmParameters, classifier: Classifier) -> None:
        self.parameters = parameters
        self._panel = classifier.panel(HEADS)
        self.version = f"{VERSION}-w{classifier.digest[7:15]}"

    def inspect(self, content: Content) -> CheckResult:
        """The probability that the worst place of any reading asks for harm; no score where that is low and
        no reading is English."""
        worst, span, hidden = 0.0, None, ""
        for reading in content.readings.plain:
            found = score(reading.text, self._panel, content.features_of(reading))
            if found.probability > worst:
                worst = found.probability
                hidden = f" hidden by {reading.hidden_by}" if reading.hidden_by else ""
                span = reading.original_span(found.start, found.end) if found.end > found.start else None
        if worst < self.parameters.segments.get(content.segment, self.parameters.act_at):
            if any(is_english(reading.text) for reading in content.readings.plain):
                return CheckResult(score=worst)
            return CheckResult(reason=NOT_ASSESSED, details={"not_assessed": "language"})
        return CheckResult(
            GuardAction(self.parameters.on_match),
            worst,
            f"looks like a request for harm{hidden}",
            (TextSpan(*span, f"harm{hidden}"),) if span else (),
        )


@lru_cache(maxsize=1)
def shipped_classifier() -> Classifier:
    """The weights that come with the package; ``harm_card.json`` beside them says how they do."""
    file = files("safecase.guard.harm").joinpath("data", "weights.bin")
    return parse_classifier(file.read_bytes(), HEADS, where="the shipped weights")


@CHECKS.register("harm", version=VERSION, parameters=HarmParameters)
def build(parameters: HarmParameters, context: BuildContext) -> Check:
    """Builds the check; raises InputError for weights that do not read."""
    for segment, threshold in parameters.segments.items():
        if not 0 < threshold <= 1:
            raise InputError(f"the threshold of segment '{segment}' must be in (0, 1], not {threshold:g}")
    if not parameters.weights:
        return HarmCheck(parameters, shipped_classifier())
    return HarmCheck(parameters, read_classifier(inside(context.root, parameters.weights), HEADS))
