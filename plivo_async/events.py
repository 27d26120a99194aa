"""The events of a client: frozen objects, handed to its `on_event` as they happen.

Times are in seconds. `route` is a template without account, number or identifier, so that it can be the label
of a metric.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import frozen

from plivo_async.errors import PlivoError
from plivo_async.exported import exported

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CallDone",
    "ConnectionAwaited",
    "Event",
    "PermitAwaited",
    "ResponseReceived",
    "RetryScheduled",
    "Throttled",
]

AttemptReason: TypeAlias = Literal["first", "retry", "throttled", "closed connection", "middleware"]
CallOutcome: TypeAlias = Literal["succeeded", "failed", "cancelled"]


@frozen(kw_only=True)
class _Event:
    sequence: int
    call_uuid: str | None
    method: str
    route: str


@exported
@frozen(kw_only=True)
class AttemptStarted(_Event):
    """A request is about to be sent. Exactly one ResponseReceived or AttemptFailed follows.

    Attributes:
        sequence: The number of the call among those of the client, from 1. All events of a call have it.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        attempt: The number of the request within the call, from 1. One that is sent once more because the
            server had closed the connection keeps its number.
        reason: "first" for the first request. "retry" after a failure. "throttled" after a 429 and its pause.
            "closed connection" if the server closed an idle connection just as the request was sent on it.
            "middleware" if a middleware sends the request again.
        permit_seconds: Seconds that the request waited for its permit of the rate limit.
    """

    attempt: int
    reason: AttemptReason
    permit_seconds: float


@exported
@frozen(kw_only=True)
class ResponseReceived(_Event):
    """A response arrived, whatever its status, and its body is read.

    Attributes:
        sequence: The number of the call among those of the client, from 1.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        attempt: The number of the request within the call, from 1.
        status: The status of the response.
        seconds: Seconds from the start of the attempt to the end of the body.
        size: Bytes of the body, after decompression.
        api_id: Plivo's identifier of the request; None if the response has none.
    """

    attempt: int
    status: int
    seconds: float
    size: int
    api_id: str | None


@exported
@frozen(kw_only=True)
class AttemptFailed(_Event):
    """No whole response: the attempt failed on the wire, or was cancelled.

    Attributes:
        sequence: The number of the call among those of the client, from 1.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        attempt: The number of the request within the call, from 1.
        seconds: Seconds from the start of the attempt to its failure.
        reason: The name of an exception, such as `ConnectError`, `ReadTimeout` or `ResponseTooLargeError`.
            `cancelled` if the deadline or the caller ended the attempt.
    """

    attempt: int
    seconds: float
    reason: str


@exported
@frozen(kw_only=True)
class RetryScheduled(_Event):
    """An attempt failed, and another follows after a wait.

    Attributes:
        sequence: The number of the call among those of the client, from 1.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        attempt: The number of the request that failed, from 1.
        seconds: Seconds until the next attempt.
        reason: The cause in a word: `HTTP 503`, or the name of an exception, such as `ReadError`.
        error: The cause as an error.
    """

    attempt: int
    seconds: float
    reason: str
    error: PlivoError


@exported
@frozen(kw_only=True)
class Throttled(_Event):
    """A 429 begins a pause: until it ends, the client sends nothing. One event for each pause.

    Attributes:
        sequence: The number of the call that received the 429, among those of the client, from 1.
        call_uuid: The call UUID that this call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        attempt: The number of the request that received the 429, from 1.
        seconds: The length of the pause in seconds.
        retry_after: Seconds that the server asks to wait; None if it does not ask.
    """

    attempt: int
    seconds: float
    retry_after: float | None


@exported
@frozen(kw_only=True)
class PermitAwaited(_Event):
    """A request waited for a permit of the rate limit, for 1 ms or longer.

    Attributes:
        sequence: The number of the call among those of the client, from 1.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        seconds: The length of the wait in seconds. It has ended.
    """

    seconds: float


@exported
@frozen(kw_only=True)
class ConnectionAwaited(_Event):
    """A request waited because all connections of the pool were in use.

    Attributes:
        sequence: The number of the call among those of the client, from 1.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        seconds: The length of the wait in seconds. It has ended.
    """

    seconds: float


@exported
@frozen(kw_only=True)
class CallDone(_Event):
    """A call is over. The last of its events.

    Attributes:
        sequence: The number of the call among those of the client, from 1.
        call_uuid: The call UUID that the call is about; None for another request.
        method: The HTTP method.
        route: The path as a template, such as `Call/{call_uuid}/`.
        outcome: "succeeded", "failed" or "cancelled".
        error: The exception that the call raises; None if it succeeded or was cancelled.
        attempts: How many requests were sent.
        seconds: Seconds of the whole call, with all waits.
        permit_seconds: The seconds of these that it waited for permits of the rate limit.
        connection_seconds: The seconds of these that it waited for a connection of the pool.
        backoff_seconds: The seconds of these that it waited between a failure and the next attempt.
    """

    outcome: CallOutcome
    error: BaseException | None
    attempts: int
    seconds: float
    permit_seconds: float
    connection_seconds: float
    backoff_seconds: float


Event: TypeAlias = (
    AttemptStarted
    | ResponseReceived
    | AttemptFailed
    | RetryScheduled
    | Throttled
    | PermitAwaited
    | ConnectionAwaited
    | CallDone
)
