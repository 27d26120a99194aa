"""RateLimitMiddleware: every attempt is sent with a permit of a RateLimiter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from plivo_async._httpx import httpx
from plivo_async.context import CallState, Supervisor
from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.middleware import CallNext
from plivo_async.middleware.attempt import Attempt
from plivo_async.middleware.pause import Pause
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.rate_limit import ForeseeingLimiter, RateLimit, RateLimiter
from plivo_async.retry_policy import SAFE_METHODS, RetryPolicy
from plivo_async.text import short_repr
from plivo_async.wait_notes import SHORTEST_WAIT_SECONDS

_DEFAULT_POLICY = RetryPolicy()
_LONGEST_FINISH_SECONDS = 1.0


@exported
class RateLimitMiddleware:
    """Middleware that sends each request with a permit. It is inside RetryMiddleware: each attempt needs one.

    After a 429 the request is sent again as soon as the limiter gives another permit, which costs no attempt.
    It needs a deadline that the wait fits, a policy of more than one attempt, and a Retry-After of at most
    the policy's `retry_after_max`.

    Args:
        limiter: Gives the permits.

    Attributes:
        limiter: Gives the permits.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter
        self._is_free: Callable[[], bool] | None = None
        self._delay: Callable[[], float] | None = None
        self._window: SlidingWindowLimiter | None = None
        self._pause = Pause()
        if isinstance(limiter, SlidingWindowLimiter):
            self._window = limiter
        if isinstance(limiter, ForeseeingLimiter):
            self._is_free, self._delay = limiter.is_free, limiter.delay

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        """Send the request with a permit, and again after a 429 that it may wait for.

        Args:
            request: The request to send.
            call_next: Sends a request through the rest of the chain.

        Returns:
            The last response.
        """
        limiter = self.limiter
        clock = asyncio.get_running_loop().time
        while True:
            state = CallState.attached_to(request)
            supervisor, notes, began = state.supervisor, state.notes, clock()
            permit: Any
            try:
                if supervisor is None or (self._is_free is not None and self._is_free()):
                    permit = limiter.acquire(request)
                    if isawaitable(permit):
                        permit = await permit
                else:
                    permit = await self._supervised_permit(request, state, supervisor)
            finally:
                if (seconds := clock() - began) >= SHORTEST_WAIT_SECONDS:
                    notes.permit_awaited(seconds)
            try:
                attempt = Attempt(await call_next(request))
            except httpx.HTTPStatusError as failure:
                attempt = Attempt(failure)
            except BaseException:
                if (releasing := limiter.release(permit)) is not None:
                    await _finish(releasing)
                raise
            if attempt.status != 429:
                if (releasing := limiter.release(permit)) is not None:
                    await _finish(releasing)
                return attempt.unwrap()
            if not await self._is_sent_again(request, permit, attempt, clock):
                return attempt.unwrap()
            state.attempt_failed(attempt.error(state.attempts))
            notes.goes_again_after_429()

    async def _is_sent_again(
        self, request: httpx.Request, permit: Any, attempt: Attempt, clock: Callable[[], float]
    ) -> bool:
        """Give the permit of a 429 back, and return whether the request is sent again."""
        retry_after = attempt.retry_after
        pauses = 0 if self._window is None else self._window.pauses
        if (throttling := self.limiter.throttled(permit, retry_after)) is not None:
            await _finish(throttling)
        self._note_pause(CallState.attached_to(request), retry_after, pauses, clock())
        return _may_wait(request, attempt)

    def _note_pause(self, state: CallState, retry_after: float | None, pauses: int, now: float) -> None:
        """Note a 429 if it begins a pause, not if it arrives within one."""
        window = self._window
        if window is None:
            if (seconds := self._pause.begun(retry_after, now)) is not None:
                state.notes.throttled(seconds, retry_after)
        elif window.pauses != pauses:
            then = f"{window.current_limit} per {window.limit.per:g} s"
            state.notes.throttled(window.delay(), retry_after, then)

    async def _supervised_permit(
        self, request: httpx.Request, state: CallState, supervisor: Supervisor
    ) -> Any:
        """Wait for a permit while the deadline does not run: the call of a batch has no part in the wait."""
        clock = asyncio.get_running_loop().time
        left = state.stop_clock(clock())
        supervisor.waits(state, self._delay)
        try:
            permit: Any = self.limiter.acquire(request)
            return await permit if isawaitable(permit) else permit
        finally:
            supervisor.goes_on(state)
            state.start_clock(left, clock())

    def __repr__(self) -> str:
        return f"RateLimitMiddleware({self.limiter!r})"


async def _finish(giving_back: Awaitable[None]) -> None:
    """Wait until a permit is back; for a bounded time if the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(giving_back)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=_LONGEST_FINISH_SECONDS)
        finally:
            task.cancel()
        raise


def _may_wait(request: httpx.Request, attempt: Attempt) -> bool:
    limits = CallState.attached_to(request).limits
    policy = limits.retry or _DEFAULT_POLICY
    retry_after = attempt.retry_after
    return (
        request.method in SAFE_METHODS
        and limits.deadline is not None
        and policy.max_attempts > 1
        and (retry_after is None or retry_after <= policy.retry_after_max)
    )


def find_limiter(rate_limit: RateLimit | RateLimiter | None) -> RateLimiter | None:
    """Return the limiter for a client's `rate_limit`; None for no limit.

    Raises:
        ConfigurationError: Neither a RateLimit nor a RateLimiter.
    """
    if rate_limit is None:
        return None
    limiter = SlidingWindowLimiter(rate_limit) if isinstance(rate_limit, RateLimit) else rate_limit
    if isinstance(limiter, type) or not isinstance(limiter, RateLimiter):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"rate_limit must be a RateLimit, a RateLimiter or None, not {short_repr(limiter)}"
        )
    return limiter
