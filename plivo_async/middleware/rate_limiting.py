"""RateLimitMiddleware: every attempt is sent with a permit of a RateLimiter."""

from __future__ import annotations

import httpx

from plivo_async.context import RequestContext
from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.middleware import CallNext
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.rate_limit import RateLimit, RateLimiter
from plivo_async.retry_after import retry_after_seconds
from plivo_async.retry_policy import SAFE_METHODS, RetryPolicy
from plivo_async.text import short_repr


@exported
class RateLimitMiddleware:
    """Middleware that sends each request with a permit, inside RetryMiddleware: every attempt takes one.

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
            self.limiter.release(permit)
            raise
        if answer.status_code == 429:
            self.limiter.throttled(permit, retry_after_seconds(answer.headers))
        else:
            self.limiter.release(permit)
        return failure

    def __repr__(self) -> str:
        return f"RateLimitMiddleware({self.limiter!r})"


def _may_wait(request: httpx.Request, context: RequestContext, answer: httpx.Response) -> bool:
    policy = context.retry or RetryPolicy()
    retry_after = retry_after_seconds(answer.headers)
    return (
        request.method in SAFE_METHODS
        and context.deadline is not None
        and policy.max_attempts > 1
        and (retry_after is None or retry_after <= policy.retry_after_max)
    )


def rate_limiting(rate_limit: RateLimit | RateLimiter | None) -> list[RateLimitMiddleware]:
    """The middleware that a client's `rate_limit` stands for.

    Raises: ConfigurationError.
    """
    if rate_limit is None:
        return []
    limiter = SlidingWindowLimiter(rate_limit) if isinstance(rate_limit, RateLimit) else rate_limit
    if isinstance(limiter, type) or not isinstance(limiter, RateLimiter):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"rate_limit must be a RateLimit, a RateLimiter or None, not {short_repr(limiter)}"
        )
    return [RateLimitMiddleware(limiter)]
