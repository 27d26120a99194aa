"""The call UUIDs of an export: from arguments, a file or stdin, without repetitions."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Self, TextIO, cast

import click
from attrs import define, field

from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.inputs.parser import InputParser

_CHUNK_BYTES = 1 << 16
_COUNTED_CHUNK_BYTES = 1 << 20
_ROWS_PER_STEP = 10_000


@define
class ByteInput:
    """Reads a file descriptor without blocking the event loop: a pipe may be silent for hours.

    Attributes:
        fd: The file descriptor.
        name: The name for error messages.
        limit: The number of bytes to read at most; None for all.
    """

    fd: int
    name: str
    limit: int | None = None
    _is_stopped: bool = field(default=False, init=False)
    _ready: asyncio.Event = field(factory=asyncio.Event, init=False)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(os.fstat(self.fd).st_mode)

    async def read(self) -> bytes:
        """Return the next bytes; none at the end, and none after `stop`.

        Raises:
            ClickException: The input cannot be read.
        """
        size = _CHUNK_BYTES if self.limit is None else min(_CHUNK_BYTES, self.limit)
        # For a file too: reading ahead must not delay the calls in progress.
        await asyncio.sleep(0)
        try:
            if not await self._readable():
                return b""
            chunk = os.read(self.fd, size)
        except OSError as error:
            raise click.ClickException(f"cannot read {self.name}: {error.strerror}") from None
        if self.limit is not None:
            self.limit -= len(chunk)
        return chunk

    def stop(self) -> None:
        """End a wait for bytes, and the input."""
        self._is_stopped = True
        self._ready.set()

    async def _readable(self) -> bool:
        if self._is_stopped:
            return False
        loop = asyncio.get_running_loop()
        self._ready.clear()
        try:
            loop.add_reader(self.fd, self._ready.set)
        except PermissionError:
            # A file is always readable, and epoll rejects it.
            return True
        try:
            await self._ready.wait()
        finally:
            loop.remove_reader(self.fd)
        return not self._is_stopped

    def count_lines(self) -> int | None:
        """Return the number of lines of a file; None for a pipe, a device, or a file that cannot be read."""
        if not self.is_file:
            return None
        lines, at, last = 0, 0, b"\n"
        try:
            while chunk := os.pread(self.fd, _COUNTED_CHUNK_BYTES, at):
                lines += chunk.count(b"\n")
                at += len(chunk)
                last = chunk
        except OSError:
            # `read` names the file.
            return None
        return lines + (not last.endswith(b"\n"))


def open_input(path: str | None) -> ByteInput:
    """Open a file, or stdin for None and "-".

    Raises:
        ClickException: stdin is closed, or the file cannot be read.
    """
    if path is None or path == "-":
        stdin = cast("TextIO | None", sys.stdin)
        if stdin is None:
            raise click.ClickException("stdin is closed")
        return ByteInput(stdin.fileno(), "stdin")
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            raise IsADirectoryError(0, "it is a folder")
    except OSError as error:
        raise click.ClickException(f"cannot read {Path(path)}: {error.strerror}") from None
    return ByteInput(fd, path)


class IdSource:
    """An async iterable of call UUIDs, without repetitions and without those already written.

    Attributes:
        seen: The ids read so far.
        stopped: Whether `stop` was called.
        given: The number of ids read.
        blank: The number of lines without an id, rows or not.
        without_id: The number of rows without an id.
        duplicates: The number of ids that were read before.
        skipped: The number of ids that were already written.
        pulled: The number of ids that the iterator returned.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        inputs: Sequence[ByteInput] = (),
        *,
        column: str | None = None,
        key: str | None = None,
        written: IdSet | None = None,
    ) -> None:
        self.seen = IdSet()
        self._written = written
        self._inputs = list(inputs)
        self._parsers = [InputParser(source.name, column=column, key=key) for source in inputs]
        self._at = 0
        self._arguments = len(arguments)
        counts = [source.count_lines() for source in inputs]
        self._lines = None if None in counts else sum(count or 0 for count in counts)
        self._ids: Iterator[str | None] = iter(arguments)
        self._reads_rows = False
        self.stopped = False
        self.given = self.blank = self.without_id = self.duplicates = self.skipped = self.pulled = 0

    @property
    def left(self) -> int | None:
        """The number of ids left at most; None if unknown."""
        if self._lines is None or not all(parser.has_row_per_line for parser in self._parsers):
            return None
        return self._lines + self._arguments - self.given - self.blank

    def stop(self) -> None:
        """End the iteration."""
        self.stopped = True
        for source in self._inputs:
            source.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not self.stopped:
            rows = 0
            for call_uuid in islice(self._ids, _ROWS_PER_STEP):
                rows += 1
                if self._is_wanted(call_uuid):
                    self.pulled += 1
                    return str(call_uuid)
            if rows == _ROWS_PER_STEP:
                # Many rows may have no new id, and they must not hold up a signal.
                await asyncio.sleep(0)
            elif self._at == len(self._inputs):
                break
            else:
                await self._read()
        raise StopAsyncIteration

    def _is_wanted(self, call_uuid: str | None) -> bool:
        # An empty argument is a mistake of its own, which the client refuses.
        if call_uuid is None or (not call_uuid and self._reads_rows):
            self.blank += 1
            self.without_id += call_uuid is not None
            return False
        self.given += 1
        if not self.seen.add(call_uuid):
            self.duplicates += 1
            return False
        if self._written is not None and call_uuid in self._written:
            self.skipped += 1
            return False
        return True

    async def _read(self) -> None:
        parser = self._parsers[self._at]
        chunk = await self._inputs[self._at].read()
        self._reads_rows = True
        if chunk:
            self._ids = parser.feed(chunk)
        elif not self.stopped:
            self._ids = parser.close()
            self._at += 1
