"""Tries a request again after a failure that may pass."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import httpx

from plivo_async.context import RequestContext
from plivo_async.error_mapping import Failure, answer_of, is_transient
from plivo_async.exported import exported
from plivo_async.middleware import CallNext
from plivo_async.retry_after import retry_after_seconds
from plivo_async.retry_policy import SAFE_METHODS, RetryBudget, RetryPolicy
from plivo_async.validation import instance_of

_logger = logging.getLogger("plivo_async.retry")


@exported
class RetryMiddleware:
    """Middleware that repeats GET, HEAD and OPTIONS after a failure that may pass.

    That is 408, 429, 500, 502, 503, 504 and every transport failure but a refused certificate and a request
    that cannot be sent. It waits as its policy says, as long as its budget lasts and the wait fits into the
    request's deadline. Where it gives up, the last answer is returned, or the last exception of httpx raised.

    policy: default, the one of the request (`retry=` of an AsyncClient), else `RetryPolicy()`.
    budget: default, one of its own.
    sleep, random: `asyncio.sleep` and `random.random`, to be replaced in tests.

    Of several around one request the outermost retries, and the others let it pass. So one among the
    middleware of an AsyncClient takes the place of the client's own.

    Raises: ConfigurationError when built. DeadlineExceededError at once where the next wait would not end
    within the deadline; its cause is the last failure.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        budget: RetryBudget | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.policy = None if policy is None else instance_of("policy", policy, RetryPolicy)
        self.budget = RetryBudget() if budget is None else instance_of("budget", budget, RetryBudget)
        self._sleep = sleep
        self._random = random

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        context = RequestContext.of(request)
        if request.method not in SAFE_METHODS or context.retried_by not in (None, self):
            return await call_next(request)
        context.retried_by = self
        policy = self.policy or context.retry or RetryPolicy()
        attempt = 0
        failure: Failure
        while True:
            attempt += 1
            try:
                failure = await call_next(request)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                failure = error
            answer = answer_of(failure)
            if not is_transient(failure):
                if answer is not None and answer.status_code < 500:
                    self.budget.refill(attempt - 1)
                break
            context.last_failure = failure
            asked = None if answer is None else retry_after_seconds(answer.headers)
            gap = policy.gap(attempt, asked, self._random())
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
        try:
            raise failure
        finally:
            # Or its traceback and this frame would keep each other, and the request.
            del failure

    def __repr__(self) -> str:
        return f"RetryMiddleware({self.policy!r}, budget={self.budget!r})"


def _name(failure: Failure) -> str:
    answer = answer_of(failure)
    return type(failure).__name__ if answer is None else f"HTTP {answer.status_code}"


def _check_deadline(context: RequestContext, gap: float) -> None:
    if context.deadline is None:
        return
    left = max(0.0, context.deadline - asyncio.get_running_loop().time())
    if gap >= left:
        error = context.deadline_error(
            f"the next attempt is due in {gap:.2f} s, the deadline in {left:.2f} s"
        )
        raise error from error.__cause__
