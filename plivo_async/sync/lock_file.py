"""A lock file: at most one sync writes to a target at a time."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from plivo_async.errors import SyncTargetError


@contextmanager
def lock_file(path: Path, target: Path) -> Generator[None, None, None]:
    """Hold a lock within this block; the lock file exists only then.

    A file system without locks does not end the sync.

    Args:
        path: The path of the lock file.
        target: The target that it protects, for the message.

    Raises:
        SyncTargetError: Another sync holds the lock, or the file cannot be created.
    """
    try:
        fd = _locked(path)
    except BlockingIOError:
        raise SyncTargetError(f"another sync is writing to {target}") from None
    except OSError as error:
        raise SyncTargetError(f"cannot write to {path}: {error.strerror}") from None
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(fd)


def _locked(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(fd)
            if os.path.samestat(path.stat(), os.fstat(fd)):
                return fd
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(fd)
            raise
        # The sync that had the lock has deleted the file.
        os.close(fd)


def _lock(fd: int) -> None:
    # Imported late: Windows lacks it.
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        # SQLite still locks each transaction.
        return
