"""Answers kept by the content of the question: one SQLite file, safe for several processes."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import ValidationError

from safecase.base import InfrastructureError, ZstdError, canonical_json, compress_frame, decompress_frame
from safecase.model import TargetReply, TargetRequest

# A commit waits for the disk; what a crash loses here is asked for again.
_COMMIT_EVERY = 256
# A damaged entry must not take all memory when it is unpacked; it then counts as absent.
_LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A reply as it was first given, and how long that took."""

    reply: TargetReply
    latency_ms: float


class ResponseCache:
    """Target replies under a digest of (target fingerprint, request content, seed, repeat).

    The conversation id is no part of the key, because it differs from run to run. Failures are never kept.
    Raises InfrastructureError where the file cannot be opened or written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.hits = 0
        self.misses = 0
        self._lock = threading.Lock()
        self._uncommitted = 0
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made before SQLite does, which would let everybody read it; its journals take over the mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS replies "
                "(key BLOB PRIMARY KEY, latency_ms REAL, reply BLOB) WITHOUT ROWID"
            )
            self._database.commit()
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def key(self, fingerprint: Mapping[str, str], request: TargetRequest) -> bytes:
        """The 32-byte key of a request to a target."""
        content = request.model_dump(mode="json", exclude={"conversation_id"}, warnings=False)
        text = canonical_json({"fingerprint": dict(fingerprint), "request": content})
        return hashlib.sha256(text).digest()

    def get(self, key: bytes) -> CachedReply | None:
        """The reply under ``key``, or None. An entry that cannot be read counts as absent."""
        with self._lock:
            try:
                row = self._database.execute(
                    "SELECT latency_ms, reply FROM replies WHERE key = ?", (key,)
                ).fetchone()
            except sqlite3.Error as error:
                raise self._broken(error) from error
        if row is None:
            self.misses += 1
            return None
        try:
            text = decompress_frame(row[1], limit=_LARGEST)
            reply = TargetReply.model_validate(orjson.loads(text))
        except (ZstdError, orjson.JSONDecodeError, ValidationError):
            self.misses += 1
            return None
        self.hits += 1
        return CachedReply(reply, float(row[0]))

    def put(self, key: bytes, reply: TargetReply, latency_ms: float) -> None:
        """Keep ``reply``. Commits happen in groups; ``close`` commits the rest."""
        data = compress_frame(canonical_json(reply))
        with self._lock:
            try:
                self._database.execute(
                    "INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", (key, latency_ms, data)
                )
                self._uncommitted += 1
                if self._uncommitted >= _COMMIT_EVERY:
                    self._database.commit()
                    self._uncommitted = 0
            except sqlite3.Error as error:
                raise self._broken(error) from error

    def flush(self) -> None:
        """Commit what was put."""
        with self._lock:
            try:
                self._database.commit()
            except sqlite3.Error as error:
                raise self._broken(error) from error
            self._uncommitted = 0

    def close(self) -> None:
        """Commit and close. Safe to call twice."""
        with self._lock:
            try:
                self._database.commit()
                self._database.close()
            except sqlite3.ProgrammingError:
                return

    def _broken(self, error: Exception) -> InfrastructureError:
        return InfrastructureError(
            f"the response cache cannot be used: {error}",
            where=str(self.path),
            hint="free space, check the rights, or run without the cache",
        )
