"""Where an export's records are written: a file of its own, or stdout. Whole lines, at once."""

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
from typing import TextIO, cast

import click
from attrs import define, field

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.output import discard
from plivo_async.cli.waiting import resolve


class OutputError(click.ClickException):
    """A record could not be written; the file ends with a whole line."""


class ReaderGoneError(OutputError):
    """Nobody reads what is written any more."""

    exit_code = ExitCode.BROKEN_PIPE


@define
class Output:
    """Writes lines, each whole before the next one; nothing stays in a buffer of this process.

    end: bytes in the file, all of them whole lines.
    """

    raw: RawIOBase | BufferedIOBase
    name: str
    fd: int | None
    is_file: bool = False
    end: int = 0
    _poll: select.poll | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self.fd is not None and not self.is_file:
            self._poll = select.poll()
            self._poll.register(self.fd, select.POLLOUT)

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises: OutputError.
        """
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self.raw.write(rest) or 0 :]
            self.raw.flush()
        except OSError as error:
            self._take_back()
            if isinstance(error, BrokenPipeError):
                raise ReaderGoneError(f"{self.name} is closed: its reader went away") from None
            raise OutputError(f"cannot write to {self.name}: {error.strerror}") from None
        self.end += len(line)

    async def writable(self) -> None:
        """Wait while a pipe is full: a slow reader must not stop the event loop."""
        poll, fd = self._poll, self.fd
        if poll is None or fd is None or poll.poll(0):
            return
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        loop.add_writer(fd, resolve, waiter)
        try:
            await waiter
        finally:
            loop.remove_writer(fd)

    def sync(self) -> None:
        """Have a file on the disk, not only in the memory of the system.

        Raises: OutputError.
        """
        if self.is_file and self.fd is not None:
            try:
                os.fsync(self.fd)
            except OSError as error:
                raise OutputError(f"cannot write to {self.name}: {error.strerror}") from None

    def _take_back(self) -> None:
        if self.is_file and self.fd is not None:
            with suppress(OSError):
                os.ftruncate(self.fd, self.end)
        elif self.raw is _stdout_buffer():
            discard(cast("TextIO", sys.stdout))


@contextmanager
def stdout_output() -> Generator[Output, None, None]:
    """stdout, whatever it is.

    Raises: ClickException.
    """
    buffer = _stdout_buffer()
    if buffer is None:
        raise click.ClickException("stdout is closed")
    fd: int | None = None
    # A test's stdout has none.
    with suppress(OSError):
        fd = sys.stdout.fileno()
    # A file can always be written to.
    if fd is not None and stat.S_ISREG(os.fstat(fd).st_mode):
        fd = None
    yield Output(buffer, "stdout", fd)


@contextmanager
def file_output(path: Path) -> Generator[Output, None, None]:
    """A file to append to, created where there is none, that no other export writes to; or a device.

    Raises: ClickException.
    """
    try:
        is_file = not path.exists() or path.is_file()
        # Read too, because a file is its own checkpoint.
        mode = os.O_RDWR | os.O_CREAT if is_file else os.O_WRONLY
        fd = os.open(path, mode | os.O_APPEND, 0o666)
    except OSError as error:
        raise click.ClickException(f"cannot write to {path}: {error.strerror}") from None
    with FileIO(fd, "r+" if is_file else "w") as raw:
        if is_file:
            _lock(fd, path)
        yield Output(raw, str(path), fd, is_file, os.fstat(fd).st_size if is_file else 0)


def _lock(fd: int, path: Path) -> None:
    # Here, because Windows has none.
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise click.ClickException(f"another export is writing to {path}") from None


def _stdout_buffer() -> BufferedIOBase | None:
    return cast("BufferedIOBase | None", getattr(sys.stdout, "buffer", None))
