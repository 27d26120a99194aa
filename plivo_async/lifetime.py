"""Where a client may be used: in one event loop, in one process, until it is closed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

from plivo_async.errors import ClientClosedError, EventLoopError, ForkedError
from plivo_async.transport import CLOSING_SECONDS


class Lifetime:
    """The lifetime of a client and its views. The first use binds it to an event loop and a process.

    Args:
        sleep: Waits for a number of seconds.

    Attributes:
        closed: Whether the client is closed.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self.closed: bool = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: int | None = None
        self._calls: set[asyncio.Timeout] = set()
        self._all_ended: asyncio.Future[None] | None = None

    def check(self) -> asyncio.AbstractEventLoop:
        """Return the running event loop, if the client may be used in it.

        Raises:
            ClientClosedError: The client is closed.
            ForkedError: The process is a fork of the one that used the client first.
            EventLoopError: No event loop is running, or another than the client's.
        """
        if self.closed:
            raise ClientClosedError("the client is closed; build a new one")
        if self._process not in (None, os.getpid()):
            raise ForkedError(
                "the client was used before a fork: its connections are the parent's; build a new one"
            )
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise EventLoopError(
                "no asyncio event loop is running; await the client in a coroutine"
            ) from None
        if self._loop is None:
            self._loop, self._process = loop, os.getpid()
        elif self._loop is not loop:
            raise EventLoopError(
                "the client belongs to another event loop; build one client per event loop, or from another "
                "thread use asyncio.run_coroutine_threadsafe(call, loop)"
            )
        return loop

    def call_began(self, scope: asyncio.Timeout) -> None:
        """Register a call that is under way, and the scope that can end it."""
        self._calls.add(scope)

    def call_ended(self, scope: asyncio.Timeout) -> None:
        """Forget a call that is over."""
        self._calls.discard(scope)
        if self._all_ended is not None and not self._calls and not self._all_ended.done():
            self._all_ended.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Sleep for some seconds, or until the client is closed."""
        scope = asyncio.timeout(None)
        try:
            with suppress(TimeoutError):
                async with scope:
                    self.call_began(scope)
                    await self._sleep(seconds)
        finally:
            self.call_ended(scope)

    def close(self) -> bool:
        """End every call under way, with ClientClosedError.

        Returns:
            Whether the caller has to close the resources of the client.

        Raises:
            EventLoopError: The client belongs to another event loop, which is not closed.
        """
        if self.closed:
            return False
        if self._loop is None:
            self.closed = True
            return True
        if self._loop.is_closed() or self._process != os.getpid():
            self.closed = True
            return False
        self.check()
        self.closed = True
        for scope in self._calls:
            if not scope.expired():
                scope.reschedule(self._loop.time())
        return True

    async def wait_ended(self) -> None:
        """Wait until every call has ended, for a bounded time: a user's middleware may delay one."""
        if self._calls and self._loop is not None:
            self._all_ended = self._loop.create_future()
            await asyncio.wait([self._all_ended], timeout=CLOSING_SECONDS)
