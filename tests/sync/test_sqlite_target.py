from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from plivo_async import CallDetailRecord, SyncTargetError
from plivo_async.sync import Changes, SQLiteTarget, database, sqlite_target
from plivo_async.sync.sqlite_schema import SCHEMA_VERSION, table_of
from tests.sync.blocking import names, opened
from tests.sync.records import NOW, call, state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


def target(path: Path) -> SQLiteTarget:
    return SQLiteTarget(path, now=lambda: NOW)


def rows(path: Path, query: str = "SELECT call_uuid, total_amount FROM calls ORDER BY 1") -> list[Any]:
    with reading(path) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def reading(path: Path) -> Generator[sqlite3.Connection, None, None]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def write(path: Path, *records: CallDetailRecord) -> Changes:
    with opened(target(path)) as syncing:
        return syncing.write(records, state())


def test_a_new_database_has_no_state(path: Path) -> None:
    with opened(target(path)) as syncing:
        assert syncing.state("calls") is None


def test_a_write_keeps_records_and_state(path: Path) -> None:
    assert write(path, call(1), call(2)) == Changes(new=2)

    assert rows(path) == [(call(1).call_uuid, "0.00850"), (call(2).call_uuid, "0.00850")]
    with opened(target(path)) as syncing:
        assert syncing.state("calls") == state()


def test_the_later_record_of_a_call_wins(path: Path) -> None:
    write(path, call(1, total_amount=None), call(2))

    changes = write(path, call(1), call(2), call(3))

    assert changes == Changes(1, 1, 1, Counter(total_amount=1))
    assert rows(path, "SELECT total_amount FROM calls") == [("0.00850",)] * 3


def test_of_two_records_in_one_write_the_later_one_wins(path: Path) -> None:
    changes = write(path, call(1, total_amount=None), call(1))

    assert changes == Changes(1, 1, 0, Counter(total_amount=1))
    assert rows(path) == [(call(1).call_uuid, "0.00850")]


def test_a_call_uuid_in_another_case_is_the_same_call(path: Path) -> None:
    write(path, call(1, call_uuid="ABCDEF"))

    assert (write(path, call(1, call_uuid="abcdef"))).new == 0


def test_a_record_that_somebody_edited_is_replaced(path: Path) -> None:
    write(path, call(1))
    with reading(path) as connection:
        connection.execute("UPDATE calls SET raw = 'x'")

    assert write(path, call(1)) == Changes(0, 1, 0, Counter(raw=1))


def test_a_row_has_the_record_as_sent_and_in_columns(path: Path) -> None:
    record = call(
        1,
        end_time="2026-11-28 17:30:00.25+05:30",
        hangup_cause_code=4000,
        from_number="\ud800",
        cnam_lookup=True,
        total_amount="0.10",
        new_key=[1],
    )
    write(path, record)

    columns = (
        "end_time, end_utc, hangup_cause_code, from_number, cnam_lookup, total_amount, raw, first_written"
    )
    assert rows(path, f"SELECT {columns} FROM calls") == [
        (
            "2026-11-28 17:30:00.250000+05:30",
            "2026-11-28 12:00:00.250000",
            4000,
            "\\ud800",
            "true",
            "0.10",
            record.to_json(),
            "2026-11-28 12:00:00",
        )
    ]


def test_the_view_has_numbers(path: Path) -> None:
    times = {"initiation_time": "2026-11-28 17:00:00+05:30", "answer_time": "2026-11-28 17:00:07+05:30"}
    write(path, call(30, **times, total_amount="12.34567"))

    query = "SELECT day, started, is_answered, ring_seconds, amount, amount_e5 FROM calls_report"
    assert rows(path, query) == [("2026-11-28", "2026-11-28 11:30:00", 1, 7, 12.34567, 1234567)]


def test_the_columns_of_this_version_stay_the_same(path: Path) -> None:
    """A new field of the record needs another `SCHEMA_VERSION`, and a conversion of older databases."""
    assert SCHEMA_VERSION == 1
    names = [column.name for column in table_of("calls", CallDetailRecord).columns]
    assert " ".join(names) == (
        "api_id parent_call_uuid conference_uuid call_direction call_state from_number to_number "
        "initiation_time initiation_utc answer_time answer_utc end_time end_utc "
        "call_duration bill_duration billed_duration "
        "total_rate total_amount hangup_cause_code hangup_cause_name hangup_source stir_verification "
        "stir_attestation voice_network_group source_ip cnam_lookup resource_uri"
    )


def test_first_written_stays_when_a_record_changes(path: Path) -> None:
    write(path, call(1, total_amount=None))
    later = NOW.replace(hour=13)
    with opened(SQLiteTarget(path, now=lambda: later)) as syncing:
        syncing.write([call(1)], state())

    written = rows(path, "SELECT first_written, last_written FROM calls")
    assert written == [("2026-11-28 12:00:00", "2026-11-28 13:00:00")]


def test_a_new_database_is_private_and_its_lock_file_is_gone_at_the_end(path: Path) -> None:
    with opened(target(path)) as syncing:
        syncing.write([], state())
        assert names(path.parent) == ["calls.db", "calls.db.lock"]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["calls.db"]


