"""What a client notes of its calls: the counts of `stats()`, the events of `on_event`, and its logs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any

from plivo_async.errors import ConfigurationError, PlivoError
from plivo_async.events import (
    AttemptFailed,
    AttemptReason,
    AttemptStarted,
    CallDone,
    CallOutcome,
    ConnectionAwaited,
    Event,
    PermitAwaited,
    ResponseReceived,
    RetryScheduled,
    Throttled,
)
from plivo_async.route import route_of
from plivo_async.text import short_repr

SHORTEST_WAIT_SECONDS = 0.001
"""A shorter wait for a permit is none."""


def _check_hook(on_event: Any) -> Any:
    if on_event is not None and (
        not callable(on_event)
        or iscoroutinefunction(on_event)
        or iscoroutinefunction(getattr(on_event, "__call__", None))  # noqa: B004 - its kind is asked for
    ):
        raise ConfigurationError(
            f"on_event must be a plain function of one event, not {short_repr(on_event)}"
        )
    return on_event


class ClientNotes:
    """What a client and its views note of all their calls.

    Args:
        on_event: Called with each event; None for no events.

    Raises:
        ConfigurationError: `on_event` cannot be called, or is a coroutine function.
    """

    def __init__(self, on_event: Callable[[Event], object] | None = None) -> None:
        self.on_event: Callable[[Event], object] | None = _check_hook(on_event)
        self.calls = 0
        self.succeeded = 0
        self.failed = 0
        self.cancelled = 0
        self.requests = 0
        self.responses = 0
        self.failed_attempts = 0
        self.retries = 0
        self.throttled = 0
        self.pauses = 0
        self.permit_seconds = 0.0
        self.connection_seconds = 0.0
        self.backoff_seconds = 0.0


# Of requests that no client sends, such as those of a MiddlewareTransport.
_NO_CLIENT = ClientNotes()


class CallNotes:
    """What is noted of one call.

    Args:
        client: What is noted of all calls of its client.
        method: The HTTP method.
        path: Relative to the account.
        call_uuid: The call that the request is about; None for another request.
        clock: Of the event loop.
        operation: The method of the client that was called, such as `calls.get`.

    Attributes:
        has_hook: Whether events are of interest.
        permit_seconds: How long the request that is sent next, or is under way, waited for its permit.
    """

    __slots__ = (
        "_attempt",
        "_attempt_began",
        "_backoff_began",
        "_backoff_seconds",
        "_began",
        "_client",
        "_clock",
        "_connection_seconds",
        "_is_queued",
        "_path",
        "_permit_seconds",
        "_reason",
        "_route",
        "_sequence",
        "_under_way",
        "call_uuid",
        "has_hook",
        "method",
        "operation",
        "permit_seconds",
    )

    def __init__(
        self,
        client: ClientNotes = _NO_CLIENT,
        method: str = "",
        path: str = "",
        call_uuid: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        operation: str = "",
    ) -> None:
        self._client = client
        self.operation = operation
        self.has_hook = client.on_event is not None
        self._path = path
        self.method = method
        self.call_uuid = call_uuid
        self._clock = clock
        self._reason: AttemptReason = "first"
        self._attempt = 0
        self._is_queued = False
        self.permit_seconds = 0.0
        self._sequence = 0
        self._began = self._attempt_began = 0.0
        self._backoff_began: float | None = None
        self._permit_seconds = self._connection_seconds = self._backoff_seconds = 0.0
        self._under_way = False
        self._route: str | None = None

    @property
    def route(self) -> str:
        """The path as a template."""
        if self._route is None:
            self._route = route_of(self._path)
        return self._route

    # The call

    def call_began(self) -> None:
        """Note that the call begins."""
        client = self._client
        client.calls += 1
        self._sequence = client.calls
        self._began = self._clock()

    def call_succeeded(self, attempts: int) -> None:
        """Note that the call is over, with a response."""
        client = self._client
        client.succeeded += 1
        if client.on_event is not None:
            self._call_ended("succeeded", None, attempts)

    def call_failed(self, error: BaseException, attempts: int) -> None:
        """Note that the call is over, with an exception or a cancellation."""
        if isinstance(error, asyncio.CancelledError):
            self._client.cancelled += 1
            self._call_ended("cancelled", None, attempts)
        else:
            self._client.failed += 1
            self._call_ended("failed", error, attempts)

    def _call_ended(self, outcome: CallOutcome, error: BaseException | None, attempts: int) -> None:
        if self._backoff_began is not None:
            self.backed_off()
        if self._client.on_event is not None:
            self._emit(
                CallDone,
                outcome=outcome,
                error=error,
                attempts=attempts,
                seconds=self._clock() - self._began,
                permit_seconds=self._permit_seconds,
                connection_seconds=self._connection_seconds,
                backoff_seconds=self._backoff_seconds,
            )

    # One attempt

    def attempt_queued(self, attempt: int) -> None:
        """Note that a request is about to be sent once a connection is free."""
        self._attempt = attempt
        self._is_queued = True

    def attempt_began(self, attempt: int) -> None:
        """Note that a request is about to be sent."""
        client = self._client
        self._attempt = attempt
        self._is_queued = False
        self._under_way = True
        self._attempt_began = self._clock()
        client.requests += 1
        if self._reason == "retry":
            client.retries += 1
        if client.on_event is not None:
            self._emit(
                AttemptStarted,
                attempt=attempt,
                reason=self._reason,
                permit_seconds=self.permit_seconds,
            )
        self._reason = "middleware"

    def responded(self, status: int, size: int, api_id: str | None) -> None:
        """Note that the response to a request is read."""
        if self._is_queued:
            # A mock of httpx sent it, not the pool.
            self.attempt_began(self._attempt)
        self._under_way = False
        self.permit_seconds = 0.0
        client = self._client
        client.responses += 1
        if status == 429:
            client.throttled += 1
        if client.on_event is not None:
            self._emit(
                ResponseReceived,
                attempt=self._attempt,
                status=status,
                seconds=self._clock() - self._attempt_began,
                size=size,
                api_id=api_id,
            )

    def attempt_failed(self, failure: BaseException) -> None:
        """Note that there is no whole response to a request; nothing for one that was not sent."""
        self._is_queued = False
        if not self._under_way:
            return
        self._under_way = False
        self.permit_seconds = 0.0
        client = self._client
        client.failed_attempts += 1
        if client.on_event is not None:
            cancelled = isinstance(failure, asyncio.CancelledError)
            self._emit(
                AttemptFailed,
                attempt=self._attempt,
                seconds=self._clock() - self._attempt_began,
                reason="cancelled" if cancelled else type(failure).__name__,
            )

    def connection_closed(self, failure: BaseException) -> None:
        """Note that a request is sent once more, because the server had closed the connection."""
        self.attempt_failed(failure)
        self._reason = "closed connection"
        self.attempt_began(self._attempt)

    # Waits

    def connection_awaited(self, seconds: float, *, has_one: bool) -> None:
        """Note that the wait for a connection has ended."""
        self._connection_seconds += seconds
        self._client.connection_seconds += seconds
        if self._client.on_event is not None:
            self._emit(ConnectionAwaited, seconds=seconds)
        if has_one and self._is_queued:
            self.attempt_began(self._attempt)

    def permit_awaited(self, seconds: float) -> None:
        """Note that the wait for a permit has ended."""
        self.permit_seconds = seconds
        self._permit_seconds += seconds
        self._client.permit_seconds += seconds
        if self._client.on_event is not None:
            self._emit(PermitAwaited, seconds=seconds)

    def throttled(self, seconds: float, retry_after: float | None) -> None:
        """Note that a 429 begins a pause."""
        self._client.pauses += 1
        if self._client.on_event is not None:
            self._emit(Throttled, attempt=self._attempt, seconds=seconds, retry_after=retry_after)

    def goes_again_after_429(self) -> None:
        """Note that the request is sent again as soon as the limiter permits."""
        self._reason = "throttled"

    def retry_scheduled(self, error: PlivoError, reason: str, seconds: float) -> None:
        """Note that the wait before the next attempt begins."""
        if self._client.on_event is not None:
            self._emit(RetryScheduled, attempt=self._attempt, seconds=seconds, reason=reason, error=error)
        self._reason = "retry"
        self._backoff_began = self._clock()

    def backed_off(self) -> None:
        """Note that the wait before the next attempt has ended."""
        if self._backoff_began is not None:
            seconds = self._clock() - self._backoff_began
            self._backoff_began = None
            self._backoff_seconds += seconds
            self._client.backoff_seconds += seconds

    def _emit(self, kind: Callable[..., Event], **facts: Any) -> None:
        hook = self._client.on_event
        if hook is not None:
            event = kind(
                sequence=self._sequence,
                call_uuid=self.call_uuid,
                method=self.method,
                route=self.route,
                **facts,
            )
            with _Reported(event):
                hook(event)


class _Reported:
    """Hands an exception of the hook to the event loop, as asyncio does with those of its callbacks.

    The hook is called at once, not by `call_soon`: an event is there when the call returns, and none is lost
    when the event loop ends.
    """

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def __enter__(self) -> None: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if exc is None or isinstance(exc, KeyboardInterrupt | SystemExit):
            return False
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"on_event raised an exception at {type(self._event).__name__}", "exception": exc}
        )
        return True
