"""The exceptions of plivo_async: one root, picklable snapshots, no credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from plivo_async.exported import exported

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class PlivoError(Exception):
    """Root of every exception that this package raises.

    An error is a snapshot: it pickles, deep-copies, and holds neither a client nor a request. What is not
    known is None (or empty). `retry_after` is in seconds, `attempts` counts the requests that were sent,
    `headers` holds an allow-list of the answer's headers with lower-case names.
    """

    message: str
    status: int | None = field(default=None, kw_only=True)
    api_id: str | None = field(default=None, kw_only=True)
    attempts: int = field(default=0, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(factory=dict[str, str], kw_only=True)
    body: bytes = field(default=b"", kw_only=True)

    def __attrs_post_init__(self) -> None:
        # OSError, a base of the time-outs, leaves args empty where __init__ is not its own.
        self.args = (self.message,)

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, without a change to it."""
        return False

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        known = (f"{name}={getattr(self, name)!r}" for name in ("status", "api_id", "retry_after"))
        facts = [fact for fact in known if not fact.endswith("=None")]
        if self.attempts:
            facts.append(f"attempts={self.attempts}")
        return f"{type(self).__name__}({', '.join([repr(self.message), *facts])})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls cls(*args), which loses keyword-only fields. __new__ is that of a built-in
        # exception, so that a pickle names the class and no function of this package.
        cause = self.__cause__ if isinstance(self.__cause__, PlivoError) else None
        state = {**self.__dict__, "args": (self.message,), "__cause__": cause}
        return type(self).__new__, (type(self), self.message), state


@exported
class ConfigurationError(PlivoError, ValueError):
    """An argument or environment variable cannot be used, or a request not be sent as it is.

    Raised before any traffic with Plivo.
    """


@exported
class InvalidCallUUIDError(PlivoError, ValueError):
    """Not a `uuid.UUID`, nor 1 to 128 characters of `[A-Za-z0-9_-]`; raised before any traffic."""


@exported
class LifetimeError(PlivoError):
    """A client was used where it cannot work."""


@exported
class ClientClosedError(LifetimeError):
    """The client was closed, before the call or during it."""


@exported
class EventLoopError(LifetimeError):
    """The client belongs to another event loop, or no asyncio event loop is running."""


@exported
class ForkedError(LifetimeError):
    """The client was first used in a parent process; build one after the fork."""


@exported
class NetworkError(PlivoError):
    """No whole answer: refused, reset, cut short, or not HTTP. The cause is the `OSError`, if any."""

    @property
    def retryable(self) -> bool:
        return True


@exported
class RequestTimeoutError(NetworkError, TimeoutError):
    """One attempt ran into its connect, read or write timeout."""


@exported
class TLSError(PlivoError):
    """The server's certificate was not accepted. Never retried."""


@exported
class DeadlineExceededError(PlivoError, TimeoutError):
    """The call did not end within its deadline, or its next wait would not have.

    The cause is the last failure.
    """

    @property
    def retryable(self) -> bool:
        return True


@exported
class StatusError(PlivoError):
    """The server answered with a status other than the one asked for."""

    @property
    def retryable(self) -> bool:
        return self.status in RETRYABLE_STATUSES


@exported
class RedirectError(StatusError):
    """3xx: never followed, so that credentials go to one host only."""


@exported
class BadRequestError(StatusError):
    """400, or another 4xx without a type of its own."""


@exported
class AuthenticationError(StatusError):
    """401: the auth_id or auth_token is wrong."""


@exported
class PermissionDeniedError(StatusError):
    """403: the credentials may not read this."""


@exported
class NotFoundError(StatusError):
    """404: no such call, not written yet, older than 90 days, or a SIP-trunk call."""


@exported
class RateLimitError(StatusError):
    """429: more than 300 requests in 5 seconds over the main account."""


@exported
class RateLimitTimeoutError(RateLimitError, DeadlineExceededError):
    """429 until the deadline, or until the next wait would not have ended within it."""


@exported
class ServerError(StatusError):
    """5xx: the server failed."""


@exported
class UnexpectedStatusError(StatusError):
    """A status that means nothing here, such as 204 where a record was asked for."""


@exported
class InvalidResponseError(PlivoError):
    """The answer came whole but is not what was asked for; `body` holds it."""


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class DecodeError(InvalidResponseError):
    """The body is not a call detail record; `fields` names the keys at fault, `body` holds it raw."""

    fields: tuple[str, ...] = field(default=(), kw_only=True)


@exported
class RecordMismatchError(InvalidResponseError):
    """The record is of another call than the one asked for."""


@exported
class ResponseTooLargeError(InvalidResponseError):
    """The body is larger than `max_body`, as declared or after decompression. Never retried."""


BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}


def type_for_status(status: int) -> type[StatusError]:
    """The exception type for a status that is not a success."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    by_class = {3: RedirectError, 4: BadRequestError, 5: ServerError}
    return by_class.get(status // 100, UnexpectedStatusError)
