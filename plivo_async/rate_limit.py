"""RateLimit, what an account may send, and RateLimiter, the protocol of whatever keeps to it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import httpx
from attrs import field, frozen

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

    Plivo allows 300 per 5 s for a main account, over all its subaccounts; more on request.

    Raises: ConfigurationError.
    """

    requests: int = field(default=300, converter=_requests)
    per: float = field(default=5.0, converter=_per)


@exported
@runtime_checkable
class RateLimiter(Protocol):
    """Gives the permits that requests are sent with; of your own where several processes share an account.

    Each permit taken is given back once: by `throttled` after a 429, by `release` after everything else.
    After a 429 the request asks for its next permit at once: it is for `acquire` to hold it back.
    """

    async def acquire(self, request: httpx.Request, /) -> Any:
        """Wait until this request may be sent. Returns a permit of any kind; cancelled, it takes none."""
        ...

    def release(self, permit: Any, /) -> None:
        """An answer came, or none will come any more."""
        ...

    def throttled(self, permit: Any, retry_after: float | None, /) -> None:
        """The answer was 429, with a Retry-After in seconds or without one."""
        ...
