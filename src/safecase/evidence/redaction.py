"""Personal data and secrets are masked in whatever leaves the machine, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, TypeVar, cast

import orjson

from safecase.base import InfrastructureError, JsonValue, Record
from safecase.model import GATE_WORDS, Attempt, Case, CaseSource, Gate
from safecase.text import Finder, merge_spans, personal_data_finder, reserved_value, secret_finder

RecordT = TypeVar("RecordT", bound=Record)
_SHORTEST = 5
"""Characters of the shortest text that can hold a finding: an address like a@b.c."""
_REMEMBERED = 4096
"""Cases whose texts are kept for their repeats. Chosen without measurement; a forgotten one is read again."""
_MODEL_WORDS = {
    "transcript": frozenset({"finish_reason", "model"}),
    "messages": frozenset({"role"}),
    "scores": frozenset({"scorer", "scorer_version", "outcome", "judge_model"}),
    "error": frozenset({"origin", "kind"}),
}
"""Fields of the vocabulary that hold words of ours, by the record they stand in."""
_NAMES = frozenset(
    {
        "id", "gate", "metric", "select", "labels", "scorer", "category", "worst_cases", "signer",
        "recommender", "role", "risk", "previous", "predecessors", "signature",
    }
)  # fmt: skip
_NAMES_END = ("_id", "_ids", "_digest", "_version", "digest", "version", "_key", "_at")
"""Fields that name or prove something: a masked one would name nothing and prove nothing."""
_CASE_TEXTS = frozenset(
    {"title", "messages", "documents", "tools", "environment", "expect", "reference", "metadata"}
)


class Redactor:
    """Masks personal data and secrets and counts them by kind.

    ``keep`` are texts whose findings stay as they are: what the test itself contains is test data. Cases
    that come from production are masked like everything else.
    """

    def __init__(self, keep: Collection[str] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self._keep = tuple(keep)
        self._texts: dict[str, str] = {}

    def redact_text(self, text: str, keep: Collection[str] = ()) -> str:
        """``text`` with each finding replaced by ``[redacted:kind]``; linear in its length."""
        kept = (*self._keep, *keep)
        # What stands in a kept text as a whole holds nothing that is not kept; a run repeats its prompts.
        if len(text) < _SHORTEST or any(text in known for known in kept):
            return text
        pieces: list[str] = []
        position = 0
        for start, end, kind in merge_spans(
            item for item in _findings(text) if not any(text[item[0] : item[1]] in known for known in kept)
        ):
            pieces += (text[position:start], f"[redacted:{kind}]")
            position = end
            self.counts[kind] += 1
        return "".join((*pieces, text[position:])) if pieces else text

    def redact_attempt(self, attempt: Attempt, case: Case | None = None) -> Attempt:
        """The attempt with everything that was said, done, retrieved and explained masked."""
        keep = self._texts_to_keep(case)
        return Attempt.model_validate(self._mask(attempt.model_dump(mode="json"), keep))

    def redact_record(self, record: bytes, case: Case | None = None) -> bytes:
        """The same for an attempt's JSON as the run log has it, without building the attempt.

        Raises InfrastructureError where the record is no JSON object.
        """
        try:
            data = orjson.loads(record)
            return orjson.dumps(self._mask(data, self._texts_to_keep(case)))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise InfrastructureError(f"a record of the run log is not an attempt: {error}") from error

    def _mask(self, data: dict[str, Any], keep: Collection[str]) -> dict[str, Any]:
        """Mask the parts of an attempt that hold what was said; the others are ids and numbers."""
        for name in ("transcript", "scores", "error"):
            if name in data:
                data[name] = self._record(name, data[name], keep)
        return data

    def _texts_to_keep(self, case: Case | None) -> tuple[str, ...]:
        if case is None or case.source is CaseSource.PRODUCTION:
            return ()
        return (self._case_text(case),)

    def redact_texts(self, record: RecordT, names: Collection[str] = ()) -> RecordT:
        """Any record of the vocabulary with its free texts masked: a gate, a verdict, a decision, a risk.

        Ids, digests, versions and selectors stay. ``names`` of people are masked wherever they stand in full.
        """
        data = record.model_dump(mode="json", by_alias=True)
        masked = self._texts_of(data, tuple(name for name in names if len(name) >= _SHORTEST))
        return type(record).model_validate(masked) if masked != data else record

    def redact_gate(self, gate: Gate) -> Gate:
        """A gate with the words masked that are no part of its digest."""
        return Gate.model_validate(self._gate_words(gate.model_dump(mode="json", by_alias=True)))

    def _gate_words(self, value: Any, field: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._gate_words(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._gate_words(item) for item in value]
        return self.redact_text(value) if field in GATE_WORDS and isinstance(value, str) else value

    def redact_value(self, value: JsonValue) -> JsonValue:
        """A JSON value with every string in it masked."""
        return cast("JsonValue", self._free(value, ()))

    def _texts_of(self, value: Any, names: tuple[str, ...], field: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._texts_of(item, names, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._texts_of(item, names, field) for item in value]
        if not isinstance(value, str) or field in _NAMES or field.endswith(_NAMES_END):
            return value
        return self.redact_text(self.redact_names(value, names))

    def redact_names(self, text: str, names: Collection[str]) -> str:
        """The text with each name masked where it stands in full, as a word of its own."""
        for name in sorted(names, key=len, reverse=True):
            if name in text:
                text, count = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", "[redacted:name]", text)
                self.counts["name"] += count
        return text

    def redact_case(self, case: Case) -> Case:
        """A case with its texts masked where it comes from production; any other case as it is."""
        if case.source is not CaseSource.PRODUCTION:
            return case
        data = case.model_dump(mode="json")
        for name in _CASE_TEXTS:
            data[name] = self._record(name, data[name], ())
        data["expect"] = [
            {**masked, "scorer": item.scorer}
            for masked, item in zip(data["expect"], case.expect, strict=True)
        ]
        return Case.model_validate(data)

    def _record(self, name: str, value: Any, keep: Collection[str]) -> Any:
        """Mask a record of the vocabulary, whose own words stay; free-form data inside it does not."""
        if isinstance(value, list):
            return [self._record(name, item, keep) for item in value]
        if not isinstance(value, dict):
            return self._free(value, keep)
        words = _MODEL_WORDS.get(name, frozenset())
        masked = {}
        for key, item in value.items():
            if key in words:
                masked[key] = item
            elif key in _MODEL_WORDS:
                masked[key] = self._record(key, item, keep)
            else:
                masked[key] = self._free(item, keep)
        return masked

    def _free(self, value: Any, keep: Collection[str]) -> Any:
        """Mask every string, the keys of objects included: a tool's arguments can hold anything."""
        if isinstance(value, str):
            return self.redact_text(value, keep)
        if isinstance(value, list):
            return [self._free(item, keep) for item in value]
        if isinstance(value, dict):
            return {self.redact_text(key, keep): self._free(item, keep) for key, item in value.items()}
        return value

    def _case_text(self, case: Case) -> str:
        """All texts of a case in one, remembered: a run tries a case many times."""
        if case.digest not in self._texts:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            self._texts[case.digest] = "\x00".join(_strings(case.model_dump(mode="json")))
        return self._texts[case.digest]


def find_spans(text: str, wanted: frozenset[str] | None = None) -> list[tuple[int, int, str]]:
    """(start, end, kind) of what there is of the ``wanted`` kinds (None: all), in order, without overlaps."""
    return [item for item in merge_spans(_findings(text)) if wanted is None or item[2] in wanted]


@lru_cache(maxsize=1)
def _finders() -> tuple[Finder, Finder]:
    """Kept for the process: building them compiles every pattern."""
    return personal_data_finder(), secret_finder()


def _findings(text: str) -> Iterator[tuple[int, int, str]]:
    """Everything that the finders see; all kinds of secrets are one kind here."""
    personal, secrets = _finders()
    for finding in secrets.find(text):
        yield finding.start, finding.end, "secret"
    for finding in personal.find_in_windows(text):
        if not reserved_value(finding.entity, text[finding.start : finding.end]):
            yield finding.start, finding.end, finding.entity


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys left out: they are words of the format."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
