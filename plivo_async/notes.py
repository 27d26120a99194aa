"""What is noted of one call: for the counts of its client, for the events, and for the logs."""

from __future__ import annotations

import asyncio
import logging

from plivo_async.call_report import request_logger
from plivo_async.errors import RETRYABLE_STATUSES
from plivo_async.events import (
    AttemptFailed,
    AttemptStarted,
    CallDone,
    CallOutcome,
    ConnectionAwaited,
    ResponseReceived,
)
from plivo_async.wait_notes import WaitNotes

FAILURES_OF_AN_OUTAGE = 8
"""With 3 % of errors at random, so many in a row happen once in 10 ** 12 requests."""

_pool_logger = logging.getLogger("plivo_async.pool")
# A 429 is a response of a service that works.
_FAULTS = RETRYABLE_STATUSES - {429}


class CallNotes(WaitNotes):
    """What is noted of one call, its attempts and its waits.

    Where nobody watches, a note is little more than the increment of a count: the times that only events and
    DEBUG records have are not taken.
    """

    # Defaults of the class, as in CallReport.
    _is_queued = False
    _under_way = False
    _began = _attempt_began = 0.0
    _connection_seconds = 0.0

    # The call

    def call_began(self) -> None:
        """Note that the call begins."""
        client = self._client
        client.calls += 1
        if self.is_watched:
            self._sequence = client.calls
            self._began = self._clock()

    def call_succeeded(self, attempts: int) -> None:
        """Note that the call is over, with a response."""
        self._client.succeeded += 1
        if self.is_watched:
            self._call_ended("succeeded", None, attempts)

    def call_failed(self, error: BaseException, attempts: int) -> None:
        """Note that the call is over, with an exception or a cancellation."""
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled:
            self._client.cancelled += 1
        else:
            self._client.failed += 1
        if self.is_watched:
            name = "cancelled" if cancelled else type(error).__name__
            seconds = self._clock() - self._began
            message = "%s %s: %s after %.3f s, requests: %d"
            facts = (self.method, self.route, name, seconds, attempts)
            self._log(
                request_logger, logging.DEBUG, message, *facts, attempt=attempts, error=name, seconds=seconds
            )
        self._call_ended("cancelled" if cancelled else "failed", None if cancelled else error, attempts)

    def _call_ended(self, outcome: CallOutcome, error: BaseException | None, attempts: int) -> None:
        self.backed_off()
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
        client.requests += 1
        if self._reason == "retry":
            client.retries += 1
        if self.is_watched:
            self._attempt_began = self._clock()
            self._emit(
                AttemptStarted,
                attempt=attempt,
                reason=self._reason,
                permit_seconds=self.permit_seconds,
            )
        self._reason = "middleware"

    def responded(self, status: int, size: int, api_id: str | None = None, *, damaged: bool = False) -> None:
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
        if self.is_watched:
            seconds = self._clock() - self._attempt_began
            self._emit(
                ResponseReceived,
                attempt=self._attempt,
                status=status,
                seconds=seconds,
                size=size,
                api_id=api_id,
            )
            message = "%s %s: HTTP %d after %.3f s, %d bytes, attempt %d"
            facts = (self.method, self.route, status, seconds, size, self._attempt)
            self._log(
                request_logger, logging.DEBUG, message, *facts, status=status, seconds=seconds, size=size
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
        if self.is_watched:
            seconds = self._clock() - self._attempt_began
            name = "cancelled" if isinstance(failure, asyncio.CancelledError) else type(failure).__name__
            self._emit(AttemptFailed, attempt=self._attempt, seconds=seconds, reason=name)
            message = "%s %s: %s after %.3f s, attempt %d"
            facts = (self.method, self.route, name, seconds, self._attempt)
            self._log(request_logger, logging.DEBUG, message, *facts, error=name, seconds=seconds)

    def _fault(self, reason: str) -> None:
        """Count a failure that may be one of an outage."""
        client = self._client
        client.failures_in_a_row += 1
        if client.failures_in_a_row == 1:
            client.failing_since = self._clock()
        if client.failures_in_a_row == FAILURES_OF_AN_OUTAGE:
            message = "the last %d requests to %s failed, this one with %s"
            facts = (client.failures_in_a_row, client.host, reason)
            self._log(request_logger, logging.WARNING, message, *facts, error=reason)

    def _recovered(self) -> None:
        client = self._client
        failures, client.failures_in_a_row = client.failures_in_a_row, 0
        if failures >= FAILURES_OF_AN_OUTAGE:
            seconds = self._clock() - client.failing_since
            message = "a request to %s succeeded, after %d failures in %.1f s"
            self._log(request_logger, logging.INFO, message, client.host, failures, seconds, seconds=seconds)

    def connection_closed(self, failure: BaseException) -> None:
        """Note that a request is sent once more, because the server had closed the connection."""
        self._failed(failure)
        message = "the server closed an idle connection: the request is sent again on a new one"
        self._log(_pool_logger, logging.INFO, message)
        self._reason = "closed connection"
        self.attempt_began(self._attempt)

    def connection_awaited(self, seconds: float, *, has_one: bool) -> None:
        """Note that the wait for a connection has ended."""
        self._connection_seconds += seconds
        self._client.connection_seconds += seconds
        self._emit(ConnectionAwaited, seconds=seconds)
        message = "waited %.3f s for a connection: all were in use"
        self._log(_pool_logger, logging.DEBUG, message, seconds, wait=seconds)
        if has_one and self._is_queued:
            self.attempt_began(self._attempt)
