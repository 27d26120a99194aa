"""Polls for the record of a call that has just ended: a pure function for the gaps, and the loop."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable

from plivo_async.errors import (
    ClientClosedError,
    DeadlineExceededError,
    NotFoundError,
    PlivoError,
    RateLimitError,
    RateLimitTimeoutError,
)
from plivo_async.lifetime import running_loop
from plivo_async.logs import log_call
from plivo_async.record.model import CallDetailRecord

_logger = logging.getLogger("plivo_async.wait")

DEFAULT_WAIT_SECONDS = 300.0
_FIRST_GAP_SECONDS = 1.0
_LONGEST_GAP_SECONDS = 15.0
_SHORTEST_GAP_SECONDS = 0.1
_LONGEST_RESPONSE_SECONDS = 1.0
_SHORTEST_DEADLINE_SECONDS = 0.001
_GAP_GROWTH = 1.5
_GAP_JITTER = 0.25


async def wait_for_record(
    get: Callable[[float], Awaitable[CallDetailRecord]],
    seconds: float,
    sleep: Callable[[float], Awaitable[object]],
    call_uuid: str | None = None,
) -> CallDetailRecord:
    """Get a record, again and again until it exists.

    Args:
        get: Gets the record within a number of seconds.
        seconds: The time for the whole wait.
        sleep: Waits for a number of seconds. One that returns at once shortens the wait, not the number of
            requests.
        call_uuid: The call, for the log.

    Raises:
        NotFoundError: The time is over, and the last response was a 404.
        DeadlineExceededError: The time is over, and the last request failed in another way, its cause.
        PlivoError: An error that asking again cannot mend.
    """
    clock = running_loop().time
    began = clock()
    slept = elapsed = 0.0
    # The last request leaves time for its response.
    latest = seconds - min(_LONGEST_RESPONSE_SECONDS, 0.1 * seconds)
    polls = attempts = 0
    last: PlivoError | None = None
    while True:
        over: DeadlineExceededError | None = None
        try:
            return await get(max(seconds - elapsed, _SHORTEST_DEADLINE_SECONDS))
        except DeadlineExceededError as error:
            if isinstance(error.__cause__, PlivoError):
                polls, last = polls + 1, error.__cause__
            if last is None:
                raise
            over = error.with_traceback(None)
        except PlivoError as error:
            may_pass = error.retryable or isinstance(error, NotFoundError)
            if not may_pass or isinstance(error, ClientClosedError):
                raise
            # The frames of its traceback refer to the request, and one of them to the error.
            polls, last = polls + 1, error.with_traceback(None)
        attempts += (over or last).attempts
        elapsed = max(clock() - began, slept)
        gap = poll_gap(polls, latest - elapsed, random.random(), last.retry_after)  # noqa: S311
        if over is not None or gap is None:
            raise _end_of_wait(
                last, over, f"no record after {elapsed:.1f} s, asked for {polls} times", attempts
            )
        log_call(
            *(_logger, logging.DEBUG, call_uuid, "no record yet (%s), question %d, next in %.2f s"),
            *(type(last).__name__, polls, gap),
            attempt=attempts,
            status=last.status,
            wait=gap,
            question=polls,
        )
        await sleep(gap)
        slept += gap
        elapsed = max(clock() - began, slept)


def poll_gap(polls: int, left: float, random: float, retry_after: float | None = None) -> float | None:
    """Return the seconds from the n-th request to the next one.

    Args:
        polls: How many requests there were.
        left: Seconds until the last request is due.
        random: In [0, 1).
        retry_after: Seconds that the server asked to wait.

    Returns:
        The seconds; None after the last request, or if `retry_after` does not fit.
    """
    if left < _SHORTEST_GAP_SECONDS or (retry_after is not None and retry_after > left):
        return None
    full = min(_LONGEST_GAP_SECONDS, _FIRST_GAP_SECONDS * _GAP_GROWTH ** min(polls - 1, 64))
    gap = full * (1.0 - _GAP_JITTER * random)
    if retry_after is not None and retry_after >= gap:
        gap = retry_after + full * _GAP_JITTER * random
    return min(gap, left)


def _end_of_wait(
    last: PlivoError, over: DeadlineExceededError | None, message: str, attempts: int
) -> PlivoError:
    kind: type[PlivoError] = DeadlineExceededError
    cause: PlivoError | None = last
    if isinstance(last, NotFoundError):
        kind, cause = NotFoundError, over
    elif isinstance(last, RateLimitError):
        kind = RateLimitTimeoutError
    error = kind(
        f"{message}: {last.message}",
        status=last.status,
        api_id=last.api_id,
        attempts=attempts,
        retry_after=last.retry_after,
        headers=last.headers,
        body=last.body,
        call_uuid=last.call_uuid,
    )
    error.__cause__ = cause
    return error
