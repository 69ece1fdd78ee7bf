"""Records of the vocabulary as the verifier reads them from a pack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import orjson

from safecase.base import Record
from safecase.model import Case, GateRule, RunManifest, ScorerCard, Verdict
from safecase_verify.reading import records
from safecase_verify.reading._fields import read_record

Kind = TypeVar("Kind")


def as_json(record: Record) -> Any:
    """The record's JSON, as files hold it."""
    return orjson.loads(record.model_dump_json(by_alias=True))


def cases_as_read(cases: Iterable[Case]) -> tuple[records.Case, ...]:
    return tuple(read_record(records.Case, as_json(case), case.id) for case in cases)


def rule_as_read(rule: GateRule) -> records.GateRule:
    return read_record(records.GateRule, as_json(rule), rule.id)


def manifest_as_read(manifest: RunManifest) -> records.RunManifest:
    return records.read_manifest(as_json(manifest), "manifest.json")


def verdict_as_read(verdict: Verdict) -> records.Verdict:
    return records.read_verdict(as_json(verdict), "verdict.json")


def card_as_read(card: ScorerCard) -> records.ScorerCard:
    return read_record(records.ScorerCard, as_json(card), "card")
