"""Scorers as a workspace names them, with the judges and cards that stand behind them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack

from safecase.base import InputError, digest
from safecase.model import (
    BuildContext,
    Case,
    Expectation,
    Scorer,
    ScorerCard,
    ScorerConfiguration,
    ScorerReference,
    Target,
)
from safecase.scorers import build_scorer, find_card, read_card, shipped_cards
from safecase.targets import build_target
from safecase.workflow._own_scorers import load_scorer
from safecase.workflow._project import Project, pick


class ScorerSource:
    """Builds the scorers of one run: own names first, then the built-in ones."""

    def __init__(self, project: Project, target: Target, cases: Iterable[Case]) -> None:
        self._named = {item.id: item for item in project.workspace.scorers}
        self._root = project.workspace.root
        self._positions = dict(project.workspace.positions)
        expectations = {digest(item): item for case in cases for item in case.expect}
        self.expectations = tuple(expectations.values())
        self.judges = self._build_judges(project)
        self._context = BuildContext(
            root=self._root,
            judges=self.judges,
            target_model=target.fingerprint().get("model", ""),
            canaries=target.canaries,
            system_prompt=target.system_prompt,
        )

    def _resolve(self, expectation: Expectation) -> tuple[str, dict[str, object], ScorerConfiguration | None]:
        """Kind, parameters and declaration of the scorer that an expectation names."""
        named = self._named.get(expectation.scorer)
        if named is None:
            return expectation.scorer, dict(expectation.parameters), None
        return named.scorer, {**named.parameters, **expectation.parameters}, named

    def _build_judges(self, project: Project) -> dict[str, Target]:
        judges: dict[str, Target] = {}
        for expectation in self.expectations:
            _, parameters, _ = self._resolve(expectation)
            several = parameters.get("judges")
            names = [parameters.get("judge"), *(several if isinstance(several, (list, tuple)) else ())]
            for name in names:
                if isinstance(name, str) and name and name not in judges:
                    configuration = pick(project.workspace.targets, name, "judge target")
                    judges[name] = build_target(configuration, project.workspace.root)
        return judges

    async def start_judges(self, stack: AsyncExitStack) -> None:
        """Open every judge; they are closed with ``stack``."""
        for judge in self.judges.values():
            await judge.start()
            stack.push_async_callback(judge.close)

    def build(self, expectation: Expectation) -> Scorer:
        """The scorer behind one expectation; raises InputError naming what is wrong in it."""
        name, parameters, named = self._resolve(expectation)
        if named is not None and named.python is not None:
            try:
                return load_scorer(named.id, named.python, parameters, self._context)
            except InputError as error:
                place = self._positions.get(("scorers", named.id))
                where = str(place) if place else error.where
                raise InputError(error.message, where=where, hint=error.hint) from None
        return build_scorer(name, parameters, self._context)

    def references(self) -> tuple[tuple[ScorerReference, ...], tuple[ScorerCard, ...]]:
        """What the manifest records: each scorer with its version, and the cards that measure them."""
        references: dict[str, ScorerReference] = {}
        cards: dict[str, ScorerCard] = {}
        for expectation in self.expectations:
            scorer = self.build(expectation)
            kind, _, named = self._resolve(expectation)
            card = self._card(scorer, named)
            if card is not None:
                cards[digest(card)] = card
            judge = expectation.parameters.get("judge")
            references[expectation.scorer] = ScorerReference(
                name=expectation.scorer,
                version=scorer.version,
                kind=kind if named is not None else "",
                parameters=dict(named.parameters) if named is not None else {},
                own_code=named is not None and named.python is not None,
                surroundings=self._surroundings(),
                card_digest=digest(card) if card else "",
                judge_model=self._judge_model(judge if isinstance(judge, str) else ""),
            )
        ordered = tuple(references[name] for name in sorted(references))
        return ordered, tuple(cards.values())

    def _surroundings(self) -> tuple[str, ...]:
        """What the target has that scorers may read and no record holds."""
        held = {"canaries": self._context.canaries, "system_prompt": self._context.system_prompt}
        return tuple(name for name, value in held.items() if value)

    def _judge_model(self, name: str) -> str:
        judge = self.judges.get(name)
        return judge.fingerprint().get("model", "") if judge else ""

    def _card(self, scorer: Scorer, named: ScorerConfiguration | None) -> ScorerCard | None:
        """The card that the workspace names, or one that ships. Raises InputError where it measures another
        version."""
        if named is not None and named.card:
            card = read_card(self._root / named.card)
            if card.scorer_version != scorer.version:
                raise InputError(
                    f"the card measures {card.scorer} {card.scorer_version}, but {scorer.version} is in use",
                    where=named.card,
                    hint="calibrate again",
                )
            return card
        return find_card(scorer.name, scorer.version, shipped_cards())
