"""The part of the hang-up services behind the web framework."""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plivo_async.testing import FakePlivo
from plivo_async.webhooks import HangupEvent
from tests.services.callbacks.running import EXAMPLES, HANGUP_URL, PATIENCE_SECONDS

REFUSE = """
CREATE TRIGGER refuse_insert BEFORE INSERT ON calls WHEN NEW.record IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END
"""


@pytest.fixture
def collector_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("call_collector")
    del sys.modules["call_collector"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        # What it waits for has no event.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_database_that_refuses_to_write_ends_neither_the_waits_nor_the_lists(
    collector_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(collector_module, "WAITS", 1)
    fake = FakePlivo((), rate_limit=None)
    first, second = fake.generate(
        2, since=fake.now - timedelta(hours=1), until=fake.now - timedelta(minutes=1)
    )
    path = tmp_path / "calls.db"

    def event(call_uuid: str) -> HangupEvent:
        return HangupEvent.from_form(fake.signed_hangup(call_uuid, HANGUP_URL).body)

    with closing(sqlite3.connect(path, isolation_level=None)) as database:

        def records() -> set[str]:
            return {
                row[0] for row in database.execute("SELECT call_uuid FROM calls WHERE record IS NOT NULL")
            }

        async with fake.client() as client:
            collector = collector_module.CallCollector(client, path, 0.0)
            database.execute(REFUSE)
            async with collector:
                collector.announce(event(first))
                await until(lambda: f"call {first}" in caplog.text and "of the last hours" in caplog.text)
                database.execute("DROP TRIGGER refuse_insert")
                collector.announce(event(second))
                await until(lambda: records() == {first, second})
