"""What is noted of the waits of one call: for the rate limit, and between its attempts."""

from __future__ import annotations

import logging

from plivo_async.call_report import CallReport
from plivo_async.errors import PlivoError
from plivo_async.events import AttemptReason, PermitAwaited, RetryScheduled, Throttled

_retry_logger = logging.getLogger("plivo_async.retry")
_rate_limit_logger = logging.getLogger("plivo_async.rate_limit")

SHORTEST_WAIT_SECONDS = 0.001
"""A shorter wait for a permit is none."""


class WaitNotes(CallReport):
    """What is noted of the waits of one call.

    Attributes:
        permit_seconds: How long the request that is sent next, or is under way, waited for its permit.
    """

    # Defaults of the class, as in CallReport.
    permit_seconds = 0.0
    _reason: AttemptReason = "first"
    _permit_seconds = _backoff_seconds = 0.0
    _backoff_began: float | None = None

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
