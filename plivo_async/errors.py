"""The exceptions of plivo_async: one root for the failures of calls, picklable snapshots, no credentials."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import define, field

from plivo_async.exported import exported

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class PlivoError(Exception):
    """The root of all errors of calls. A mistake in the program is a `LifetimeError` instead.

    An error is a snapshot: it can be pickled and copied, and it holds no client, no request and no
    credentials.

    Attributes:
        message: The message, one line of printable text.
        status: The status of the response; None without a response.
        api_id: Plivo's identifier of the request, for its support; None if the response has none.
        attempts: How many requests were sent for the call.
        retry_after: Seconds that the server asks to wait; None if it does not ask.
        headers: Some headers of the response, with lower-case names. None of them can hold credentials.
        body: The body of the response in bytes; empty without a response.
        call_uuid: The call UUID that the error is about; None if it is about no call.
    """

    message: str
    status: int | None = field(default=None, kw_only=True)
    api_id: str | None = field(default=None, kw_only=True)
    attempts: int = field(default=0, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(factory=dict[str, str], kw_only=True)
    body: bytes = field(default=b"", kw_only=True)
    call_uuid: str | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        # OSError is a base of the timeouts. It leaves args empty if a subclass has an __init__ of its own.
        self.args: tuple[Any, ...] = (self.message,)

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, without a change to it."""
        return False

    def __str__(self) -> str:
        # An error of a batch has that of a call in its message.
        if self.call_uuid is None or f"call {self.call_uuid}" in self.message:
            return self.message
        return f"{self.message} (call {self.call_uuid})"

    def __repr__(self) -> str:
        known = (f"{name}={getattr(self, name)!r}" for name in ("status", "api_id", "retry_after"))
        facts = [fact for fact in known if not fact.endswith("=None")]
        if self.attempts:
            facts.append(f"attempts={self.attempts}")
        if self.call_uuid is not None:
            facts.append(f"call_uuid={self.call_uuid!r}")
        return f"{type(self).__name__}({', '.join([repr(self.message), *facts])})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls cls(*args), which loses keyword-only fields. __new__ is that of a built-in
        # exception, so that a pickle names the class and no function of this package.
        cause = self.__cause__ if isinstance(self.__cause__, PlivoError) else None
        state = {**self.__dict__, "args": (self.message,), "__cause__": cause}
        return type(self).__new__, (type(self), self.message), state


@exported
class ConfigurationError(PlivoError, ValueError):
    """An argument, an environment variable or a request cannot be used. Raised before any traffic."""


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class RetentionError(ConfigurationError):
    """The span of a list begins before the 90 days that Plivo keeps records. Raised before any traffic.

    Attributes:
        oldest: The earliest time at which a list may begin, in UTC; None if that is not known.
    """

    oldest: datetime | None = field(default=None, kw_only=True)


@exported
class InvalidCallUUIDError(PlivoError, ValueError):
    """The call UUID is neither a `uuid.UUID` nor a string of 1 to 128 characters from `[A-Za-z0-9_-]`.

    Raised before any traffic.
    """


