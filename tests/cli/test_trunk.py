"""`--trunk`: SIP-trunk calls in the commands that list."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plivo_async.cli.app import run
from plivo_async.testing import FakePlivo

TODAY = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def calls(served: FakePlivo, folder: Path) -> list[str]:
    """The ids of 60 SIP-trunk calls of the last 20 days, the newest first."""
    return served.trunk_calls.generate(
        60, seed=5, since=TODAY - timedelta(days=20), until=TODAY - timedelta(minutes=1)
    )


def command(*arguments: str) -> int:
    return run([*arguments[:1], "--rate", "none", "--trunk", *arguments[1:]])


def ids(text: str) -> list[str]:
    return [json.loads(line)["call_uuid"] for line in text.splitlines()]


def test_list_prints_them(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "--hangup-source", "carrier") == 0
    some = ids(capsys.readouterr().out)
    assert 0 < len(some) < 60

    assert command("list") == 0
    assert ids(capsys.readouterr().out) == calls

    assert command("list", "-o", "table", "--limit", "60") == 0
    assert all(call_uuid in capsys.readouterr().out for call_uuid in calls[:1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--subaccount", "SA" + "A" * 18], "--subaccount is not a filter of SIP-trunk calls"),
        (["list", "--hangup-source", "Caller"], "--hangup-source must be"),
        (["export"], "--trunk and the filters need --since"),
        (["export", "--since", "7d", "-o", "calls.csv"], "--trunk writes NDJSON"),
        (["sync", "calls.csv"], "the columns of CSV are those of the voice API"),
    ],
)
def test_what_there_is_not_for_them_is_refused(
    served: FakePlivo, folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments) == 1
    assert message in capsys.readouterr().err
    assert not served.requests


def test_export_writes_them_and_resumes(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("export", "--since", "25d", "-o", "calls.ndjson") == 0
    assert "answered" in capsys.readouterr().err.lower()
    lines = Path("calls.ndjson").read_text().splitlines(keepends=True)
    Path("calls.ndjson").write_text("".join(lines[:40]) + lines[40][:30])

    assert command("export", "--since", "25d", "-o", "calls.ndjson", "--resume", "-q") == 0

    assert Counter(ids(Path("calls.ndjson").read_text())) == Counter(calls)


def test_a_failure_is_read_again_by_resume(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.trunk_calls.add(
        {"call_uuid": "bad", "end_time": f"{TODAY - timedelta(days=1):%Y-%m-%d %H:%M:%S}", "total_amount": []}
    )
    assert command("export", "--since", "7d", "-o", "calls.ndjson", "-q") == 6
    assert "1 call failed, see calls.ndjson.failed; --resume reads them again" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.db"])
def test_sync_keeps_them(calls: list[str], served: FakePlivo, name: str) -> None:
    assert command("sync", name, "-q") == 0
    served.trunk_calls.generate(1, seed=6, since=TODAY - timedelta(minutes=9), until=TODAY)
    assert command("sync", name, "-q") == 0

    if name == "calls.ndjson":
        found = ids(Path(name).read_text())
    else:
        with closing(sqlite3.connect(name)) as database:
            found = [row[0] for row in database.execute("SELECT call_uuid FROM trunk_calls_report")]
    assert len(found) == len(set(found)) == 61


def test_a_database_has_both_kinds(calls: list[str], served: FakePlivo) -> None:
    served.generate(7, seed=1, since=TODAY - timedelta(days=9), until=TODAY - timedelta(minutes=1))
    assert command("sync", "calls.db", "-q") == 0
    assert run(["sync", "calls.db", "-q", "--rate", "none"]) == 0
    with closing(sqlite3.connect("calls.db")) as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("calls", "trunk_calls")
        ]
    assert counts == [7, 60]


def test_a_killed_sync_of_lines_is_continued(calls: list[str]) -> None:
    command("sync", "calls.ndjson", "-q")
    lines = Path("calls.ndjson").read_text().splitlines(keepends=True)
    Path("calls.ndjson").write_text("".join(lines) + '{"call_uuid":"x","call_id"')
    assert command("sync", "calls.ndjson", "-q") == 0
    assert Counter(ids(Path("calls.ndjson").read_text())) == Counter(calls)


def test_a_file_of_voice_calls_is_refused(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync", "calls.ndjson", "-q", "--rate", "none"])
    assert command("sync", "calls.ndjson", "-q") == 1
    assert "calls.ndjson has calls, not trunk_calls: name another file" in capsys.readouterr().err
