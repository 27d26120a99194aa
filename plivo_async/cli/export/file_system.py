"""Locks and synchronises files; a file system that cannot do this is no reason to end an export."""

from __future__ import annotations

import errno
import os
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
