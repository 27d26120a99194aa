"""Opens an SQLite database that belongs to a sync, and never one of another program."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from plivo_async.errors import SyncTargetError
from plivo_async.sync.state import SyncState

_MAGIC = b"SQLite format 3\0"
# The places of two integers of 4 bytes: https://www.sqlite.org/fileformat2.html#the_database_header
_USER_VERSION_AT, _APPLICATION_ID_AT, _HEADER_BYTES = 60, 68, 100

STATE_TABLE = """\
CREATE TABLE sync_state (
  kind TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  since TEXT NOT NULL,
  until TEXT NOT NULL,
  newest TEXT,
  excess INTEGER NOT NULL
)"""
_FIELDS = ("kind", "account", "since", "until", "newest", "excess")
_STATE = "SELECT kind, account, since, until, newest, excess FROM sync_state WHERE kind = ?"
_PUT_STATE = "INSERT OR REPLACE INTO sync_state VALUES (:kind, :account, :since, :until, :newest, :excess)"


@frozen
class Schema:
    """What makes a database one of a sync.

    Attributes:
        application_id: The integer by which it differs from databases of other programs.
        version: The version of the tables, in `PRAGMA user_version`.
        tables: The SQL that creates the tables of a new one.
    """

    application_id: int
    version: int
    tables: tuple[str, ...]


def open_database(path: Path, name: Path, schema: Schema, *, busy_seconds: float) -> sqlite3.Connection:
    """Open a database, or create one that its owner alone can read.

    Args:
        path: The absolute path, because SQLite gives a meaning to names such as ":memory:".
        name: The path for messages.
        schema: What the database has to be.
        busy_seconds: How long to wait while another program has locked it.

    Raises:
        SyncTargetError: It is another database or none. It was only read.
        OSError: It cannot be opened.
        sqlite3.Error: SQLite cannot open it.
    """
    _check_file(path, name, schema)
    database = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        with transaction(database):
            if database.execute("PRAGMA application_id").fetchone()[0] != schema.application_id:
                database.execute(f"PRAGMA application_id = {schema.application_id}")
                database.execute(f"PRAGMA user_version = {schema.version}")
                for statement in (STATE_TABLE, *schema.tables):
                    database.execute(statement)
    except BaseException:
        database.close()
        raise
    return database


def _check_file(path: Path, name: Path, schema: Schema) -> None:
    # Private from its first moment. SQLite gives the mode to its journal too.
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SyncTargetError(f"{name} is not a regular file")
        header = os.read(fd, _HEADER_BYTES)
    finally:
        # Before SQLite opens the file: a close after it would release the locks of SQLite.
        os.close(fd)
    if not header:
        return
    if not header.startswith(_MAGIC):
        raise SyncTargetError(f"{name} is not an SQLite database, so it was not changed")
    if _integer(header, _APPLICATION_ID_AT) != schema.application_id:
        raise SyncTargetError(f"{name} is a database of another program, so it was not changed")
    version = _integer(header, _USER_VERSION_AT)
    if version != schema.version:
        raise SyncTargetError(
            f"{name} has version {version} of the tables; this plivo_async knows version {schema.version}"
        )


def _integer(header: bytes, at: int) -> int:
    return int.from_bytes(header[at : at + 4], "big")


@contextmanager
def transaction(database: sqlite3.Connection) -> Generator[None, None, None]:
    """Commit what this block writes, or nothing if it raises."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # After some errors, such as a full disk, SQLite has done it.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def get_state(database: sqlite3.Connection, kind: str) -> SyncState | None:
    """Return the state of one kind of records; None if no sync has written any."""
    row = database.execute(_STATE, (kind,)).fetchone()
    if row is None:
        return None
    return SyncState.from_dict(dict(zip(_FIELDS, row, strict=True)))


def put_state(database: sqlite3.Connection, state: SyncState) -> None:
    """Keep a state in place of the one of its kind."""
    database.execute(_PUT_STATE, state.to_dict())
