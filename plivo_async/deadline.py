"""The one deadline of a call: it bounds queueing, attempts, the waits between them and the body."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from plivo_async._httpx import httpx
from plivo_async.context import CallState
from plivo_async.errors import DeadlineExceededError, RateLimitError, RateLimitTimeoutError
from plivo_async.text import printable


async def within_deadline(
    send: Callable[[httpx.Request], Awaitable[httpx.Response]],
    request: httpx.Request,
    scope: asyncio.Timeout,
) -> httpx.Response:
    """Send a request within `scope`, which ends at the deadline of its call.

    Raises:
        DeadlineExceededError: The scope ended first; the cause is the last failure.
    """
    try:
        async with scope:
            return await send(request)
    except TimeoutError:
        if not scope.expired():
            raise
    # Raised out here, where no exception that holds the request becomes its context.
    raise overdue_error(CallState.attached_to(request))


def overdue_error(state: CallState) -> DeadlineExceededError:
    """Build the error for a call whose deadline ended it."""
    plural = "attempt" if state.attempts == 1 else "attempts"
    message = f"no response within the deadline, after {state.attempts} {plural}"
    if state.unfinished_step:
        message += f"; the last one was still {printable(state.unfinished_step)}"
    return deadline_error(state, message)


def check_deadline(state: CallState, gap: float) -> None:
    """Check that a wait ends before the deadline of the call.

    Args:
        state: Of the call.
        gap: Seconds to wait.

    Raises:
        DeadlineExceededError: It does not, so there is nothing to wait for.
    """
    deadline = state.limits.deadline
    if deadline is None:
        return
    left = max(0.0, deadline - asyncio.get_running_loop().time())
    if gap >= left:
        raise deadline_error(state, f"the next attempt is due in {gap:.2f} s, the deadline in {left:.2f} s")


def check_permit(state: CallState, delay: float, now: float, *, is_throttled: bool) -> None:
    """Check that a request gets its permit before the deadline of its call.

    Args:
        state: Of the call.
        delay: Seconds until the limiter lets a request pass; infinity if that is not known.
        now: The time by the clock of the event loop.
        is_throttled: Whether a 429 is the reason.

    Raises:
        DeadlineExceededError: It does not.
        RateLimitTimeoutError: The same, because of a 429.
    """
    deadline = state.limits.deadline
    if delay <= 0 or deadline is None or not deadline <= now + delay < math.inf:
        return
    message = f"in {delay:.2f} s, the deadline is in {max(0.0, deadline - now):.2f} s"
    if is_throttled and state.last_failure is None:
        raise RateLimitTimeoutError(
            f"HTTP 429 to another call: the next may be sent {message}", status=429, retry_after=delay
        )
    raise deadline_error(state, f"the rate limit lets a request pass {message}")


def deadline_error(state: CallState, message: str) -> DeadlineExceededError:
    """Build the error for a deadline that ran out.

    It has status, api_id, retry_after, headers and body of the last failure, which becomes its cause.
    """
    last = state.last_failure
    if last is None:
        return DeadlineExceededError(message, attempts=state.attempts)
    kind = RateLimitTimeoutError if isinstance(last, RateLimitError) else DeadlineExceededError
    error = kind(
        f"{message}; last failure: {last.message}",
        status=last.status,
        api_id=last.api_id,
        attempts=state.attempts,
        retry_after=last.retry_after,
        headers=last.headers,
        body=last.body,
    )
    error.__cause__ = last
    return error
