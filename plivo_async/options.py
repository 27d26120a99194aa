"""The options of a client and of one call, checked before anything is sent."""

from __future__ import annotations

from typing import TypedDict

import httpx
from attrs import evolve, field, frozen

from plivo_async.exported import exported
from plivo_async.retry_policy import NO_RETRY, RetryPolicy
from plivo_async.validation import instance_of, positive_number, whole_number

DEFAULT_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
DEFAULT_DEADLINE = 60.0
DEFAULT_MAX_BODY = 4 * 1024 * 1024


@exported
class RequestOptions(TypedDict, total=False):
    """Options that a client sets for all calls, and a call for itself.

    timeout: seconds for each of connect, read and write of one attempt, or an `httpx.Timeout`.
    deadline: seconds for the whole call, waits and retries and body included; None for no deadline.
    retry: a RetryPolicy; None for one attempt only.
    max_body: bytes that an answer may have, after decompression.
    """

    timeout: float | httpx.Timeout
    deadline: float | None
    retry: RetryPolicy | None
    max_body: int


def _timeout(value: float | httpx.Timeout) -> httpx.Timeout:
    if not isinstance(value, httpx.Timeout):
        return httpx.Timeout(positive_number("timeout", value))
    for name, seconds in value.as_dict().items():
        if seconds is not None:
            positive_number(f"timeout.{name}", seconds)
    return value


def _deadline(value: float | None) -> float | None:
    return None if value is None else positive_number("deadline", value)


def _retry(value: RetryPolicy | None) -> RetryPolicy:
    return NO_RETRY if value is None else instance_of("retry", value, RetryPolicy)


def _max_body(value: int) -> int:
    return whole_number("max_body", value, least=1)


# Without a repr: a traceback that shows locals asks for it in the midst of a failed construction too.
@frozen(kw_only=True, repr=False)
class Options:
    """RequestOptions, all of them set and checked.

    Raises: ConfigurationError.
    """

    timeout: httpx.Timeout = field(default=DEFAULT_TIMEOUT, converter=_timeout)
    deadline: float | None = field(default=DEFAULT_DEADLINE, converter=_deadline)
    retry: RetryPolicy = field(factory=RetryPolicy, converter=_retry)
    max_body: int = field(default=DEFAULT_MAX_BODY, converter=_max_body)

    def changed(self, changes: RequestOptions) -> Options:
        """These options with some of them replaced."""
        if not changes:
            return self
        unknown = changes.keys() - RequestOptions.__annotations__.keys()
        if unknown:
            known = ", ".join(RequestOptions.__annotations__)
            raise TypeError(f"no such option of a call: {', '.join(sorted(unknown))}; there are {known}")
        return evolve(self, **changes)

    def attempt_timeouts(self) -> dict[str, float | None]:
        """What httpx calls the timeout extension; the deadline alone bounds a wait for a connection."""
        return {**self.timeout.as_dict(), "pool": None}
