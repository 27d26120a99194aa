"""SlidingWindowLimiter: the RateLimiter of a client, in one process and one event loop."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable

from plivo_async._httpx import httpx
from plivo_async.context import CallState
from plivo_async.deadline import check_permit
from plivo_async.errors import EventLoopError
from plivo_async.exported import exported
from plivo_async.fair_semaphore import FairSemaphore
from plivo_async.middleware.limit_estimator import LimitEstimator
from plivo_async.rate_limit import RateLimit
from plivo_async.validation import instance_of


@exported
class SlidingWindowLimiter:
    """Rate limiter of one or more clients in one event loop.

    Pass one limiter to several clients, for example those of subaccounts, and they share it. Calls get their
    permits in order. The calls of a batch have a queue of their own, so a batch does not hold up single
    calls. After its event loop is closed, and in a forked process, the limiter can be used in another loop.

    Args:
        limit: The rate limit of the account.
        random: Returns the jitter of a pause: a number of at least 0 and less than 1. Replace it in tests.

    Raises:
        ConfigurationError: `limit` is not a RateLimit.
    """

    def __init__(
        self,
        limit: RateLimit = RateLimit(),  # noqa: B008 - a frozen value
        *,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._estimator = LimitEstimator(instance_of("limit", limit, RateLimit))
        self._turns = FairSemaphore()
        self._waiter: asyncio.Future[None] | None = None
        self._random = random
        self._pauses = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: int | None = None
        self._time = time.monotonic

    @property
    def limit(self) -> RateLimit:
        """The rate limit that was configured."""
        return self._estimator.configured

    @property
    def current_limit(self) -> int:
        """How many requests may be sent in a window now. After a 429 it may be less than configured."""
        return self._estimator.current_limit

    @property
    def in_flight(self) -> int:
        """How many permits are in use."""
        return self._estimator.log.in_flight

    @property
    def pauses(self) -> int:
        """How many pauses began because of a 429."""
        return self._pauses

    def delay(self) -> float:
        """Seconds until a request may be sent, at the earliest.

        Returns:
            0 for now; infinity after a 429, while one request probes the limit.
        """
        return self._estimator.delay(self._time())

    def is_free(self) -> bool:
        """Return whether `acquire` would give a permit without a wait."""
        return self._turns.free > 0 and self._estimator.delay(self._time()) <= 0

    def use_up(self) -> None:
        """Give no permit for a window, because other processes may have used it up."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._enter(loop)
        now, estimator = loop.time(), self._estimator
        while estimator.delay(now) <= 0:
            estimator.release(estimator.take(now), now)

    async def acquire(self, request: httpx.Request) -> int:
        """Wait for a permit.

        Args:
            request: The request to be sent.

        Returns:
            The permit, for `release` or `throttled`.

        Raises:
            DeadlineExceededError: The wait would outlast the deadline of the call. Raised at once.
            RateLimitTimeoutError: The same, because of a 429.
            EventLoopError: The limiter is in use in another event loop.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._enter(loop)
        if not self._turns.free or self._estimator.delay(now := loop.time()) > 0:
            return await self._acquire_in_turn(CallState.attached_to(request), loop, self._turns)
        return self._estimator.take(now)

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None:
            if not self._loop.is_closed() and self._process == os.getpid():
                raise EventLoopError("the limiter belongs to another event loop; build one per event loop")
            # Tasks of a closed event loop never give anything back, or do so when they are collected. Those
            # of a parent process give it back there.
            self._estimator.abandon(loop.time())
            self._turns, self._waiter = FairSemaphore(), None
        self._loop, self._process, self._time = loop, os.getpid(), loop.time

    async def _acquire_in_turn(
        self, state: CallState, loop: asyncio.AbstractEventLoop, turns: FairSemaphore
    ) -> int:
        self._delay(state, loop.time())
        while not await turns.acquire(state.limits.lane):
            self._delay(state, loop.time())
        try:
            while (delay := self._delay(state, now := loop.time())) > 0:
                await self._wait(loop, delay)
            return self._estimator.take(now)
        finally:
            turns.release()

    def _delay(self, state: CallState, now: float) -> float:
        delay = self._estimator.delay(now)
        check_permit(state, delay, now, is_throttled=self._estimator.blocked_until > now)
        return delay

    async def _wait(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(min(delay, self.limit.per), self._wake)
        try:
            await waiter
        finally:
            # A task of a closed event loop may end while a waiter of the next one is here.
            if self._waiter is waiter:
                self._waiter = None
            timer.cancel()

    def release(self, permit: int) -> None:
        """Release the permit: a response arrived, or the attempt failed or was cancelled.

        The permit is free again a window later. No event loop needs to run.

        Args:
            permit: A result of `acquire`.
        """
        self._estimator.release(permit, self._time())
        if self._waiter is not None:
            self._wake()

    def throttled(self, permit: int, retry_after: float | None) -> None:
        """Release the permit after a 429, which may block all requests for a while.

        Args:
            permit: A result of `acquire`.
            retry_after: The Retry-After of the response in seconds; None without one.
        """
        now, estimator = self._time(), self._estimator
        was_blocked = estimator.blocked_until > now
        estimator.throttled(permit, retry_after, now, self._random())
        if not was_blocked and estimator.blocked_until > now:
            self._pauses += 1
            # Calls whose deadline is earlier raise now.
            self._turns.recall()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done() and not waiter.get_loop().is_closed():
            waiter.set_result(None)

    def __repr__(self) -> str:
        state = f"current_limit={self.current_limit}, in_flight={self.in_flight}"
        return f"SlidingWindowLimiter({self.limit!r}, {state})"
