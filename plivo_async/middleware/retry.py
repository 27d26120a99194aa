"""Tries a request again after a failure that may pass."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import httpx

from plivo_async.answers import is_certificate_failure
from plivo_async.context import RequestContext
from plivo_async.errors import RETRYABLE_STATUSES
from plivo_async.middleware import CallNext
from plivo_async.middleware.retry_policy import RetryBudget, RetryPolicy
from plivo_async.retry_after import retry_after_seconds

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_logger = logging.getLogger("plivo_async.retry")


class Retry:
    """Middleware that repeats GET, HEAD and OPTIONS after a failure that may pass.

    That is 408, 429, 500, 502, 503, 504 and every transport failure but a refused certificate.
    It waits as its policy says, as long as its budget lasts and the wait fits into the request's deadline.
    Where it gives up, the last answer is returned, or the last exception of httpx raised.

    Raises: DeadlineExceededError at once where the next wait would not end within the deadline; its cause
    is the last failure.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        budget: RetryBudget | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.policy = RetryPolicy() if policy is None else policy
        self.budget = RetryBudget() if budget is None else budget
        self._sleep = sleep
        self._random = random

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        if request.method not in _SAFE_METHODS:
            return await call_next(request)
        context = RequestContext.of(request)
        policy = context.retry or self.policy
        attempt = 0
        failure: httpx.Response | httpx.TransportError
        while True:
            attempt += 1
            try:
                failure = await call_next(request)
                if failure.status_code not in RETRYABLE_STATUSES:
                    if failure.status_code < 500:
                        self.budget.refill(attempt - 1)
                    return failure
            except httpx.TransportError as error:
                if is_certificate_failure(error):
                    raise
                failure = error
            context.last_failure = failure
            gap = policy.gap(attempt, _retry_after(failure), self._random())
            if gap is None or not self.budget.left:
                break
            _check_deadline(context, gap)
            _logger.info("attempt %d failed (%s), next in %.2f s", attempt, _name(failure), gap)
            await self._sleep(gap)
            # Taken only now, so that retries that succeed meanwhile let this one follow.
            if not self.budget.spend():
                break
        if isinstance(failure, httpx.Response):
            return failure
        raise failure

    def __repr__(self) -> str:
        return f"Retry({self.policy!r}, budget={self.budget!r})"


def _retry_after(failure: httpx.Response | httpx.TransportError) -> float | None:
    return retry_after_seconds(failure.headers) if isinstance(failure, httpx.Response) else None


def _name(failure: httpx.Response | httpx.TransportError) -> str:
    return f"HTTP {failure.status_code}" if isinstance(failure, httpx.Response) else type(failure).__name__


def _check_deadline(context: RequestContext, gap: float) -> None:
    if context.deadline is None:
        return
    left = max(0.0, context.deadline - asyncio.get_running_loop().time())
    if gap >= left:
        error = context.deadline_error(
            f"the next attempt is due in {gap:.2f} s, the deadline in {left:.2f} s"
        )
        raise error from error.__cause__
