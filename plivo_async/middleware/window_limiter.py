"""SlidingWindowLimiter: the RateLimiter of a client, in one process and one event loop."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable

import httpx

from plivo_async.context import RequestContext
from plivo_async.errors import EventLoopError, RateLimitTimeoutError
from plivo_async.exported import exported
from plivo_async.middleware.fair_lock import FairLock
from plivo_async.middleware.rate_window import Permit, RateWindow
from plivo_async.rate_limit import RateLimit
from plivo_async.validation import instance_of

_logger = logging.getLogger("plivo_async.rate_limit")


@exported
class SlidingWindowLimiter:
    """The RateLimiter of a client: a `RateWindow`, and those who wait for it.

    Hand one to several clients, for subaccounts say, and they share it. It belongs to one event loop.

    Calls wait in turn, and the calls of a batch in a turn of their own: single calls go between them.
    """

    def __init__(
        self,
        limit: RateLimit = RateLimit(),  # noqa: B008 - a frozen value
        *,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.window = RateWindow(instance_of("limit", limit, RateLimit))
        self._turns = FairLock()
        self._waiter: asyncio.Future[None] | None = None
        self._random = random
        self._loop: asyncio.AbstractEventLoop | None = None

    async def acquire(self, request: httpx.Request) -> Permit:
        """Wait for a permit.

        Raises: DeadlineExceededError at once where the wait is known not to end within the deadline, of type
        RateLimitTimeoutError where that is for a 429; EventLoopError in a second event loop.
        """
        loop = self._running_loop()
        context = RequestContext.of(request)
        self._delay(context, loop.time())
        while not await self._turns.acquire(context.lane):
            self._delay(context, loop.time())
        try:
            while (delay := self._delay(context, now := loop.time())) > 0:
                await self._wait(loop, delay)
            return self.window.take(now)
        finally:
            self._turns.release()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise EventLoopError("the limiter belongs to another event loop; build one per event loop")
            self._loop = loop
        return loop

    def _delay(self, context: RequestContext, now: float) -> float:
        delay = self.window.delay(now)
        if delay <= 0 or context.deadline is None or not context.deadline <= now + delay < math.inf:
            return delay
        message = f"in {delay:.2f} s, the deadline is in {max(0.0, context.deadline - now):.2f} s"
        if self.window.gate > now and context.last_failure is None:
            raise RateLimitTimeoutError(
                f"HTTP 429 to another call: the next may be sent {message}", status=429, retry_after=delay
            )
        error = context.deadline_error(f"the rate limit lets a request pass {message}")
        raise error from error.__cause__

    async def _wait(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(min(delay, self.window.limit.per), self._wake)
        try:
            await waiter
        finally:
            self._waiter = None
            timer.cancel()

    def release(self, permit: Permit) -> None:
        """An answer came, or none will: the permit is free again when a window has passed."""
        self.window.release(permit, asyncio.get_running_loop().time())
        self._wake()

    def throttled(self, permit: Permit, retry_after: float | None) -> None:
        """The answer was 429: nobody sends until the gate opens."""
        now = asyncio.get_running_loop().time()
        was_open = self.window.gate <= now
        self.window.throttled(permit, retry_after, now, self._random())
        if was_open and self.window.gate > now:
            _logger.info(
                "HTTP 429: no request for %.2f s, then %d per %g s",
                *(self.window.gate - now, self.window.allowed, self.window.limit.per),
            )
            # Those whose deadlines come first need not wait for them.
            self._turns.recall()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __repr__(self) -> str:
        window = self.window
        return (
            f"SlidingWindowLimiter({window.limit!r}, allowed={window.allowed}, in_flight={window.in_flight})"
        )
