"""The output of an export: a file or stdout, written line by line without a buffer."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BufferedIOBase, FileIO, RawIOBase
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import click
from attrs import define, field

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.file_system import lock, positioned_writes, pwrite_all, sync
from plivo_async.cli.streams import discard


class OutputError(click.ClickException):
    """A line could not be written; a file ends with a complete line."""


class ReaderGoneError(OutputError):
    """The reader closed the pipe."""

    exit_code = ExitCode.BROKEN_PIPE


@define
class Output:
    """Writes lines; none stays in a buffer of this process.

    Attributes:
        raw: The stream to write to.
        name: The name for error messages.
        fd: The file descriptor; None if it is never waited for.
        is_file: Whether it is a regular file, from which an incomplete line can be removed.
        end: The size of the file in bytes, all of them complete lines.
        is_new: Whether the first line is still to be written, in place of what the file has.
    """

    raw: RawIOBase | BufferedIOBase
    name: str
    fd: int | None
    is_file: bool = False
    end: int = 0
    is_new: bool = field(default=False, init=False)
    _header: bytes = field(default=b"", init=False)
    _poll: select.poll | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self.fd is not None and not self.is_file:
            self._poll = select.poll()
            self._poll.register(self.fd, select.POLLOUT)

    @property
    def keeps_old_content(self) -> bool:
        """Whether no line has replaced the old content yet."""
        return self.is_new and self.end > 0

    def begin(self, header: bytes) -> None:
        """Replace the content of a file by a header and the first line, as soon as there is a line.

        Args:
            header: The header with its newline; empty for none.
        """
        self.is_new, self._header = True, header

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises:
            OutputError: The write failed.
        """
        line = self._header + line
        try:
            if self.keeps_old_content and self.fd is not None:
                _replace_content(self.fd, line)
                self.end = 0
            else:
                self._append(line)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise ReaderGoneError(f"{self.name}: the reader closed the pipe") from None
            raise OutputError(f"cannot write to {self.name}: {error.strerror}") from None
        self.end += len(line)
        self.is_new, self._header = False, b""

    @contextmanager
    def read_back(self) -> Generator[BinaryIO, None, None]:
        """Read a file from its start, also if its name leads to another one by now."""
        assert self.fd is not None  # noqa: S101 - for the type checkers
        with os.fdopen(os.dup(self.fd), "rb") as file:
            file.seek(0)
            yield file

    def cut(self, end: int) -> None:
        """Remove all bytes of a file from this position on."""
        assert self.fd is not None  # noqa: S101 - for the type checkers
        os.ftruncate(self.fd, end)
        self.end = end

    async def wait_until_writable(self) -> None:
        """Wait while a pipe is full, so that a slow reader does not block the event loop."""
        poll, fd = self._poll, self.fd
        if poll is None or fd is None or poll.poll(0):
            return
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(fd)

    def sync(self) -> None:
        """Flush a file from the memory of the system to the disk, at the end of an export.

        Without a record, a file that was empty has the header now, and any other has its old content.

        Raises:
            OutputError: The disk reported an error, or somebody deleted, moved, replaced or emptied the file.
        """
        if self.is_new and not self.end:
            self.write(b"")
        if self.is_file and self.fd is not None:
            self.check_place()
            try:
                sync(self.fd, self.name)
            except OSError as error:
                raise OutputError(f"cannot write to {self.name}: {error.strerror}") from None

    @property
    def is_deleted(self) -> bool:
        """Whether a file has lost its last name."""
        return self.is_file and self.fd is not None and not os.fstat(self.fd).st_nlink

    @property
    def is_in_place(self) -> bool:
        """Whether the name still leads to the file, as it does not after a log rotation."""
        if not self.is_file or self.fd is None:
            return True
        try:
            return _is_at(Path(self.name), self.fd)
        except OSError:
            # A folder that may no longer be searched hides the file, but keeps it.
            return not self.is_deleted

    def check_place(self, content: str = "records") -> None:
        """Check that the content is where the user expects it.

        Args:
            content: What was written, for the error message.

        Raises:
            OutputError: Somebody deleted, moved, replaced or emptied the file.
        """
        if self.is_in_place:
            if self.is_file and self.fd is not None and os.fstat(self.fd).st_size < self.end:
                raise OutputError(f"{self.name} was cut short during the export, and lost {content}")
            return
        if self.is_deleted:
            raise OutputError(f"{self.name} was deleted during the export, and its {content} with it")
        raise OutputError(
            f"{self.name} was moved or replaced during the export: "
            f"its {content} are in the file that was moved"
        )

    def delete_if_empty(self, path: Path) -> None:
        """Delete the file if it has no content; a symbolic link stays, with an empty file."""
        if self.is_file and self.fd is not None and not os.fstat(self.fd).st_size:
            with suppress(OSError):
                if not path.is_symlink() and _is_at(path, self.fd):
                    path.unlink()

    def _append(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self.raw.write(rest) or 0 :]
            self.raw.flush()
        except OSError:
            self._remove_partial_line(len(line) - len(rest))
            raise

    def _remove_partial_line(self, size: int) -> None:
        if self.is_file and self.fd is not None:
            with suppress(OSError):
                # Without locks, another program may have appended to the file meanwhile.
                if os.fstat(self.fd).st_size == self.end + size:
                    os.ftruncate(self.fd, self.end)
        elif self.raw is _stdout_buffer():
            discard(cast("TextIO", sys.stdout))


