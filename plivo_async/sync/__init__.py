"""Keeps a database up to date with the calls of an account: `Sync`, and targets for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plivo_async.sync.changes import Changes
    from plivo_async.sync.sqlite_target import SQLiteTarget
    from plivo_async.sync.state import SyncState
    from plivo_async.sync.sync import Sync, SyncReport
    from plivo_async.sync.target import SyncTarget

__all__ = ["Changes", "SQLiteTarget", "Sync", "SyncReport", "SyncState", "SyncTarget"]

_MODULES = {
    "Changes": "changes",
    "SQLiteTarget": "sqlite_target",
    "Sync": "sync",
    "SyncReport": "sync",
    "SyncState": "state",
    "SyncTarget": "target",
}


def __getattr__(name: str) -> Any:
    # Late, because the state and the changes of a sync are of use without SQLite.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
