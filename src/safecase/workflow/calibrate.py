"""Measuring a scorer against people, from a labels file to a card."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from safecase.base import InputError
from safecase.model import BuildContext, Estimate, OutcomeKind, Scorer, ScorerCard, with_interval
from safecase.scorers import LabelColumns, build_scorer, measure_scorer, read_labelled, write_card
from safecase.workflow._own_scorers import load_scorer
from safecase.workflow._project import Project


def calibrate_scorer(
    scorer: str,
    labels: Path,
    output: Path | None,
    *,
    columns: LabelColumns | None = None,
    outcomes: dict[str, str] | None = None,
    held_out: bool = False,
    workspace: Path | None = None,
) -> tuple[ScorerCard, list[str]]:
    """The card of a scorer on a labels file, and lines that tell it to a person.

    ``outcomes`` maps each human label to held, violated or undetermined; by default labels are those
    words themselves. ``workspace``: its scorers can be measured by their id; one of its own runs its code.
    Raises InputError for files and labels that do not read.
    """
    data = read_labelled(labels, columns)
    meaning = {
        kind.value: kind for kind in (OutcomeKind.HELD, OutcomeKind.VIOLATED, OutcomeKind.UNDETERMINED)
    }
    for label, word in (outcomes or {}).items():
        if word not in meaning:
            raise InputError(f"'{word}' is no outcome", hint="held, violated or undetermined")
        meaning[label] = OutcomeKind(word)
    result = measure_scorer(
        _scorer(scorer, workspace),
        data,
        label_outcomes=meaning,
        measured=datetime.now(UTC).date(),
        held_out=held_out,
        label_meaning="the expectation is violated",
    )
    card = result.card
    if output is not None:
        write_card(card, output)
    return card, _lines(card)


def _scorer(name: str, workspace: Path | None) -> Scorer:
    """The workspace's scorer of that id, else the kind of that name with its usual parameters."""
    if workspace is not None and (workspace / "safecase.yaml").exists():
        project = Project.open(workspace)
        named = next((item for item in project.workspace.scorers if item.id == name), None)
        if named is not None and named.python is not None:
            context = BuildContext(root=project.workspace.root)
            return load_scorer(named.id, named.python, named.parameters, context)
        if named is not None:
            return build_scorer(named.scorer, named.parameters)
    return build_scorer(name, {})


def _lines(card: ScorerCard) -> list[str]:
    lines = [f"{card.scorer} {card.scorer_version} on {card.labels}"]
    for item in card.performance:
        total = item.true_positives + item.false_positives + item.true_negatives + item.false_negatives
        kappa = "" if item.cohen_kappa is None else f", Cohen's kappa {item.cohen_kappa:.2f}"
        alpha = (
            "" if item.krippendorff_alpha is None else f", Krippendorff's alpha {item.krippendorff_alpha:.2f}"
        )
        lines.append(f"{item.category}: {total} labels, {item.undetermined} undetermined{kappa}{alpha}")
        lines.append(f"  sensitivity {_tell(item.sensitivity)}  specificity {_tell(item.specificity)}")
        lines.append(
            f"  people violated: {item.true_positives} found, {item.false_negatives} missed; "
            f"people held: {item.true_negatives} passed, {item.false_positives} flagged"
        )
    if card.human_agreement is not None:
        lines.append(f"agreement between the people: Krippendorff's alpha {card.human_agreement:.2f}")
    return lines


def _tell(estimate: Estimate | None) -> str:
    """A rate for people."""
    return "not measured: no such label" if estimate is None else with_interval(estimate)
