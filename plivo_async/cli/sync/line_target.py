"""A sync into a file of lines, NDJSON or CSV, in which each call is once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

import click

from plivo_async.cli.export.file_system import sync
from plivo_async.cli.export.id_set import digest_of
from plivo_async.cli.export.output_file import open_locked
from plivo_async.cli.export.record_format import (
    FileFormat,
    encoder,
    header,
    record_in_row,
)
from plivo_async.cli.export.record_scan import NotAnExportError, Scan, scan
from plivo_async.cli.output import report
from plivo_async.cli.sync.line_index import LineIndex, Part
from plivo_async.errors import PlivoError, SyncTargetError
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord
from plivo_async.sync.changes import Changes, changed_fields
from plivo_async.sync.database import get_state, put_state, transaction
from plivo_async.sync.state import SyncState
from plivo_async.sync.target import in_thread

Record: TypeAlias = CallDetailRecord | TrunkCallDetailRecord

_MARK_BYTES = 4096
_COPY_BYTES = 1 << 20
# More than a sync that is killed can have appended. A longer rest is read with the whole file.
_LONGEST_REST_BYTES = 1 << 24


class LineTarget:
    """A file that a sync keeps up to date, to use within `async with`.

    New records are appended. Records that changed are collected in the index, and replace their lines at the
    end: the part of the file from the first of them on is written to a tail file, and from there to its
    place. A sync that is killed leaves an index that the next one completes.

    Args:
        path: The path of the file.
        file_format: Its format.
        kind: The class of its records; that of SIP-trunk calls is for NDJSON.
    """

    def __init__(self, path: Path, file_format: FileFormat, kind: type[Record] = CallDetailRecord) -> None:
        self._kind = kind
        self._path = path
        # Beside the file itself: an index beside each symbolic link to it would miss what others change.
        real = path.resolve() if path.is_symlink() else path
        self._index_path = real.with_name(f"{real.name}.sync")
        self._tail_path = real.with_name(f"{real.name}.sync-tail")
        self._format: FileFormat = file_format
        self._encode = encoder(file_format)
        self._stack = ExitStack()
        self._fd = -1
        self._opened: LineIndex | None = None
        self._is_ready = self._is_used = False

    async def __aenter__(self) -> Self:
        await in_thread(self._open)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await in_thread(self._close)

    async def state(self, kind: str) -> SyncState | None:
        """Return the state that the last `write` left; None if there was none."""
        return await in_thread(self._state, kind)

    async def write(self, records: Sequence[Record], state: SyncState) -> Changes:
        """Append new records, note changed ones, and keep the state."""
        return await in_thread(self._write, records, state)

    async def count(self, kind: str, since: datetime, until: datetime) -> int:
        """Return how many calls ended since `since` and before `until`."""
        return await in_thread(self._count, kind, since, until)

    @property
    def _index(self) -> LineIndex:
        assert self._opened is not None  # noqa: S101 - for the type checkers
        return self._opened

    def _open(self) -> None:
        with ExitStack() as stack, self._errors():
            if os.path.exists(self._path) and not os.path.isfile(self._path):  # noqa: PTH110, PTH113
                raise SyncTargetError(f"{self._path} is not a regular file")
            is_new = not os.path.lexists(self._path)
            try:
                self._fd = open_locked(self._path, 0)
            except click.ClickException:
                raise SyncTargetError(f"another export or sync is writing to {self._path}") from None
            stack.callback(os.close, self._fd)
            if is_new:
                stack.callback(self._delete_unused)
            if not os.path.lexists(self._index_path):
                stack.callback(self._delete_unused_index)
            self._opened = LineIndex.open(self._index_path.absolute(), self._index_path)
            stack.callback(self._opened.database.close)
            self._finish_tail()
            self._catch_up()
            self._apply_changes()
            self._is_ready = True
            self._stack = stack.pop_all()

    def _close(self) -> None:
        with self._stack, self._errors():
            self._apply_changes()
            if not os.fstat(self._fd).st_nlink:
                raise SyncTargetError(
                    f"{self._path} was deleted during the sync: the next one reads everything again"
                )

    def _delete_unused(self) -> None:
        if not self._is_used and not os.fstat(self._fd).st_size:
            with suppress(OSError):
                self._path.unlink()

    def _delete_unused_index(self) -> None:
        if not self._is_ready or not (self._is_used or os.fstat(self._fd).st_size):
            self._index_path.unlink(missing_ok=True)

    def _state(self, kind: str) -> SyncState | None:
        with self._errors():
            other = self._index.database.execute(
                "SELECT kind FROM sync_state WHERE kind != ?", (kind,)
            ).fetchone()
            if other is not None:
                raise SyncTargetError(f"{self._path} has {other[0]}, not {kind}: name another file")
            return get_state(self._index.database, kind)

    def _count(self, _kind: str, since: datetime, until: datetime) -> int:
        with self._errors():
            return self._index.count(since.timestamp(), until.timestamp())

    def _write(self, records: Sequence[Record], state: SyncState) -> Changes:
        with self._errors(), transaction(self._index.database):
            size = self._index.size
            changes, new = self._sort(records)
            at = size
            lines = list[bytes]()
            if not size:
                lines.append(header(self._format))
                at += len(lines[0])
            for digest, (line, ended) in new.items():
                self._index.add(at, digest, ended)
                lines.append(line)
                at += len(line)
            self._append(size, b"".join(lines))
            self._index.set_file(at, self._mark(at))
            put_state(self._index.database, state)
        self._is_used = True
        return changes

    def _sort(self, records: Sequence[Record]) -> tuple[Changes, dict[bytes, tuple[bytes, float | None]]]:
        """Note the records that changed; return the lines of the new ones, and when they ended."""
        changes = Changes()
        new: dict[bytes, tuple[bytes, float | None]] = {}
        for record in records:
            line, digest = self._encode(record), digest_of(record.call_uuid)
            part = None if digest in new else self._index.find(digest)
            if digest not in new and part is None:
                changes.new += 1
                new[digest] = line, _ended(record)
                continue
            old = new[digest][0] if part is None else self._line(part)
            changed = () if old.strip() == line.strip() else self._changed(old, line)
            changes.count(changed)
            if changed and part is None:
                new[digest] = line, _ended(record)
            elif changed and part is not None:
                self._index.change(part.at, line, _ended(record))
        return changes, new

    def _line(self, part: Part) -> bytes:
        line = self._index.changed(part.at)
        return os.pread(self._fd, part.end - part.at, part.at) if line is None else line

    def _changed(self, old: bytes, new: bytes) -> tuple[str, ...]:
        # Both as they are read back, because CSV has one form for an empty text and for none.
        return changed_fields(self._decode(old), self._decode(new))

    def _decode(self, line: bytes) -> Record:
        try:
            return record_in_row(line.strip(b"\r\n")) if self._format == "csv" else self._kind.from_json(line)
        except (PlivoError, ValueError) as error:
            raise SyncTargetError(f"{self._path} was changed during the sync: {error}") from None

    def _append(self, size: int, lines: bytes) -> None:
        try:
            self._write_at(size, lines)
            sync(self._fd, str(self._path))
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, size)
            raise

    def _write_at(self, at: int, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            written = os.pwrite(self._fd, rest, at)
            rest, at = rest[written:], at + written

    def _mark(self, size: int) -> bytes:
        """Return a hash of the last bytes, which shows whether another program has replaced the file."""
        begin = max(0, size - _MARK_BYTES)
        return blake2b(os.pread(self._fd, size - begin, begin), digest_size=16).digest()

    def _catch_up(self) -> None:
        """Index what the file has beyond the index: of a sync that was killed, or of another program."""
        index = self._index
        size, known = os.fstat(self._fd).st_size, index.size
        if size >= known and index.tail_at is None and index.mark in (None, self._mark(known)):
            if size > known:
                try:
                    self._read_back((index.last_at() or 0) if size - known <= _LONGEST_REST_BYTES else 0)
                except SyncTargetError:
                    # From the first line, so that the message has the number of the line.
                    self._read_back(0)
            return
        calls = index.calls
        self._read_back(0)
        if index.calls < calls:
            report(f"{self._path} has fewer records than the last sync left: reading all that the API keeps")
            index.database.execute("DELETE FROM sync_state")

    def _read_back(self, first: int) -> None:
        with transaction(self._index.database):
            if first:
                self._index.database.execute("DELETE FROM line WHERE at >= ?", (first,))
            else:
                self._index.clear()
            found = self._scan(first)
            end = found.end
            os.ftruncate(self._fd, end)
            if found.lacks_newline:
                self._write_at(end, b"\n")
                end += 1
            if found.torn:
                report(f"{self._path}: removed an incomplete last line ({found.torn:,} bytes)")
            sync(self._fd, str(self._path))
            self._index.set_file(end, self._mark(end))

    def _scan(self, first: int) -> Scan:
        """Index the lines from the begin of one on."""
        top = header(self._format)
        at = first or len(top)
        shift = 0
        with ExitStack() as stack:
            opened: BinaryIO = stack.enter_context(os.fdopen(os.dup(self._fd), "rb"))
            if first:
                shift = first - len(top)
                opened.seek(first)
                opened = BytesIO(top + opened.read())
            else:
                opened.seek(0)

            def add(record: Record) -> None:
                nonlocal at
                self._index.add(at, digest_of(record.call_uuid), _ended(record))
                at = opened.tell() + shift

            try:
                found = scan(opened, str(self._path), add, self._kind)
            except NotAnExportError as error:
                raise SyncTargetError(f"{error.message}; {self._path} was not changed") from None
        if found.file_format != self._format and (found.end or found.torn):
            raise SyncTargetError(
                f"{self._path} is {found.file_format}, not {self._format}; it was not changed"
            )
        return Scan(found.file_format, found.end + shift, found.lacks_newline, found.torn)

    def _apply_changes(self) -> None:
        """Replace the lines that changed: write the rest of the file anew, from the first of them on."""
        index = self._index
        first = index.first_change
        if first is None:
            return
        with transaction(index.database):
            index.begin_move()
            at = first
            with _new_file(self._tail_path) as tail:
                for part in index.parts(first):
                    line = self._line(part)
                    if line:
                        index.move(at, part)
                        tail.write(line)
                        at += len(line)
                tail.flush()
                sync(tail.fileno(), str(self._tail_path))
            index.end_move(first)
            index.set_file(at, None, first)
        self._finish_tail()

    def _finish_tail(self) -> None:
        """Put the tail file into its place, also after a sync that was killed while it did so."""
        index = self._index
        at, size = index.tail_at, index.size
        if at is not None and _size(self._tail_path) == size - at:
            with self._tail_path.open("rb") as tail:
                end = at
                while content := tail.read(_COPY_BYTES):
                    self._write_at(end, content)
                    end += len(content)
            os.ftruncate(self._fd, size)
            sync(self._fd, str(self._path))
            index.set_file(size, self._mark(size))
        self._tail_path.unlink(missing_ok=True)

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise SyncTargetError(
                f"cannot write to {error.filename or self._path}: {error.strerror}"
            ) from None
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise SyncTargetError(f"another sync is writing to {self._path}") from None
            raise SyncTargetError(f"cannot use {self._index_path}: {error}") from None


def _ended(record: Record) -> float | None:
    return None if record.end_time is None else record.end_time.timestamp()


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
