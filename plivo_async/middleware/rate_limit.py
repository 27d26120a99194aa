"""Keeps requests within the rate limit of an account."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import httpx

from plivo_async.checks import brief, instance_of
from plivo_async.context import RequestContext
from plivo_async.errors import ConfigurationError, EventLoopError, RateLimitTimeoutError
from plivo_async.middleware import CallNext
from plivo_async.middleware.fair_lock import FairLock
from plivo_async.middleware.rate_window import Permit, RateLimit, RateWindow
from plivo_async.middleware.retry_policy import SAFE_METHODS, RetryPolicy
from plivo_async.retry_after import retry_after_seconds

_logger = logging.getLogger("plivo_async.rate_limit")


@runtime_checkable
class RateLimiter(Protocol):
    """Gives the permits that requests are sent with; of your own where several processes share an account.

    Each permit taken is given back once: by `limited` after a 429, by `answered` after everything else.
    After a 429 the request asks for its next permit at once: it is for `acquire` to hold it back.
    """

    async def acquire(self, request: httpx.Request, /) -> Any:
        """Wait until this request may be sent. Returns a permit of any kind; cancelled, it takes none."""
        ...

    def answered(self, permit: Any, /) -> None:
        """An answer came, or none will come any more."""
        ...

    def limited(self, permit: Any, retry_after: float | None, /) -> None:
        """The answer was 429, with a Retry-After in seconds or without one."""
        ...


class WindowLimiter:
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

    def answered(self, permit: Permit) -> None:
        """An answer came, or none will: the permit is free again when a window has passed."""
        self.window.answered(permit, asyncio.get_running_loop().time())
        self._wake()

    def limited(self, permit: Permit, retry_after: float | None) -> None:
        """The answer was 429: nobody sends until the gate opens."""
        now = asyncio.get_running_loop().time()
        was_open = self.window.gate <= now
        self.window.limited(permit, retry_after, now, self._random())
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
        return f"WindowLimiter({window.limit!r}, allowed={window.allowed}, in_flight={window.in_flight})"


class RateLimiting:
    """Middleware that sends each request with a permit, inside Retry: every attempt takes one.

    After a 429 the request is sent again as soon as the limiter lets it, which costs no attempt, as long as
    there is a deadline that the wait fits into, and unless the Retry-After is above the policy's
    `retry_after_max` or the policy allows one attempt only.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        context = RequestContext.of(request)
        while True:
            failure = await self._attempt(request, call_next)
            answer = failure.response if isinstance(failure, httpx.HTTPStatusError) else failure
            if answer.status_code != 429 or not _may_wait(request, context, answer):
                break
            context.last_failure = failure
        if isinstance(failure, httpx.Response):
            return failure
        try:
            raise failure
        finally:
            # Or its traceback and this frame would keep each other, and the request.
            del failure, answer

    async def _attempt(
        self, request: httpx.Request, call_next: CallNext
    ) -> httpx.Response | httpx.HTTPStatusError:
        permit = await self.limiter.acquire(request)
        failure: httpx.Response | httpx.HTTPStatusError
        try:
            failure = answer = await call_next(request)
        except httpx.HTTPStatusError as error:
            failure, answer = error, error.response
        except BaseException:
            self.limiter.answered(permit)
            raise
        if answer.status_code == 429:
            self.limiter.limited(permit, retry_after_seconds(answer.headers))
        else:
            self.limiter.answered(permit)
        return failure

    def __repr__(self) -> str:
        return f"RateLimiting({self.limiter!r})"


def _may_wait(request: httpx.Request, context: RequestContext, answer: httpx.Response) -> bool:
    policy = context.retry or RetryPolicy()
    retry_after = retry_after_seconds(answer.headers)
    return (
        request.method in SAFE_METHODS
        and context.deadline is not None
        and policy.max_attempts > 1
        and (retry_after is None or retry_after <= policy.retry_after_max)
    )


def rate_limiting(rate_limit: RateLimit | RateLimiter | None) -> list[RateLimiting]:
    """The middleware that a client's `rate_limit` stands for.

    Raises: ConfigurationError.
    """
    if rate_limit is None:
        return []
    limiter = WindowLimiter(rate_limit) if isinstance(rate_limit, RateLimit) else rate_limit
    if isinstance(limiter, type) or not isinstance(limiter, RateLimiter):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"rate_limit must be a RateLimit, a RateLimiter or None, not {brief(limiter)}"
        )
    return [RateLimiting(limiter)]
