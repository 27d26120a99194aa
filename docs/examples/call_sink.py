# call_sink.py
"""The records of calls in SQLite: safe for jobs that run twice, and for several processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from plivo_async import CallDetailRecord, PlivoError

TABLE = """
CREATE TABLE IF NOT EXISTS calls (call_uuid TEXT PRIMARY KEY, record TEXT, error TEXT) WITHOUT ROWID
"""
# The key is the call UUID, so a job that runs twice writes the same row.
SAVE = """
INSERT INTO calls (call_uuid, record) VALUES (?, ?)
ON CONFLICT DO UPDATE SET record = excluded.record, error = NULL
"""
# A failure never replaces a record.
FAIL = """
INSERT INTO calls (call_uuid, error) VALUES (?, ?)
ON CONFLICT DO UPDATE SET error = excluded.error WHERE record IS NULL
"""


class CallSink:
    """One row for each call: its record, or the error that no retry mends."""

    def __init__(self, path: Path) -> None:
        # Each statement is a transaction of its own, and sqlite3 lets several threads use the connection.
        self._database = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        # WAL: readers do not block the writer, and a commit does not wait for the disk.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(TABLE)

    def save(self, record: CallDetailRecord) -> None:
        self._database.execute(SAVE, (record.call_uuid, record.to_json()))

    def fail(self, call_uuid: str, error: PlivoError) -> None:
        self._database.execute(FAIL, (call_uuid, f"{type(error).__name__}: {error}"))

    def missing(self, call_uuids: Sequence[str]) -> list[str]:
        """Return those call UUIDs that have no record."""
        marks = ", ".join("?" * len(call_uuids))
        query = f"SELECT call_uuid FROM calls WHERE record IS NOT NULL AND call_uuid IN ({marks})"  # noqa: S608
        done = {call_uuid for (call_uuid,) in self._database.execute(query, call_uuids)}
        return [call_uuid for call_uuid in call_uuids if call_uuid not in done]

    def rows(self) -> list[tuple[str, str | None, str | None]]:
        """Return the call UUID, the record and the error of each call."""
        return self._database.execute("SELECT call_uuid, record, error FROM calls").fetchall()

    def close(self) -> None:
        self._database.close()
