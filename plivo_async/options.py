"""The options of a client and of one call, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from attrs import Factory, evolve, field, frozen

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.retry_policy import NO_RETRY, RetryPolicy
from plivo_async.text import short_repr
from plivo_async.validation import positive_number, whole_number

DEFAULT_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
DEFAULT_DEADLINE_SECONDS = 60.0
DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024


@exported
class AttemptOptions(TypedDict, total=False):
    """The options of a call without its deadline, for which `calls.wait` has a default of its own.

    Attributes:
        timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`. Default: 10,
            to connect 5.
        retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt, even after a 429.
            Default: 3 attempts.
        max_body: Bytes that the body of a response may have, after decompression; at least 1. A larger one
            raises ResponseTooLargeError. Default: 4 MiB.
    """

    timeout: float | httpx.Timeout
    retry: RetryPolicy | int | None
    max_body: int


@exported
class RequestOptions(AttemptOptions, total=False):
    """The options that a client has for all its calls, and that each call may set for itself.

    An option of the call overrides that of a view (`with_options`). A view overrides its client, and the
    client the default. Annotate `**options` of your own functions with `Unpack[RequestOptions]`.

    Attributes:
        timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`. Default: 10,
            to connect 5.
        deadline: Seconds for a whole call: the waits for the rate limit and for a connection, every attempt,
            the gaps between them, and the body. None for no deadline; then a 429 costs an attempt, like any
            other failure. Default: 60.
        retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt. Default: 3
            attempts.
        max_body: Bytes that the body of a response may have, after decompression; at least 1. Default: 4 MiB.
    """

    deadline: float | None


def _timeout(value: float | httpx.Timeout) -> httpx.Timeout:
    if not isinstance(value, httpx.Timeout):
        return httpx.Timeout(positive_number("timeout", value))
    for name, seconds in value.as_dict().items():
        if seconds is not None:
            positive_number(f"timeout.{name}", seconds)
    return value


def _deadline(value: float | None) -> float | None:
    return None if value is None else positive_number("deadline", value)


def _retry(value: RetryPolicy | int | None) -> RetryPolicy:
    if isinstance(value, int) and not isinstance(value, bool):
        return RetryPolicy(max_attempts=whole_number("retry", value, least=1))
    if value is None or isinstance(value, RetryPolicy):
        return value or NO_RETRY
    raise ConfigurationError(
        f"retry must be a RetryPolicy, a number of attempts or None, not {short_repr(value)}"
    )


def _max_body(value: int) -> int:
    return whole_number("max_body", value, least=1)


# Without a repr: a traceback that shows locals would call it for options whose construction failed.
@frozen(kw_only=True, repr=False)
class Options:
    """All of RequestOptions, set and checked.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    timeout: httpx.Timeout = field(default=DEFAULT_TIMEOUT, converter=_timeout)
    deadline: float | None = field(default=DEFAULT_DEADLINE_SECONDS, converter=_deadline)
    retry: RetryPolicy = field(factory=RetryPolicy, converter=_retry)
    max_body: int = field(default=DEFAULT_MAX_BODY_BYTES, converter=_max_body)
    # The `timeout` extension of httpx. The deadline alone bounds a wait for a connection.
    attempt_timeouts: Mapping[str, float | None] = field(
        init=False,
        default=Factory(lambda options: {**options.timeout.as_dict(), "pool": None}, takes_self=True),
    )

    def changed(self, changes: RequestOptions) -> Options:
        """Return these options with some of them replaced."""
        if not changes:
            return self
        unknown = changes.keys() - RequestOptions.__annotations__.keys()
        if unknown:
            known = ", ".join(RequestOptions.__annotations__)
            raise TypeError(f"a call has no option {', '.join(sorted(unknown))}; its options are {known}")
        return evolve(self, **changes)
