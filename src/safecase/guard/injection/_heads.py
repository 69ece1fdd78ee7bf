"""What the heads of the injection classifier look for, and the weights that come with the package."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from safecase.guard._linear.heads import Classifier, parse_classifier

WINDOWS = {"direct": 320, "story": 768, "noise": 96, "indirect": 128}
"""Head → bytes that it reads together: a story around a harmful goal takes room, an instruction in data is a
sentence."""
HEADS = tuple(WINDOWS)
PANELS = {"direct": ("direct", "story", "noise"), "indirect": ("indirect",)}
"""Question → the heads that answer it; one that says yes is enough."""
SHORTEST = {"noise": 48, "story": 80}
"""Head → bytes under which a text cannot be what it looks for."""
LABELS = {
    "direct": "attack on the instructions",
    "story": "harmful goal in a story or role",
    "noise": "tail of senseless pieces",
    "indirect": "instruction in data",
}


@lru_cache(maxsize=1)
def shipped_classifier() -> Classifier:
    """The weights that come with the package; ``injection_card.json`` beside them says how they do."""
    file = files("safecase.guard.injection").joinpath("data", "weights.bin")
    return parse_classifier(file.read_bytes(), HEADS, where="the shipped weights")
