# call_collector.py
"""The record of every call in SQLite, each once: what a hang-up service does behind its web framework."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from plivo_async import AsyncClient, CallDetailRecord, Fetched, PlivoError
from plivo_async.webhooks import HangupEvent

logger = logging.getLogger("call_collector")

# So many calls wait for their records at a time; 36 bytes each of as many more wait for their turn.
WAITS = 500
QUEUE = 10_000
# Plivo writes most records within seconds. Later ones are found by the list.
WAIT_SECONDS = 300.0
LOOK_BACK = timedelta(hours=6)

TABLE = """
CREATE TABLE IF NOT EXISTS calls (call_uuid TEXT PRIMARY KEY, event TEXT, record TEXT) WITHOUT ROWID
"""
ANNOUNCE = "INSERT INTO calls (call_uuid, event) VALUES (?, ?) ON CONFLICT DO NOTHING"
SAVE = """
INSERT INTO calls (call_uuid, record) VALUES (?, ?)
ON CONFLICT DO UPDATE SET record = excluded.record WHERE record IS NOT excluded.record
"""
PENDING = "SELECT call_uuid FROM calls WHERE record IS NULL LIMIT ?"


class CallCollector:
    """Saves the record of each call that is announced, and of those whose announcement was lost.

    Args:
        client: The client, which keeps to the rate limit.
        database: The SQLite file.
        reconcile_seconds: Seconds between two lists of the last hours.
    """

    def __init__(self, client: AsyncClient, database: Path, reconcile_seconds: float = 600.0) -> None:
        self._client = client
        self._reconcile_seconds = reconcile_seconds
        # Each statement is a transaction of its own. It takes microseconds, so it may run in the event loop:
        # in WAL mode a commit does not wait for the disk.
        self._database = sqlite3.connect(database, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(TABLE)
        self._queue = asyncio.Queue[str](QUEUE)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        # Those that were announced before the last end of the process.
        for (call_uuid,) in self._database.execute(PENDING, (QUEUE,)):
            self._queue.put_nowait(call_uuid)
        jobs = [self._reconcile(), *(self._fetch() for _ in range(WAITS))]
        self._tasks = [asyncio.create_task(job) for job in jobs]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._database.close()

    def announce(self, event: HangupEvent) -> None:
        """Save that a call has ended, and let its record be fetched. Never waits."""
        saved = self._database.execute(ANNOUNCE, (event.call_uuid, event.to_json()))
        # A duplicate has its row already. If the queue is full, the next list has the call.
        if saved.rowcount and not self._queue.full():
            self._queue.put_nowait(event.call_uuid)

    def _save(self, record: CallDetailRecord) -> None:
        self._database.execute(SAVE, (record.call_uuid, record.to_json()))

    async def _fetch(self) -> None:
        while True:
            call_uuid = await self._queue.get()
            try:
                record = await self._client.calls.wait(call_uuid, deadline=WAIT_SECONDS)
                self._save(record)
                logger.info("call %s: %s s for %s", call_uuid, record.billed_duration, record.total_amount)
            # Also if the disk is full: this task serves other calls too.
            except (PlivoError, sqlite3.Error) as error:
                logger.warning("call %s: no record, the next list looks again: %s", call_uuid, error)

    async def _reconcile(self) -> None:
        while True:
            try:
                async with self._client.calls.list(datetime.now(UTC) - LOOK_BACK) as calls:
                    async for outcome in calls:
                        if isinstance(outcome, Fetched):
                            self._save(outcome.record)
                logger.info("the list of the last hours: %d records", calls.report.records)
            except (PlivoError, sqlite3.Error) as error:
                logger.warning("no list of the last hours, tried again later: %s", error)
            await asyncio.sleep(self._reconcile_seconds)
