"""Scorers from a Python file of the workspace. Only what runs a system imports them: `safecase run`."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from safecase.model import BuildContext, Case, Score, Scorer, Transcript
from safecase.scorers import SCORERS, checked_parameters
from safecase.targets import CodeReference

_DIGITS = 12
"""Of the code's digest: 48 bits tell any two states of a file apart that people will ever write."""


class OwnScorer:
    """A scorer of the workspace under the id that it has there. The digest of its code is a part of its
    version, so that evidence and cards notice a changed file."""

    def __init__(self, scorer: Scorer, *, name: str, code: str) -> None:
        self.name = name
        self.version = f"{scorer.version}+{code.removeprefix('sha256:')[:_DIGITS]}"
        self._scorer = scorer

    def score(self, case: Case, transcript: Transcript) -> Score | Awaitable[Score]:
        """What the class says, under this name and version."""
        found = self._scorer.score(case, transcript)
        return self._awaited(found) if isinstance(found, Awaitable) else self._with_name(found)

    async def _awaited(self, found: Awaitable[Score]) -> Score:
        return self._with_name(await found)

    def _with_name(self, score: Score) -> Score:
        return score.model_copy(update={"scorer": self.name, "scorer_version": self.version})


def load_scorer(name: str, reference: str, parameters: Mapping[str, Any], context: BuildContext) -> OwnScorer:
    """Import ``module:class`` from the workspace and build the scorer.

    Raises InputError where the file or class is not there, fails on import, is no scorer, or takes other
    parameters.
    """
    code = CodeReference.parse(reference, context.root, what=f"scorer '{name}'")
    code.require_file()
    kind = SCORERS.adopt(name, code.load(), where=f"scorer '{name}': {reference}")
    scorer = kind.create(checked_parameters(kind, parameters), context)
    return OwnScorer(scorer, name=name, code=code.version())