@exported
class LifetimeError(RuntimeError):
    """A client was used where it cannot work: a mistake in the program. Raised before any traffic.

    It is no `PlivoError`, because a handler for errors of calls must not hide it. `ClientClosedError` is
    both.

    Attributes:
        message: The mistake and its remedy, in one line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class ClientClosedError(PlivoError, LifetimeError):
    """The client was closed, before the call or during it.

    It is a `PlivoError` too: it ends the calls that are under way when a program stops.

    Attributes:
        during_call: Whether the client was closed during the call. Only then is the error retryable.
    """

    during_call: bool = field(default=False, kw_only=True)

    @property
    def retryable(self) -> bool:
        return self.during_call


@exported
class EventLoopError(LifetimeError):
    """The client belongs to another event loop, or no asyncio event loop is running."""


@exported
class ForkedError(LifetimeError):
    """The client was used before a fork. Enter it again in the child process, or build another."""


@exported
class SyncTargetError(PlivoError):
    """The file or the database of a sync cannot be used. The message has its name and the reason."""


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class SignatureError(PlivoError):
    """A callback is not from Plivo, or not to this URL. Answer it with status 403.

    Attributes:
        reason: `no_signature` or `no_nonce`: this header is missing or empty. `no_match`: no signature fits
            the request with any token. `unsigned_body`: a GET has a body.
    """

    reason: str = field(default="no_match", kw_only=True)


@exported
class NetworkError(PlivoError):
    """No whole response: the connection was refused, reset or cut short, or its bytes are not HTTP.

    Its `__cause__` is the `OSError`, if there is one.
    """

    @property
    def retryable(self) -> bool:
        return True


@exported
class RequestTimeoutError(NetworkError, TimeoutError):
    """A connect, read or write of an attempt took longer than its timeout."""


@exported
class TLSError(PlivoError):
    """The certificate of the server was refused. Never retried."""


@exported
class DeadlineExceededError(PlivoError, TimeoutError):
    """The deadline of the call is over, or the next wait would outlast it.

    It has the status, headers and body of the last failure, which is its `__cause__`.
    """

    @property
    def retryable(self) -> bool:
        return True


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class LimiterUnavailableError(PlivoError):
    """The server of a shared rate limiter cannot be used, so the client sent no request.

    Attributes:
        is_permanent: Whether the server refused the credentials. Only then is the error not retryable.
    """

    is_permanent: bool = field(default=False, kw_only=True)

    @property
    def retryable(self) -> bool:
        return not self.is_permanent


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class PatienceExceededError(PlivoError, TimeoutError):
    """A batch, a list or a sync held for longer than its `patience`.

    Its `__cause__` is the last failure, if there was one; `status`, `headers` and `body` are from this
    failure. `retry_after` has the seconds until the next request may be sent. The batch has read no further
    call UUIDs.

    Attributes:
        until: When the next request may be sent, in UTC; None if that is not known.
    """

    until: datetime | None = field(default=None, kw_only=True)

    @property
    def retryable(self) -> bool:
        return True


@exported
class StatusError(PlivoError):
    """The response has a status other than success."""

    @property
    def retryable(self) -> bool:
        return self.status in RETRYABLE_STATUSES


@exported
class RedirectError(StatusError):
    """3xx. Redirects are never followed, so that credentials go to one host only."""


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
    """404: no such call, its record is not written yet, older than 90 days, or of a SIP-trunk call."""


@exported
class RateLimitError(StatusError):
    """429: the account has sent more requests than Plivo allows, which is 300 per 5 s by default."""


@exported
class RateLimitTimeoutError(RateLimitError, DeadlineExceededError):
    """429 until the deadline, or the wait after a 429 would outlast the deadline."""


@exported
class ServerError(StatusError):
    """5xx: the server failed."""


@exported
class UnexpectedStatusError(StatusError):
    """A status that Plivo does not document here, for example 204 in place of a record."""


@exported
class InvalidResponseError(PlivoError):
    """The response is complete, but its body cannot be used. `body` holds the body."""


@exported
@define(slots=False, eq=False, repr=False, auto_exc=False)
class DecodeError(InvalidResponseError):
    """The body is not the record, list or callback that was expected. `body` holds it.

    Attributes:
        fields: The keys with a missing or unusable value.
        is_damaged: Whether the body was empty, cut short, or not JSON, for example the HTML of a proxy. Only
            then is the error retryable.
    """

    fields: tuple[str, ...] = field(default=(), kw_only=True)
    is_damaged: bool = field(default=False, kw_only=True)

    @property
    def retryable(self) -> bool:
        return self.is_damaged


@exported
class RecordMismatchError(InvalidResponseError):
    """The response is the record of another call."""


@exported
class ResponseTooLargeError(InvalidResponseError):
    """The body is larger than `max_body`, in its Content-Length or after decompression. Never retried."""


BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}


def type_for_status(status: int) -> type[StatusError]:
    """Return the exception type for a status that is not a success."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    by_class = {3: RedirectError, 4: BadRequestError, 5: ServerError}
    return by_class.get(status // 100, UnexpectedStatusError)
