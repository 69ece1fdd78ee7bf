"""Personal data and secrets are masked in whatever leaves the machine, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from safecase.model.attempt import Attempt
from safecase.model.suite import Case
from safecase.model.vocabulary import CaseSource


class Redactor:
    """Masks personal data; what the case itself contains is test data and is kept.

    Cases that come from production are masked like everything else.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def redact_text(self, text: str, keep: Collection[str] = ()) -> str:
        """``text`` with each finding replaced by ``[redacted:kind]``; linear in its length."""
        if len(text) < 5:
            return text
        from safecase.scorers.pii_recognisers import ENTITIES, find_personal_data

        pieces: list[str] = []
        position = 0
        findings = sorted(
            find_personal_data(text, frozenset(ENTITIES)), key=lambda item: (item.start, -item.end)
        )
        for finding in findings:
            if finding.start < position or any(finding.text in item for item in keep):
                continue
            pieces.append(text[position : finding.start])
            pieces.append(f"[redacted:{finding.entity}]")
            position = finding.end
            self.counts[finding.entity] += 1
        pieces.append(text[position:])
        return "".join(pieces)

    def redact_attempt(self, attempt: Attempt, case: Case | None = None) -> Attempt:
        """The attempt with everything that was said, done and retrieved masked."""
        keep: tuple[str, ...] = ()
        if case is not None and case.source is not CaseSource.PRODUCTION:
            keep = tuple(_strings(case.model_dump(mode="json")))
        data = attempt.model_dump(mode="json")
        for name in ("transcript", "scores", "error"):
            data[name] = self._walk(data[name], keep)
        return Attempt.model_validate(data)

    def _walk(self, value: Any, keep: Collection[str]) -> Any:
        if isinstance(value, str):
            return self.redact_text(value, keep)
        if isinstance(value, list):
            return [self._walk(item, keep) for item in value]
        if isinstance(value, dict):
            return {
                key: item if key in _PLAIN_FIELDS else self._walk(item, keep) for key, item in value.items()
            }
        return value


_PLAIN_FIELDS = frozenset(
    {
        "role",
        "scorer",
        "scorer_version",
        "outcome",
        "label",
        "kind",
        "origin",
        "finish_reason",
        "model",
        "judge_model",
    }
)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    return []
