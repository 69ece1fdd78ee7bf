"""Personal data and secrets taken out of log records before any handler writes them."""

from __future__ import annotations

import logging

from safecase.guard._redaction import apply_replacements
from safecase.guard.personal_data._redactor import replacements_of, write_kind
from safecase.text import personal_data_finder, secret_finder


class RedactingFilter(logging.Filter):
    """Masks what it finds in a record's message, arguments included, and in its traceback's text.

    Put it on handlers, not on loggers: records of child loggers pass only the handlers' filters.
    """

    def __init__(self, *, minimum_confidence: float = 0.5) -> None:
        super().__init__()
        self._finders = (
            personal_data_finder(minimum_confidence=minimum_confidence),
            secret_finder(minimum_confidence=minimum_confidence),
        )

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        record.msg, record.args = self.redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
            record.exc_info = None
        return True

    def redact(self, text: str) -> str:
        """The text with everything found masked."""
        for finder in self._finders:
            found = finder.find(text)
            if found:
                text = apply_replacements(
                    text, replacements_of(text, found, lambda i, v: write_kind(i.entity, v))
                )
        return text
