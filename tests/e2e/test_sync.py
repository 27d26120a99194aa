"""`plivo-async sync`, installed: killed, and two at once."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plivo_async.testing import FakePlivo
from tests.e2e.installed_command import PATIENCE_SECONDS, Installed, after_requests

NOW = datetime.now(UTC)


@pytest.fixture
def calls(fake: FakePlivo) -> list[str]:
    return fake.generate(600, seed=8, since=NOW - timedelta(days=80), until=NOW - timedelta(minutes=1))


def kept(path: Path) -> list[str]:
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            return [row[0] for row in database.execute("SELECT call_uuid FROM calls")]
    if path.suffix == ".csv":
        return [line.partition(",")[0] for line in path.read_text().splitlines()[1:]]
    return [json.loads(line)["call_uuid"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv", "calls.db"])
def test_a_sync_that_is_killed_is_continued_by_the_same_command(
    installed: Installed, fake: FakePlivo, calls: list[str], name: str
) -> None:
    arrived = after_requests(fake, 25, latency=0.01)
    process = installed.start("sync", "-q", name)
    assert arrived.wait(PATIENCE_SECONDS)
    process.kill()
    assert process.wait(PATIENCE_SECONDS) == -9
    fake.latency = 0.0

    done = installed.run("sync", "-q", name)

    assert (done.returncode, done.stdout) == (0, b"")
    assert Counter(kept(installed.folder / name)) == Counter(calls)


def test_a_second_sync_is_refused_with_one_line(
    installed: Installed, fake: FakePlivo, calls: list[str]
) -> None:
    arrived = after_requests(fake, 3, latency=0.0)
    first = installed.start("sync", "-q", "calls.db")
    assert arrived.wait(PATIENCE_SECONDS)
    first.send_signal(signal.SIGSTOP)

    second = installed.run("sync", "-q", "calls.db")

    assert second.returncode == 1
    assert second.stderr == b"plivo-async: another sync is writing to calls.db\n"
    fake.latency = 0.0
    first.send_signal(signal.SIGCONT)
    assert first.wait(PATIENCE_SECONDS) == 0
    assert sorted(kept(installed.folder / "calls.db")) == sorted(calls)
