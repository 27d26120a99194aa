"""Locks, synchronises and overwrites files; a file system without locks or fsync ends no export."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import click

from plivo_async.cli.output import report

# EIO, ENOSPC and EDQUOT are not among them: after these, written lines may be lost.
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def lock(fd: int, path: Path) -> None:
    """Lock a file for this process, or warn that the file system cannot do it.

    Raises:
        ClickException: Another export has locked the file.
    """
    # Imported late: Windows lacks it.
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise click.ClickException(f"another export is writing to {path}") from None
    except OSError as error:
        report(f"cannot lock {path} ({error.strerror}): do not run two exports into it at once")


def sync(fd: int, name: str) -> None:
    """Flush a file from the memory of the system to the disk, or warn that the file system cannot do it.

    Raises:
        OSError: The disk reported an error.
    """
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
        report(f"cannot synchronise {name} with the disk ({error.strerror}): a power cut could lose records")


@contextmanager
def positioned_writes(fd: int) -> Generator[None, None, None]:
    """Let `os.pwrite` heed its position within this block, which a file that is opened to append ignores."""
    # Imported late: Windows lacks it.
    import fcntl

    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags & ~os.O_APPEND)
    try:
        yield
    finally:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)


def pwrite_all(fd: int, chunks: Iterable[bytes]) -> int:
    """Write over the start of a file; return the number of bytes.

    Raises:
        OSError: A write failed.
    """
    at = 0
    for chunk in chunks:
        rest = chunk
        while rest:
            size = os.pwrite(fd, rest, at)
            at, rest = at + size, rest[size:]
    return at
