"""The rate limit of a fake account. Pure: the time is passed in."""

from __future__ import annotations

import math
from collections import deque
from typing import Literal, Protocol

from attrs import Attribute, define, field, frozen, validators

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.validation import finite_number, whole_number

# Tolerance for float rounding, so that a request at the announced time is admitted.
_ROUNDING_SECONDS = _ROUNDING_TOKENS = 1e-9


def _check_requests(_: object, attribute: Attribute[int], value: int) -> None:
    whole_number(attribute.name, value, least=1)


def _check_per(_: object, attribute: Attribute[float], value: float) -> None:
    if finite_number(attribute.name, value, least=0.0) == 0:
        raise ConfigurationError(f"{attribute.name} must be above zero")


@exported
@frozen(kw_only=True)
class FakeRateLimit:
    """The rate limit of a FakePlivo. Requests count on arrival; refused requests do not count.

    Args:
        requests: The number of requests in a window, at least 1.
        per: The length of the window in seconds, above zero.
        kind: "fixed": windows that start at multiples of `per` on the clock of the fake. "sliding": a sliding
            window. "bucket": a bucket of `requests` tokens that refills steadily.
        retry_after: The form of Retry-After in a 429, "seconds" or "date"; None for no such header.

    Raises:
        ConfigurationError: `requests` or `per` cannot be used.
        ValueError: `kind` or `retry_after` cannot be used.
    """

    requests: int = field(default=300, validator=_check_requests)
    per: float = field(default=5.0, validator=_check_per)
    kind: Literal["fixed", "sliding", "bucket"] = field(
        default="fixed", validator=validators.in_(("fixed", "sliding", "bucket"))
    )
    retry_after: Literal["seconds", "date"] | None = field(
        default=None, validator=validators.in_(("seconds", "date", None))
    )


class RequestCounter(Protocol):
    """Counts the requests of an account."""

    def admit(self, now: float) -> float | None:
        """Count a request; return None if it is admitted, else the seconds until one will be."""
        ...


def request_counter(limit: FakeRateLimit) -> RequestCounter:
    """Return a new counter of the limit's kind."""
    counters: dict[str, type[_Fixed | _Sliding | _Bucket]] = {
        "fixed": _Fixed,
        "sliding": _Sliding,
        "bucket": _Bucket,
    }
    return counters[limit.kind](limit.requests, limit.per)


@define(eq=False)
class _Fixed:
    requests: int
    per: float
    number: int = 0
    count: int = 0

    def admit(self, now: float) -> float | None:
        number = math.floor((now + _ROUNDING_SECONDS) / self.per)
        if number != self.number:
            self.number, self.count = number, 0
        if self.count >= self.requests:
            return (number + 1) * self.per - now
        self.count += 1
        return None


@define(eq=False)
class _Sliding:
    requests: int
    per: float
    times: deque[float] = field(factory=deque[float])

    def admit(self, now: float) -> float | None:
        while self.times and self.times[0] + self.per <= now + _ROUNDING_SECONDS:
            self.times.popleft()
        if len(self.times) >= self.requests:
            return self.times[0] + self.per - now
        self.times.append(now)
        return None


@define(eq=False)
class _Bucket:
    requests: int
    per: float
    tokens: float = field(init=False)
    filled: float | None = None

    def __attrs_post_init__(self) -> None:
        self.tokens = self.requests

    def admit(self, now: float) -> float | None:
        refill = self.requests / self.per
        elapsed = 0.0 if self.filled is None else now - self.filled
        self.tokens = min(float(self.requests), self.tokens + elapsed * refill)
        self.filled = now
        if self.tokens + _ROUNDING_TOKENS < 1.0:
            return (1.0 - self.tokens) / refill
        self.tokens -= 1.0
        return None
