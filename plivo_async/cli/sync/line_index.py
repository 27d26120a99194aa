"""Where each call is in a file of lines: a database beside it, which has the state of the sync too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

from attrs import frozen

from plivo_async.sync.database import Schema, open_database

# "PlCx" in ASCII.
_SCHEMA = Schema(
    0x506C4378,
    1,
    (
        # The parts of the file, one after the other without a gap. Each is the line of a call; `digest` is
        # null for a line that a later one replaces. `ended` is the end of the call, in seconds since 1970.
        "CREATE TABLE line (at INTEGER PRIMARY KEY, digest BLOB UNIQUE, ended REAL)",
        "CREATE INDEX line_by_end ON line (ended)",
        # What is to replace a line when the sync ends; an empty line deletes it.
        "CREATE TABLE change (at INTEGER PRIMARY KEY, line BLOB NOT NULL)",
        # `size`: how far the lines go. `mark`: a hash of the last bytes before. `tail_at`: from where on the
        # file is being replaced by the content of the tail file.
        "CREATE TABLE file (size INTEGER NOT NULL, mark BLOB, tail_at INTEGER)",
        "INSERT INTO file VALUES (0, NULL, NULL)",
    ),
)


@frozen
class Part:
    """The line of a call: its place in the file, in bytes."""

    at: int
    end: int
    digest: bytes | None = None
    ended: float | None = None


class LineIndex:
    """The index of one file. Every method but `open` is called within a transaction, or only reads.

    Attributes:
        database: The open database.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    @classmethod
    def open(cls, path: Path, name: Path) -> LineIndex:
        """Open or create the index at a path.

        Raises:
            SyncTargetError: It is another file.
            OSError: It cannot be opened.
            sqlite3.Error: Another process uses it, or it is damaged.
        """
        # Nobody else reads it, and a second sync must not wait.
        database = open_database(path, name, _SCHEMA, busy_seconds=0.0)
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        return cls(database)

    @property
    def size(self) -> int:
        """The size of the file in bytes, as far as it is indexed."""
        return self._number("SELECT size FROM file")

    @property
    def mark(self) -> bytes | None:
        """The hash of the last bytes before `size`."""
        mark: bytes | None = self.database.execute("SELECT mark FROM file").fetchone()[0]
        return mark

    @property
    def tail_at(self) -> int | None:
        """From where on the tail file replaces the file; None if it does not."""
        at: int | None = self.database.execute("SELECT tail_at FROM file").fetchone()[0]
        return at

    @property
    def calls(self) -> int:
        """The number of calls in the file."""
        return self._number("SELECT count(digest) FROM line")

    @property
    def first_change(self) -> int | None:
        """The place of the first line that is to be replaced; None if there is none."""
        at: int | None = self.database.execute("SELECT min(at) FROM change").fetchone()[0]
        return at

    def set_file(self, size: int, mark: bytes | None, tail_at: int | None = None) -> None:
        """Set the three facts about the file."""
        self.database.execute("UPDATE file SET size = ?, mark = ?, tail_at = ?", (size, mark, tail_at))

    def clear(self) -> None:
        """Forget all lines and changes."""
        self.database.execute("DELETE FROM line")
        self.database.execute("DELETE FROM change")
        self.set_file(0, None)

    def find(self, digest: bytes) -> Part | None:
        """Return the place of a call; None if the file does not have it."""
        found = self.database.execute("SELECT at FROM line WHERE digest = ?", (digest,)).fetchone()
        if found is None:
            return None
        at: int = found[0]
        after = self.database.execute("SELECT min(at) FROM line WHERE at > ?", (at,)).fetchone()[0]
        return Part(at, self.size if after is None else after)

    def count(self, since: float, until: float) -> int:
        """Return the number of calls that ended between two times."""
        query = "SELECT count(digest) FROM line WHERE ended >= ? AND ended < ?"
        count: int = self.database.execute(query, (since, until)).fetchone()[0]
        return count

    def add(self, at: int, digest: bytes, ended: float | None) -> None:
        """Add the line of a call; an earlier line of the same call is to be deleted."""
        earlier = self.database.execute("SELECT at FROM line WHERE digest = ?", (digest,)).fetchone()
        if earlier is not None:
            self.database.execute("UPDATE line SET digest = NULL WHERE at = ?", earlier)
            self.change(earlier[0], b"", None)
        self.database.execute("INSERT INTO line VALUES (?, ?, ?)", (at, digest, ended))

    def change(self, at: int, line: bytes, ended: float | None) -> None:
        """Note what is to replace the line at this place."""
        self.database.execute("INSERT OR REPLACE INTO change VALUES (?, ?)", (at, line))
        self.database.execute("UPDATE line SET ended = ? WHERE at = ?", (ended, at))

    def changed(self, at: int) -> bytes | None:
        """Return what is to replace the line at this place; None if nothing is."""
        found = self.database.execute("SELECT line FROM change WHERE at = ?", (at,)).fetchone()
        return None if found is None else found[0]

    def last_at(self) -> int | None:
        """Return the place of the last line; None if there is no line."""
        at: int | None = self.database.execute("SELECT max(at) FROM line").fetchone()[0]
        return at

    def parts(self, first: int) -> Iterator[Part]:
        """Return the lines from a place on, in their order."""
        rows = self.database.execute("SELECT at, digest, ended FROM line WHERE at >= ? ORDER BY at", (first,))
        for (at, digest, ended), (after, *_) in pairwise(chain(rows, [(self.size, None, None)])):
            yield Part(at, after, digest, ended)

    def begin_move(self) -> None:
        """Begin a list of new places."""
        columns = "at INTEGER PRIMARY KEY, digest BLOB, ended REAL"
        self.database.execute(f"CREATE TEMP TABLE IF NOT EXISTS moved ({columns})")
        self.database.execute("DELETE FROM moved")

    def move(self, at: int, part: Part) -> None:
        """Add a line to the list of new places."""
        self.database.execute("INSERT INTO moved VALUES (?, ?, ?)", (at, part.digest, part.ended))

    def end_move(self, first: int) -> None:
        """Replace the lines from a place on by those in the list, and forget all changes."""
        self.database.execute("DELETE FROM line WHERE at >= ?", (first,))
        self.database.execute("INSERT INTO line SELECT at, digest, ended FROM moved")
        self.database.execute("DELETE FROM moved")
        self.database.execute("DELETE FROM change")

    def _number(self, query: str) -> int:
        number: int = self.database.execute(query).fetchone()[0]
        return number