def test_a_database_that_received_nothing_is_deleted(path: Path) -> None:
    with opened(target(path)):
        assert path.exists()
    assert names(path.parent) == []


def test_an_empty_file_of_the_user_stays(path: Path) -> None:
    path.touch(0o640)
    with opened(target(path)):
        pass
    assert path.exists()


def test_a_second_sync_is_refused(path: Path) -> None:
    refused = pytest.raises(SyncTargetError, match=r"another sync is writing to .*calls\.db")
    with opened(target(path)), refused:
        write(path)


def test_a_second_sync_by_a_symbolic_link_is_refused(path: Path) -> None:
    link = path.parent / "links" / "other.db"
    link.parent.mkdir()
    link.symlink_to(path)
    with opened(target(path)), pytest.raises(SyncTargetError, match="another sync is writing to"):
        write(link)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_lock_file_that_its_owner_deletes_is_created_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_replaced: bool
) -> None:
    """Between the open and the lock of a second sync, the first one ends and deletes the file."""
    lock = path.with_name("calls.db.lock")
    real, deleted = os.open, list[Path]()

    def deleting(name: Any, *arguments: Any) -> int:
        fd = real(name, *arguments)
        if name == lock and not deleted:
            deleted.append(name)
            lock.unlink()
            if is_replaced:
                lock.touch()
        return fd

    monkeypatch.setattr(os, "open", deleting)
    with opened(target(path)):
        assert lock.exists()


def test_a_file_system_without_locks_is_no_obstacle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(fd: int, kind: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert (write(path, call(1))).new == 1


def test_a_folder_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SyncTargetError, match=r"cannot write to .*none/calls\.db\.lock: No such file"):
        write(tmp_path / "none" / "calls.db")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"call_uuid\n", "is not an SQLite database, so it was not changed"),
        (b"SQLite format 3\0" + bytes(84), "is a database of another program, so it was not changed"),
    ],
)
def test_a_foreign_file_is_not_touched(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)

    with pytest.raises(SyncTargetError, match=reason):
        write(path)

    assert path.read_bytes() == content
    assert names(path.parent) == ["calls.db"]


def test_a_database_of_a_later_version_is_not_touched(path: Path) -> None:
    write(path)
    with reading(path) as connection:
        connection.execute("PRAGMA user_version = 2")

    with pytest.raises(
        SyncTargetError, match="has version 2 of the tables; this plivo_async knows version 1"
    ):
        write(path)


def test_what_is_no_regular_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(SyncTargetError, match="is not a regular file"):
        write(path)


def test_a_failed_write_changes_nothing(path: Path) -> None:
    write(path, call(1))
    with opened(target(path)) as syncing:
        with reading(path) as connection:
            connection.execute(
                "CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT raise(ABORT, 'full'); END"
            )
        with pytest.raises(SyncTargetError, match=r"cannot write to .*calls\.db: full"):
            syncing.write([call(2)], state(newest=None))
        assert syncing.state("calls") == state()

    assert len(rows(path)) == 1


def test_a_reader_that_holds_its_lock_for_too_long_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, call(1))
    monkeypatch.setattr(sqlite_target, "_BUSY_SECONDS", 0.0)
    with opened(target(path)) as syncing:
        with reading(path) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM calls").fetchone()
            with pytest.raises(SyncTargetError, match="database is locked"):
                syncing.write([call(2)], state())
        assert (syncing.write([call(2)], state())).new == 1


def test_a_damaged_database_is_reported_and_unlocked(path: Path) -> None:
    write(path, call(1))
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)

    with pytest.raises(SyncTargetError, match="cannot write to"):
        write(path)

    assert names(path.parent) == ["calls.db"]


def test_a_folder_is_no_database(path: Path) -> None:
    path.mkdir()
    with pytest.raises(SyncTargetError, match=r"cannot write to .*calls\.db: Is a directory"):
        write(path)


def test_a_transaction_that_sqlite_has_ended_is_not_ended_again() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with closing(connection), pytest.raises(ValueError, match="full"), database.transaction(connection):
        connection.execute("ROLLBACK")
        raise ValueError("full")


async def test_a_target_that_is_not_open_is_refused(path: Path) -> None:
    with pytest.raises(SyncTargetError, match="is not open: use it within `async with`"):
        await target(path).write([], state())


def test_a_name_with_a_meaning_to_sqlite_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with opened(SQLiteTarget(":memory:")) as syncing:
        syncing.write([call(1)], state())
    assert names(tmp_path) == [":memory:"]


async def test_a_cancelled_write_ends_before_the_database_is_closed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Any, known: Any) -> None:
        begun.set()
        go_on.wait(60)
        database.put_state(connection, known)

    monkeypatch.setattr(sqlite_target, "put_state", slow)

    async def run() -> None:
        async with target(path) as entered:
            await entered.write([call(1)], state())

    running = asyncio.create_task(run())
    await asyncio.to_thread(begun.wait, 60)
    running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert len(rows(path)) == 1
