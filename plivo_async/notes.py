"""What is noted of one call: for the counts of its client, for the events, and for the logs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from plivo_async.client_notes import ClientNotes, Reported
from plivo_async.errors import RETRYABLE_STATUSES, PlivoError
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
from plivo_async.logs import log_call
from plivo_async.route import route_of

SHORTEST_WAIT_SECONDS = 0.001
"""A shorter wait for a permit is none."""

FAILURES_OF_AN_OUTAGE = 8
"""With 3 % of errors at random, so many in a row happen once in 10 ** 12 requests."""

_request_logger = logging.getLogger("plivo_async.request")
_retry_logger = logging.getLogger("plivo_async.retry")
_rate_limit_logger = logging.getLogger("plivo_async.rate_limit")
_pool_logger = logging.getLogger("plivo_async.pool")
# A 429 is a response of a service that works.
_FAULTS = RETRYABLE_STATUSES - {429}


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
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled:
            self._client.cancelled += 1
        else:
            self._client.failed += 1
        if _request_logger.isEnabledFor(logging.DEBUG):
            name = "cancelled" if cancelled else type(error).__name__
            seconds = self._clock() - self._began
            message = "%s %s: %s after %.3f s, requests: %d"
            facts = (self.method, self.route, name, seconds, attempts)
            self._log(
                _request_logger, logging.DEBUG, message, *facts, attempt=attempts, error=name, seconds=seconds
            )
        self._call_ended("cancelled" if cancelled else "failed", None if cancelled else error, attempts)

    def _call_ended(self, outcome: CallOutcome, error: BaseException | None, attempts: int) -> None:
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

    def responded(self, status: int, size: int, api_id: str | None, *, damaged: bool = False) -> None:
        """Note that the response to a request is read; `damaged`: to no use."""
        if self._is_queued:
            # A mock of httpx sent it, not the pool.
            self.attempt_began(self._attempt)
        self._under_way = False
        self.permit_seconds = 0.0
        client = self._client
        client.responses += 1
        if status == 429:
            client.throttled += 1
        elif damaged or status in _FAULTS:
            self._fault("damaged body" if damaged else f"HTTP {status}")
        elif client.failures_in_a_row:
            self._recovered()
        if client.on_event is not None:
            self._emit(
                ResponseReceived,
                attempt=self._attempt,
                status=status,
                seconds=self._clock() - self._attempt_began,
                size=size,
                api_id=api_id,
            )
        if _request_logger.isEnabledFor(logging.DEBUG):
            seconds = self._clock() - self._attempt_began
            message = "%s %s: HTTP %d after %.3f s, %d bytes, attempt %d"
            facts = (self.method, self.route, status, seconds, size, self._attempt)
            self._log(
                _request_logger, logging.DEBUG, message, *facts, status=status, seconds=seconds, size=size
            )

    def attempt_failed(self, failure: BaseException) -> None:
        """Note that there is no whole response to a request; nothing for one that was not sent."""
        self._is_queued = False
        if not self._under_way:
            return
        self._failed(failure)
        if not isinstance(failure, asyncio.CancelledError):
            self._fault(type(failure).__name__)

    def _failed(self, failure: BaseException) -> None:
        self._under_way = False
        self.permit_seconds = 0.0
        client = self._client
        client.failed_attempts += 1
        seconds = self._clock() - self._attempt_began
        name = "cancelled" if isinstance(failure, asyncio.CancelledError) else type(failure).__name__
        self._emit(AttemptFailed, attempt=self._attempt, seconds=seconds, reason=name)
        if _request_logger.isEnabledFor(logging.DEBUG):
            message = "%s %s: %s after %.3f s, attempt %d"
            facts = (self.method, self.route, name, seconds, self._attempt)
            self._log(_request_logger, logging.DEBUG, message, *facts, error=name, seconds=seconds)

    def _fault(self, reason: str) -> None:
        """Count a failure that may be one of an outage."""
        client = self._client
        client.failures_in_a_row += 1
        if client.failures_in_a_row == 1:
            client.failing_since = self._clock()
        if client.failures_in_a_row == FAILURES_OF_AN_OUTAGE:
            message = "the last %d requests to %s failed, this one with %s"
            facts = (client.failures_in_a_row, client.host, reason)
            self._log(_request_logger, logging.WARNING, message, *facts, error=reason)

    def _recovered(self) -> None:
        client = self._client
        failures, client.failures_in_a_row = client.failures_in_a_row, 0
        if failures >= FAILURES_OF_AN_OUTAGE:
            seconds = self._clock() - client.failing_since
            message = "a request to %s succeeded, after %d failures in %.1f s"
            self._log(_request_logger, logging.INFO, message, client.host, failures, seconds, seconds=seconds)

    def connection_closed(self, failure: BaseException) -> None:
        """Note that a request is sent once more, because the server had closed the connection."""
        self._failed(failure)
        message = "the server closed an idle connection: the request is sent again on a new one"
        self._log(_pool_logger, logging.INFO, message)
        self._reason = "closed connection"
        self.attempt_began(self._attempt)

    # Waits

    def connection_awaited(self, seconds: float, *, has_one: bool) -> None:
        """Note that the wait for a connection has ended."""
        self._connection_seconds += seconds
        self._client.connection_seconds += seconds
        self._emit(ConnectionAwaited, seconds=seconds)
        message = "waited %.3f s for a connection: all were in use"
        self._log(_pool_logger, logging.DEBUG, message, seconds, wait=seconds)
        if has_one and self._is_queued:
            self.attempt_began(self._attempt)

    def permit_awaited(self, seconds: float) -> None:
        """Note that the wait for a permit has ended."""
        self.permit_seconds = seconds
        self._permit_seconds += seconds
        self._client.permit_seconds += seconds
        self._emit(PermitAwaited, seconds=seconds)
        message = "waited %.3f s for the rate limit"
        self._log(_rate_limit_logger, logging.DEBUG, message, seconds, wait=seconds)

    def throttled(self, seconds: float, retry_after: float | None, then: str = "") -> None:
        """Note that a 429 begins a pause; `then`: what follows it, for the log."""
        self._client.pauses += 1
        self._emit(Throttled, attempt=self._attempt, seconds=seconds, retry_after=retry_after)
        message = "HTTP 429: no request for %.2f s%s"
        facts = (seconds, then and f", then {then}")
        self._log(_rate_limit_logger, logging.WARNING, message, *facts, status=429, wait=seconds)

    def goes_again_after_429(self) -> None:
        """Note that the request is sent again as soon as the limiter permits."""
        self._reason = "throttled"

    def retry_scheduled(self, error: PlivoError, attempt: int, reason: str, seconds: float) -> None:
        """Note that the wait before the next attempt begins."""
        self._emit(RetryScheduled, attempt=attempt, seconds=seconds, reason=reason, error=error)
        message = "attempt %d failed (%s), next in %.2f s"
        facts = (attempt, reason, seconds)
        self._log(
            *(_retry_logger, logging.INFO, message),
            *facts,
            attempt=attempt,
            status=error.status,
            wait=seconds,
            error=reason,
        )
        self._reason = "retry"
        self._backoff_began = self._clock()

    def retry_postponed(self, attempt: int, seconds: float) -> None:
        """Note that the wait goes on, because the retry budget is spent."""
        message = "the retry budget is spent, next look in %.2f s"
        self._log(_retry_logger, logging.INFO, message, seconds, attempt=attempt, wait=seconds)

    def gave_up(self, error: PlivoError, attempt: int, reason: str, why: str) -> None:
        """Note that no attempt follows one that failed."""
        message = "attempt %d failed (%s), no other follows: %s"
        facts = (attempt, reason, why)
        status = error.status
        self._log(_retry_logger, logging.INFO, message, *facts, attempt=attempt, status=status, error=reason)

    def backed_off(self) -> None:
        """Note that the wait before the next attempt has ended."""
        if self._backoff_began is not None:
            seconds = self._clock() - self._backoff_began
            self._backoff_began = None
            self._backoff_seconds += seconds
            self._client.backoff_seconds += seconds

    def _log(self, logger: logging.Logger, level: int, message: str, *facts: object, **extra: Any) -> None:
        if logger.isEnabledFor(level):
            extra.setdefault("attempt", self._attempt or None)
            extra.update(method=self.method, route=self.route)
            log_call(logger, level, self.call_uuid, message, *facts, **extra)

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
            with Reported(event):
                hook(event)
