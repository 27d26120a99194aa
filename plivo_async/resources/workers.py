"""Workers: the tasks of a batch, as many as there is work. Each does one piece after the other."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

from plivo_async.resources.cleanup import outlast


class Workers:
    """Tasks that are added while there is work, and end when they find none.

    Args:
        work: What each of them does, until it finds no work.
        is_wanted: Returns whether there is work for one more.
        ended: Called when one has ended, with its exception.
        cannot_begin: Called when none can be added, with the exception of the task factory.

    Attributes:
        starting: How many have been created that have not begun.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        is_wanted: Callable[[], bool],
        ended: Callable[[BaseException | None], None],
        cannot_begin: Callable[[BaseException], None],
    ) -> None:
        self._work = work
        self._is_wanted = is_wanted
        self._when_ended = ended
        self._cannot_begin = cannot_begin
        self._tasks: set[asyncio.Task[None]] = set()
        self._adding = False
        self.starting = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self) -> None:
        """Add the first one soon; all of them run in the present context."""
        self._context = contextvars.copy_context()
        # Not at once: an eager task would work before its caller expects it.
        asyncio.get_running_loop().call_soon(self.add)

    def add(self) -> None:
        """Add one more if there is work; it will add the next."""
        # A worker that an eager task factory runs at once returns here, and adds no other within itself.
        if self._adding:
            return
        self._adding = True
        while self._is_wanted():
            starting, beginning = self.starting, self._begin()
            self.starting += 1
            try:
                worker: asyncio.Task[None] = self._context.run(asyncio.create_task, beginning)
            except BaseException as failure:  # noqa: BLE001 - raised where the batch is awaited
                beginning.close()
                self.starting, self._adding = starting, False
                self._cannot_begin(failure)
                return
            if worker.done():
                # An eager one that never waited: a callback would wait for a step of the event loop, which
                # may be long in coming if nothing waits.
                self._ended(worker)
                continue
            self._tasks.add(worker)
            worker.add_done_callback(self._ended)
            if self.starting:
                # The event loop begins it later.
                break
        self._adding = False

    async def _begin(self) -> None:
        self.starting -= 1
        await self._work()

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._tasks.discard(worker)
        failure = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if failure is not None:
            # It may have ended before it began.
            self.starting = 0
        self._when_ended(failure)

    async def end(self) -> asyncio.CancelledError | None:
        """Cancel all of them and wait until they have ended.

        Returns:
            The cancellation that arrived meanwhile, to be raised when everything is closed.
        """
        for worker in self._tasks:
            worker.cancel()
        return await outlast(self._tasks)
