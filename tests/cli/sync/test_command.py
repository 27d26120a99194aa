"""`plivo-async sync`, run in this process."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from plivo_async.cli.app import run
from plivo_async.cli.export import progress
from plivo_async.cli.export.failed_file import failed_file
from plivo_async.cli.sync.options import SyncOptions
from plivo_async.cli.sync.run import SyncRun
from plivo_async.sync import SQLiteTarget, Sync
from plivo_async.testing import FakePlivo
from tests.sync.blocking import names, opened
from tests.sync.records import call, state

NAMES = ["calls.ndjson", "calls.jsonl", "calls.csv", "calls.db", "calls.sqlite", "calls.SQLITE3"]
HOUR = timedelta(hours=1)


def sync(*arguments: str) -> int:
    return run(["sync", "--rate", "none", *arguments])


@pytest.fixture
def calls(served: FakePlivo, folder: Path) -> list[str]:
    """The ids of 40 calls of the last 80 days, which the fake has."""
    now = datetime.now(UTC)
    return served.generate(40, seed=2, since=now - timedelta(days=80), until=now)


def kept(name: str) -> list[str]:
    """Return the ids in a file."""
    path = Path(name)
    if path.suffix in (".ndjson", ".jsonl"):
        return [json.loads(line)["call_uuid"] for line in path.read_text().splitlines()]
    if path.suffix == ".csv":
        return [line.partition(",")[0] for line in path.read_text().splitlines()[1:]]
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT call_uuid FROM calls")]


def ended(ago: timedelta) -> str:
    return (datetime.now(UTC) - ago).replace(microsecond=0).isoformat(" ")


@pytest.mark.parametrize("name", NAMES)
def test_a_sync_twice_has_each_call_once(calls: list[str], name: str) -> None:
    assert sync(name, "-q") == 0
    assert sync(name, "-q") == 0

    assert sorted(kept(name)) == sorted(calls)
    assert not Path(f"{name}.failed").exists()


@pytest.mark.parametrize("name", ["calls.json", "", ".", "/"])
def test_a_name_that_implies_no_format_is_refused(
    name: str, served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync(name) == 1
    assert f"{Path(name)}: the name has to end in one of .ndjson, .jsonl, .csv" in capsys.readouterr().err
    assert names(folder) == []


def test_a_file_is_not_its_own_failed_file(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync("calls.db", "--failed", "./calls.db") == 1
    assert "calls.db is both the target and the failed file" in capsys.readouterr().err
    assert names(folder) == []


def test_the_summary_is_a_table_or_json(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sync("calls.db")
    table = capsys.readouterr()
    sync("calls.db", "--summary", "json", "-q")
    line = capsys.readouterr()

    assert re.search(r"New +40", table.err)
    assert table.out == ""
    summary = json.loads(line.out)
    assert (summary["new"], summary["complete"], summary["lost"]) == (0, True, None)
    assert line.err == ""


def test_what_changed_is_counted_by_field(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = ended(HOUR)
    served.add(call(1, end_time=end, total_amount=None), call(2, end_time=end))
    sync("calls.ndjson", "-q")
    served.add(call(1, end_time=end), call(3, end_time=end))

    sync("calls.ndjson")
    assert "1: 1 total_amount" in capsys.readouterr().err

    sync("calls.db", "--summary", "json", "-q")
    assert json.loads(capsys.readouterr().out)["new"] == 3
    assert Path("calls.ndjson").read_text().count("0.00850") == 6


def test_a_row_that_cannot_be_read_is_kept_beside_the_file_once(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {**call(1, end_time=ended(HOUR)).to_dict(), "total_amount": "much"}
    served.add(bad, call(2, end_time=ended(2 * HOUR)))

    assert sync("calls.db", "-q") == 6
    assert sync("calls.db") == 6

    captured = capsys.readouterr().err
    assert "1 row cannot be read, see calls.db.failed" in captured
    assert "Failed" in captured
    [line] = Path("calls.db.failed").read_text().splitlines()
    assert json.loads(json.loads(line)["body"]) == bad

    served.add(call(1, end_time=ended(HOUR)))
    assert sync("calls.db", "-q") == 0
    assert names(folder) == ["calls.db"]


def test_another_line_of_the_failed_file_stays(served: FakePlivo, folder: Path) -> None:
    lines = '{"call_uuid": "x", "note": 1}\n[1]\n'
    Path("calls.db.failed").write_text(lines)

    assert sync("calls.db", "-q") == 0

    assert Path("calls.db.failed").read_text() == lines


def test_a_failed_file_that_cannot_be_written_is_reported(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = ended(HOUR)
    served.add({**call(1, end_time=end).to_dict(), "total_amount": "much"})
    sync("calls.db", "-q")
    served.add(call(1, end_time=end))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "calls.db.failed")

    monkeypatch.setattr("plivo_async.cli.export.failed_file.remove_lines", full)
    assert sync("calls.db", "-q") == 1
    assert "cannot write to calls.db.failed: No space left on device" in capsys.readouterr().err


def test_a_second_sync_is_refused_with_one_line(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(SQLiteTarget("calls.db")) as first, failed_file(Path("calls.db.failed"), resume=True):
        first.write([], state())
        assert sync("calls.db") == 1

    assert capsys.readouterr().err == "plivo-async: another sync is writing to calls.db\n"
    assert not served.requests


def test_a_foreign_file_is_refused(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("notes.csv").write_text("my,notes\n")
    assert sync("notes.csv") == 1
    assert "notes.csv was not changed" in capsys.readouterr().err
    assert Path("notes.csv").read_text() == "my,notes\n"
    assert names(folder) == ["notes.csv"]


def test_wrong_credentials_leave_nothing(
    served: FakePlivo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "wrong")
    assert [sync(name, "-q") for name in NAMES] == [2] * len(NAMES)
    assert names(folder) == []


@pytest.mark.parametrize("look_back", ["6", "6 hours", "-1h", "91d"])
def test_a_look_back_that_is_none_is_refused(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str], look_back: str
) -> None:
    assert sync("calls.db", "--look-back", look_back) == 1
    assert "look" in capsys.readouterr().err
    assert names(folder) == []


def pressing(number: signal.Signals, at: int) -> Callable[[], float]:
    requests = iter(range(1, 10_000))

    def latency() -> float:
        if next(requests) == at:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        return 0.0 if at > 1 else 60.0

    return latency


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_sync_that_continues_later(
    calls: list[str], served: FakePlivo, number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    served.latency = pressing(number, 8)
    assert sync("calls.db", "-q") == code
    assert "run the same command again" in capsys.readouterr().err or not kept("calls.db")
    served.latency = 0.0

    assert sync("calls.db", "-q") == 0
    assert sorted(kept("calls.db")) == sorted(calls)


def test_a_signal_before_the_first_record_leaves_nothing(
    calls: list[str], served: FakePlivo, folder: Path
) -> None:
    served.latency = pressing(signal.SIGINT, 1)
    assert sync("calls.db", "-q") == 130
    assert names(folder) == []


async def test_a_cancellation_without_a_signal_is_passed_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = asyncio.Event()

    async def endless(self: Sync) -> None:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Sync, "_run", endless)
    options = SyncOptions(file="calls.db", look_back=HOUR)
    task = asyncio.create_task(SyncRun(FakePlivo().client(), SQLiteTarget("calls.db"), options).run(None))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(folder) == []


def test_an_interrupt_ends_the_command_with_130(
    served: FakePlivo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def interrupted(self: Sync) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Sync, "_run", interrupted)
    assert sync("calls.db", "-q") == 130


def test_an_outage_ends_a_sync_with_its_exit_code(
    calls: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.script([503] * 100)
    assert sync("calls.db", "-q", "--max-wait", "0.01") == 3
    assert "503" in capsys.readouterr().err


def test_the_progress_has_a_total(
    calls: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_SECONDS", 0.001)
    served.latency = 0.005
    sync("calls.db", "--summary", "none")
    assert " of 40" in capsys.readouterr().err


def test_what_is_lost_and_what_is_missing_is_reported(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=100)
    with opened(SQLiteTarget("calls.db")) as first:
        first.write([], state(account=served.auth_id, since=long_ago, until=long_ago, newest=long_ago))

    assert sync("calls.db", "--summary", "json") == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["lost"]["since"] == long_ago.isoformat()
    assert "calls.db lacks the calls that ended from" in captured.err


@pytest.mark.parametrize(("missing", "text"), [(2, "2 records that"), (0, "some records that")])
def test_an_incomplete_sync_is_reported(
    calls: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    missing: int,
    text: str,
) -> None:
    real = Sync._run

    async def incomplete(self: Sync) -> Any:
        return evolve(await real(self), complete=False, missing=missing, late=1, warnings=("a row moved",))

    monkeypatch.setattr(Sync, "_run", incomplete)
    assert sync("calls.db") == 6
    captured = capsys.readouterr().err
    assert f"{text} Plivo counts did not arrive: the next sync asks again" in captured
    assert "warning: a row moved" in captured
    assert "written late" in captured
