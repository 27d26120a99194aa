"""SyncTarget: where a sync writes records to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from plivo_async.exported import exported
from plivo_async.sync.changes import Changes
from plivo_async.sync.state import SyncState

R = TypeVar("R")


@exported
class SyncTarget(Protocol):
    """Stores the records of a sync, and its state.

    Raise `SyncTargetError` if the target cannot be used.
    """

    async def state(self, kind: str) -> SyncState | None:
        """Return the state that the last `write` left; None if there was none.

        Args:
            kind: The kind of records: `calls` or `trunk_calls`.
        """
        ...

    async def write(self, records: Sequence[Any], state: SyncState) -> Changes:
        """Write records and the state, all or nothing. A record replaces one with the same call UUID.

        Args:
            records: At most 1,000 records; of two with the same call UUID the later one wins.
            state: The state. Keep it even if there are no records.

        Returns:
            The number of new, changed and unchanged records.
        """
        ...

    async def count(self, kind: str, since: datetime, until: datetime) -> int | None:
        """Return how many calls the target has that ended since `since` and before `until`.

        The sync compares the number with Plivo's, to find records that were written later than its look-back.
        Return None if the target cannot count: then the sync does not compare.

        Args:
            kind: The kind of records: `calls` or `trunk_calls`.
            since: The begin, in UTC, a whole second.
            until: The end, which is not part of the span, in UTC, a whole second.
        """
        ...


async def in_thread(function: Callable[..., R], *arguments: Any) -> R:
    """Run a function in a thread; a cancellation waits for its end, so that nobody closes what it uses."""
    # A future and not a task, because the end of asyncio.run cancels every task.
    running = asyncio.get_running_loop().run_in_executor(None, partial(function, *arguments))
    cancellation: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is not None:
        # Else asyncio logs an error that nobody has looked at.
        running.exception()
        raise cancellation
    return running.result()
