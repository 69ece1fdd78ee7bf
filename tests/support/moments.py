"""The moment at which the recorded runs of the tests were made, and the day on which they are judged."""

from __future__ import annotations

from datetime import UTC, date, datetime

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TODAY = date(2026, 1, 2)
