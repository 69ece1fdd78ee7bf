"""From a file of labelled traffic to a check's threshold."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from safecase.base import InputError, suggest
from safecase.guard import (
    CHECKS,
    Check,
    Goal,
    LabelledText,
    Prices,
    ThresholdChoice,
    choose_threshold,
    make_check,
    score_texts,
)
from safecase.model import FlowPoint
from safecase.scorers import LabelColumns, read_labelled
from safecase.workflow._project import Project
from safecase.workflow.guard.build import workspace_guard


@dataclass(frozen=True)
class TrafficColumns:
    """Where things stand in the file of traffic."""

    text: str = "text"
    label: str = "label"
    harmful: tuple[str, ...] = ("1", "true", "harmful")
    """Labels that mean harmful, in lower case; every other label means harmless."""
    segment: str = ""
    language: str = ""


def read_traffic(path: Path, columns: TrafficColumns) -> list[LabelledText]:
    """The labelled texts of a file; raises InputError naming the first row that cannot be read."""
    named = {"segment": columns.segment, "language": columns.language}
    slices = {name: column for name, column in named.items() if column}
    data = read_labelled(
        path, LabelColumns(response=columns.text, labels=(columns.label,), slices=slices, family=columns.text)
    )
    harmful = {label.lower() for label in columns.harmful}
    texts = [
        LabelledText(
            text=row.response,
            harmful=row.labels[0].strip().lower() in harmful,
            segment=row.slices.get("segment", ""),
            language=row.slices.get("language", ""),
        )
        for row in data.rows
    ]
    if all(not item.text for item in texts):
        raise InputError(f"has no text in column '{columns.text}'", where=str(path), hint="--text-column")
    return texts


def calibrate_check(
    name: str,
    traffic: Path,
    *,
    goal: Goal,
    limit: float,
    confidence: float,
    surface: str,
    columns: TrafficColumns,
    prices: Prices | None,
    workspace: Path,
) -> ThresholdChoice:
    """The threshold of one check: one of the workspace's, else a kind with its usual parameters."""
    where = FlowPoint.parse(surface)
    check = _check(name, workspace)
    if where not in check.surfaces:
        raise InputError(f"check '{name}' does not look at {where.value}", hint="--surface")
    texts = read_traffic(traffic, columns)
    scores, unscored = score_texts(check, texts, where)
    return choose_threshold(
        texts, scores, goal=goal, limit=limit, confidence=confidence, prices=prices, unscored=unscored
    )


def _check(name: str, workspace: Path) -> Check:
    known: list[str] = []
    if (workspace / "safecase.yaml").exists():
        for item in workspace_guard(Project.open(workspace)).checks:
            known.append(item.id)
            if item.id == name:
                if isinstance(item.check, Check):
                    return item.check
                raise InputError(f"check '{name}' leaves the process and has no threshold to choose here")
    if name in CHECKS:
        built = make_check(name, {})
        if isinstance(built, Check):
            return built
    known += CHECKS.names()
    raise InputError(f"there is no check '{name}'", hint=suggest(name, known))


def write_curve(choice: ThresholdChoice, path: Path) -> None:
    """The whole trade-off as csv: a row a threshold, each rate with its limits."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["threshold", "miss", "miss_lower", "miss_upper", "false_refusal", "false_refusal_lower",
             "false_refusal_upper", "expected_cost"]
        )  # fmt: skip
        for point in choice.curve:
            miss, refusal = point.miss, point.false_refusal
            writer.writerow(
                [point.threshold, miss.value, miss.lower, miss.upper, refusal.value, refusal.lower,
                 refusal.upper, "" if point.expected_cost is None else point.expected_cost]
            )  # fmt: skip