@contextmanager
def stdout_output() -> Generator[Output, None, None]:
    """Write to stdout, be it a file, a pipe or a terminal.

    Raises:
        ClickException: stdout is closed.
    """
    buffer = _stdout_buffer()
    if buffer is None:
        raise click.ClickException("stdout is closed")
    fd: int | None = None
    # The stdout of a test has no file descriptor.
    with suppress(OSError):
        fd = sys.stdout.fileno()
    # A file is always writable.
    if fd is not None and stat.S_ISREG(os.fstat(fd).st_mode):
        fd = None
    yield Output(buffer, "stdout", fd)


@contextmanager
def file_output(path: Path) -> Generator[Output, None, None]:
    """Open and lock a file to append to, or open a device; create the file if it does not exist.

    A new file is private. It is deleted if this block raises a ClickException before the first line.

    Raises:
        ClickException: The file cannot be opened, or another export has locked it.
    """
    is_new = not os.path.lexists(path)
    # Unlike their namesakes of Path, these report no error for a name that is too long.
    is_file = not os.path.exists(path) or os.path.isfile(path)  # noqa: PTH110, PTH113
    try:
        fd = open_locked(path, os.O_APPEND) if is_file else os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError as error:
        raise click.ClickException(f"cannot write to {path}: {error.strerror}") from None
    with FileIO(fd, "r+" if is_file else "w") as raw:
        output = Output(raw, str(path), fd, is_file, os.fstat(fd).st_size if is_file else 0)
        try:
            yield output
        except click.ClickException:
            if is_new and not output.end:
                output.delete_if_empty(path)
            raise


def open_locked(path: Path, flags: int) -> int:
    """Open a file to read and write, and lock it; create it if it does not exist. A new file is private.

    Raises:
        ClickException: Another process has locked it.
        OSError: It cannot be opened.
    """
    while True:
        # Readable too, because --resume reads it back.
        fd = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
        try:
            lock(fd, path)
            if _is_at(path, fd):
                return fd
        except click.ClickException:
            os.close(fd)
            raise
        # The export that had the lock has deleted the file.
        os.close(fd)


def _is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _replace_content(fd: int, line: bytes) -> None:
    """Write a line over the content of a file, then remove the rest of it.

    In place, so that links to the file, its mode and its lock remain. A kill between the two steps leaves the
    line and a rest of the old content.

    Raises:
        OSError: The write failed; the file has its old content.
    """
    # The byte after the line makes a rest of the old content recognisable as damage.
    new = line + b"\0" if line else b""
    size, old = os.fstat(fd).st_size, os.pread(fd, len(new), 0)
    with positioned_writes(fd):
        try:
            pwrite_all(fd, [new])
            os.ftruncate(fd, len(line))
        except OSError:
            with suppress(OSError):
                pwrite_all(fd, [old])
                os.ftruncate(fd, size)
            raise


def _stdout_buffer() -> BufferedIOBase | None:
    return cast("BufferedIOBase | None", getattr(sys.stdout, "buffer", None))
