"""Waits for tasks to end, whatever arrives meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from typing import Any

# A cancellation that comes so long after the first wait began is passed on to tasks that do not end.
_PATIENT_SECONDS = 5.0


async def outlast(tasks: AbstractSet[asyncio.Task[Any]]) -> asyncio.CancelledError | None:
    """Wait until all tasks have ended, as `asyncio.TaskGroup` does, even if cancelled again and again.

    anyio cancels a task on every turn of the event loop until it leaves the scope. A wait that gave up then
    would leave calls behind.

    Returns:
        The last cancellation that arrived meanwhile, to be raised when everything is closed.
    """
    cancellation: asyncio.CancelledError | None = None
    clock = asyncio.get_running_loop().time
    began = clock()
    while waiting := {task for task in tasks if not task.done()}:
        try:
            await asyncio.wait(waiting)
        except asyncio.CancelledError as error:
            cancellation = error
            if clock() - began > _PATIENT_SECONDS:
                for task in waiting:
                    task.cancel()
    return cancellation
