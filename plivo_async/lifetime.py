"""Where a client may be used: in one event loop, in one process, until it is closed or entered again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

from plivo_async.errors import ClientClosedError, EventLoopError, ForkedError
from plivo_async.http_client import Sender
from plivo_async.transport import CLOSING_SECONDS, ConnectionPool

# The pools that a forked process has of its parent, never to be collected: uvloop would take their sockets
# out of the epoll object, which the parent still uses.
_pools_of_parents: list[ConnectionPool] = []


class Session:
    """The use of a client and its views until they are closed, in one event loop and one process.

    Args:
        sender: Sends the requests of this session.

    Attributes:
        sender: The same.
        closed: Whether the client was closed.
        blocks: How many `async with` blocks are open.
        loop: The event loop; None before the first use.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.closed = False
        self.blocks = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self._process: int | None = None
        self._calls: set[asyncio.Timeout] = set()
        self._all_ended: asyncio.Future[None] | None = None

    @property
    def is_of_parent(self) -> bool:
        """Whether it was used before a fork, in the parent process."""
        return self._process not in (None, os.getpid())

    @property
    def is_over(self) -> bool:
        """Whether its event loop is closed."""
        return self.loop is not None and self.loop.is_closed()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind it to an event loop, and to this process."""
        self.loop, self._process = loop, os.getpid()

    def call_began(self, scope: asyncio.Timeout) -> None:
        """Register a call that is under way, and the scope that can end it."""
        self._calls.add(scope)

    def call_ended(self, scope: asyncio.Timeout) -> None:
        """Forget a call that is over."""
        self._calls.discard(scope)
        if self._all_ended is not None and not self._calls and not self._all_ended.done():
            self._all_ended.set_result(None)

    def end_calls(self) -> None:
        """End every call under way, with ClientClosedError."""
        if self.loop is None:
            return
        for scope in self._calls:
            if not scope.expired():
                scope.reschedule(self.loop.time())

    async def wait_ended(self) -> None:
        """Wait until every call has ended, for a bounded time: a user's middleware may delay one."""
        if self._calls and self.loop is not None:
            self._all_ended = self.loop.create_future()
            await asyncio.wait([self._all_ended], timeout=CLOSING_SECONDS)

    def abandon(self) -> None:
        """Give up connections that cannot be closed as usual: a parent's, or those of a closed event loop."""
        pool = self.sender.pool
        if pool is None:
            return
        if self.is_of_parent:
            _pools_of_parents.append(pool)
        elif self.is_over:
            pool.abandon()


class Lifetime:
    """The lifetime of a client and its views: one session after the other.

    Args:
        sender: Sends the requests of the first session.
        sleep: Waits for a number of seconds.

    Attributes:
        session: The latest one.
    """

    def __init__(self, sender: Sender, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self.session = Session(sender)

    @property
    def closed(self) -> bool:
        """Whether the client is closed."""
        return self.session.closed

    def enter(self) -> None:
        """Begin a block. Begin a session too, if the latest one is closed or can no longer be used here.

        Raises:
            EventLoopError: No event loop is running, or another than the session's, which is not closed.
        """
        session = self.session
        if session.closed or session.is_of_parent or session.is_over:
            running_loop()
            session.abandon()
            self.session = Session(session.sender.renewed())
        self.check().blocks += 1

    def leave(self) -> bool:
        """End a block; return whether it was the last one."""
        self.session.blocks -= 1
        return self.session.blocks <= 0

    def check(self) -> Session:
        """Return the session, if the client may be used here.

        Raises:
            ClientClosedError: The client is closed.
            ForkedError: The process is a fork of the one that used the client.
            EventLoopError: No event loop is running, or another than the client's.
        """
        session = self.session
        if session.closed:
            raise ClientClosedError(
                "the client is closed; enter it again with `async with`, or build a new one"
            )
        if session.is_of_parent:
            raise ForkedError(
                "the client was used before a fork: its connections are the parent's; enter it again in this "
                "process with `async with`, or build a client in each worker process"
            )
        loop = running_loop()
        if session.loop is None:
            session.bind(loop)
        elif session.loop is not loop:
            raise _other_loop(session.loop)
        return session

    async def sleep(self, seconds: float) -> None:
        """Sleep for some seconds.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        session, scope = self.session, asyncio.timeout(None)
        try:
            with suppress(TimeoutError):
                async with scope:
                    session.call_began(scope)
                    await self._sleep(seconds)
        finally:
            session.call_ended(scope)
        if session.closed:
            raise ClientClosedError("the client was closed during the wait", during_call=True)

    def close(self) -> Session | None:
        """End every call under way, with ClientClosedError.

        Returns:
            The session whose resources the caller has to close; None if there are none.

        Raises:
            EventLoopError: The client belongs to another event loop, which is not closed.
        """
        session = self.session
        if session.closed:
            return None
        if session.is_of_parent or session.is_over:
            session.closed = True
            session.abandon()
            return None
        if session.loop is not None:
            self.check()
        session.closed = True
        session.end_calls()
        return session


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        EventLoopError: None is running, or one of trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise EventLoopError(
            "no asyncio event loop is running; await the client in a coroutine that asyncio runs "
            "(trio is not supported)"
        ) from None


def _other_loop(loop: asyncio.AbstractEventLoop) -> EventLoopError:
    if loop.is_closed():
        return EventLoopError(
            "the client belongs to another event loop, which is closed: each asyncio.run makes a new one; "
            "enter the client in each of them with `async with`, or build a client there"
        )
    return EventLoopError(
        "the client belongs to another event loop; run one loop per process and use "
        "asyncio.run_coroutine_threadsafe(call, loop) in other threads, or build a client per event loop"
    )
