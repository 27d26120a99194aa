"""SQLiteTarget: a sync into an SQLite database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from plivo_async.errors import PlivoError, SyncTargetError
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord
from plivo_async.sync.changes import Changes, changed_fields
from plivo_async.sync.database import Schema, get_state, open_database, put_state, transaction
from plivo_async.sync.lock_file import lock_file
from plivo_async.sync.sqlite_schema import APPLICATION_ID, SCHEMA_VERSION, Table, table_of, utc_text
from plivo_async.sync.state import SyncState
from plivo_async.sync.target import in_thread

Record: TypeAlias = CallDetailRecord | TrunkCallDetailRecord

# A reader may hold its lock for the time of a query.
_BUSY_SECONDS = 60.0
_SCHEMA = Schema(APPLICATION_ID, SCHEMA_VERSION, ())


def _utc_now() -> datetime:
    return datetime.now(UTC)


@exported
class SQLiteTarget:
    """An SQLite database that a sync keeps up to date, to use within `async with`.

    The table `calls` has a row for each call UUID. Its columns are the fields of the record: money and times
    as sent, times once more in UTC (`end_utc`), and the JSON as sent (`raw`). The view `calls_report` has
    numbers to calculate with. SIP-trunk calls are in the table `trunk_calls`.

    Each write is a transaction in a thread, so it does not block the event loop. Other programs may read the
    database at any time. A lock file beside it, FILE.lock, keeps a second sync out.

    Args:
        path: The path of the database. Only its owner may read a new one.
        now: Returns the present time, for `first_written` and `last_written`. Replace it in tests.

    Raises:
        SyncTargetError: On entering: another sync uses the database, the file is another database or none,
            or it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, now: Callable[[], datetime] = _utc_now) -> None:
        # Absolute, because SQLite gives a meaning to names such as ":memory:".
        self._path = Path(path).absolute()
        self._name = Path(path)
        self._now = now
        self._stack = ExitStack()
        self._database: sqlite3.Connection | None = None
        self._is_used = False

    async def __aenter__(self) -> Self:
        await in_thread(self._open)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await in_thread(self._stack.close)

    async def state(self, kind: str) -> SyncState | None:
        """Return the state that the last `write` left; None if there was none.

        Args:
            kind: The kind of records: `calls` or `trunk_calls`.

        Raises:
            SyncTargetError: The database cannot be read.
        """
        return await in_thread(self._state, kind)

    async def write(self, records: Sequence[Record], state: SyncState) -> Changes:
        """Insert or replace records and keep the state, in one transaction.

        Args:
            records: The records; of two with the same call UUID the later one wins.
            state: The state to keep. Its `kind` is that of the records.

        Returns:
            The number of new, changed and unchanged records.

        Raises:
            SyncTargetError: The database cannot be written to; it is unchanged then.
        """
        return await in_thread(self._write, records, state)

    async def count(self, kind: str, since: datetime, until: datetime) -> int:
        """Return how many calls of the database ended since `since` and before `until`.

        Args:
            kind: The kind of records: `calls` or `trunk_calls`.
            since: The begin, an aware time.
            until: The end, an aware time that is not part of the span.

        Raises:
            SyncTargetError: The database cannot be read.
        """
        return await in_thread(self._count, kind, since, until)

    def _open(self) -> None:
        with ExitStack() as stack:
            # Beside the database itself, not beside a symbolic link to it.
            real = self._path.resolve()
            stack.enter_context(lock_file(real.with_name(f"{real.name}.lock"), self._name))
            with self._errors():
                if not os.path.lexists(self._path):
                    stack.callback(self._delete_unused)
                self._database = open_database(self._path, self._name, _SCHEMA, busy_seconds=_BUSY_SECONDS)
                stack.callback(self._database.close)
            self._stack = stack.pop_all()

    def _delete_unused(self) -> None:
        if not self._is_used:
            self._path.unlink(missing_ok=True)

    def _state(self, kind: str) -> SyncState | None:
        with self._errors():
            return get_state(self._connection, kind)

    def _write(self, records: Sequence[Record], state: SyncState) -> Changes:
        changes = Changes()
        with self._errors(), transaction(self._connection):
            table = self._table(state.kind)
            for record in records:
                self._write_record(table, record, changes)
            put_state(self._connection, state)
        self._is_used = True
        return changes

    def _count(self, kind: str, since: datetime, until: datetime) -> int:
        with self._errors():
            bounds = utc_text(since), utc_text(until)
            count: int = self._connection.execute(table_of(kind, RECORDS[kind]).count, bounds).fetchone()[0]
            return count

    def _write_record(self, table: Table, record: Record, changes: Changes) -> None:
        raw = record.to_json()
        found = self._connection.execute(table.select, (record.call_uuid,)).fetchone()
        if found is None:
            changes.new += 1
        else:
            changed = () if found[0] == raw else _changed(table, found[0], record)
            changes.count(changed)
            if not changed:
                return
        self._connection.execute(table.insert, table.row(record, raw, self._now()))

    def _table(self, kind: str) -> Table:
        table = table_of(kind, RECORDS[kind])
        exists = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        if self._connection.execute(exists, (kind,)).fetchone() is None:
            for statement in table.statements():
                self._connection.execute(statement)
        return table

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._database is None:
            raise SyncTargetError(f"{self._name} is not open: use it within `async with`")
        return self._database

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise SyncTargetError(f"cannot write to {self._name}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise SyncTargetError(f"cannot write to {self._name}: {error}") from None


# The class of each kind of records.
RECORDS: dict[str, Any] = {"calls": CallDetailRecord, "trunk_calls": TrunkCallDetailRecord}


def _changed(table: Table, raw: str, record: Record) -> tuple[str, ...]:
    try:
        return changed_fields(table.from_json(raw), record)
    except PlivoError:
        # Somebody has edited it.
        return ("raw",)
