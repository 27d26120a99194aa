"""Removes lines from an open file, which keeps its mode, its owner and its links."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import IO

from plivo_async.cli.export.file_system import positioned_writes, pwrite_all, sync

_SPOOLED_BYTES = 1 << 20


def remove_lines(path: Path, fd: int, before: int, is_removed: Callable[[bytes], bool]) -> None:
    """Remove lines of the first `before` bytes; write the file anew if it was deleted.

    A new file replaces the old one, so that a kill or a full disk leaves all lines. Only if none can, because
    of a second name, a folder without write permission or another owner, the content is replaced in place.

    Args:
        path: The path of the file; a symbolic link to it remains.
        fd: The open file.
        before: The size in bytes of the lines that may be removed.
        is_removed: Whether to remove a line.

    Raises:
        OSError: The file cannot be changed.
    """
    target = Path(os.path.realpath(path))
    successor = _open_successor(target, fd)
    with os.fdopen(os.dup(fd), "rb") as old, successor or SpooledTemporaryFile(_SPOOLED_BYTES) as kept:
        try:
            old.seek(0)
            while old.tell() < before:
                line = old.readline()
                if not is_removed(line):
                    kept.write(line)
            shutil.copyfileobj(old, kept)
            kept.flush()
            if successor is None or not kept.tell():
                kept.seek(0)
                with positioned_writes(fd):
                    os.ftruncate(fd, pwrite_all(fd, iter(lambda: kept.read(_SPOOLED_BYTES), b"")))
            else:
                sync(successor.fileno(), str(path))
                Path(successor.name).replace(target)
        finally:
            if successor is not None:
                Path(successor.name).unlink(missing_ok=True)


def _open_successor(target: Path, fd: int) -> IO[bytes] | None:
    found = os.fstat(fd)
    if found.st_nlink > 1:
        return None
    try:
        successor = NamedTemporaryFile(dir=target.parent, prefix=".plivo-async-", delete=False)  # noqa: SIM115
    except OSError:
        if not found.st_nlink:
            raise
        return None
    try:
        os.fchown(successor.fileno(), found.st_uid, found.st_gid)
        os.fchmod(successor.fileno(), stat.S_IMODE(found.st_mode))
    except OSError:
        if found.st_nlink:
            successor.close()
            Path(successor.name).unlink()
            return None
    return successor
