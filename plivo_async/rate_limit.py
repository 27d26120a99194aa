"""RateLimit, the limit of an account, and RateLimiter, the protocol of objects that enforce it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol, runtime_checkable

from attrs import field, frozen

from plivo_async._httpx import httpx
from plivo_async.exported import exported
from plivo_async.validation import positive_number, whole_number


def _requests(value: int) -> int:
    return whole_number("requests", value, least=1)


def _per(value: float) -> float:
    return positive_number("per", value)


@exported
@frozen
class RateLimit:
    """How many requests an account may send within any `per` seconds.

    Plivo allows a main account with all its subaccounts 300 per 5 s, and more on request.
    https://www.plivo.com/docs/voice/api/overview#rate-limits

    Args:
        requests: The number of requests, at least 1.
        per: The length of the window in seconds, above zero.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    requests: int = field(default=300, converter=_requests)
    per: float = field(default=5.0, converter=_per)


@exported
@runtime_checkable
class RateLimiter(Protocol):
    """Gives the permits that requests are sent with.

    `SlidingWindowLimiter` serves one process, `plivo_async.redis.RedisLimiter` many. Write your own for
    another server.

    Each permit is given back once: by `throttled` after a 429, by `release` otherwise. After a 429 the
    request calls `acquire` again at once, and `acquire` has to wait.

    Each method may be a coroutine function or a plain one. A limiter may also have these methods:

    - `aclose()`: the client calls it when it closes. It may be a coroutine function.
    - `is_free()` and `delay()`: with both, a batch reports that it waits for the limiter. `is_free` returns
      whether `acquire` would give a permit at once, `delay` the seconds until it may give one.
    """

    def acquire(self, request: httpx.Request, /) -> Any:
        """Wait until this request may be sent.

        `CallInfo.of(request)` has the deadline of the call. If the wait would outlast it, raise at once. A
        wait that is cancelled must not use a permit.

        Args:
            request: The request to be sent.

        Returns:
            A permit of any kind, or an awaitable of one.
        """
        ...

    def release(self, permit: Any, /) -> Awaitable[None] | None:
        """Give a permit back: a response arrived, or the attempt failed or was cancelled.

        If this or `throttled` is a coroutine, a call that is cancelled waits for its end. After 1 s, or when
        the call is cancelled again, the call cancels it.

        Args:
            permit: A result of `acquire`.
        """
        ...

    def throttled(self, permit: Any, retry_after: float | None, /) -> Awaitable[None] | None:
        """Give a permit back: the response was a 429.

        Args:
            permit: A result of `acquire`.
            retry_after: Seconds that the server asks to wait; None without a Retry-After.
        """
        ...


@runtime_checkable
class ForeseeingLimiter(RateLimiter, Protocol):
    """A RateLimiter that knows when the next request may be sent, so that a batch reports its wait."""

    def is_free(self) -> bool:
        """Return whether `acquire` would give a permit without a wait."""
        ...

    def delay(self) -> float:
        """Seconds until a request may be sent, at the earliest; 0 for now, infinity if that is not known."""
        ...
