"""What one request carries through the middleware: its deadline, its limits, what happened so far."""

from __future__ import annotations

import httpx
from attrs import define

from plivo_async.error_mapping import Failure, failure_error
from plivo_async.errors import DeadlineExceededError, RateLimitError, RateLimitTimeoutError
from plivo_async.retry_policy import RetryPolicy

_KEY = "plivo_async.context"


@define(eq=False)
class RequestContext:
    """State of one request, kept in `request.extensions`; never on a client.

    `deadline` is a time of the event loop's clock, `max_body` a number of bytes, `attempts` how many
    requests were sent, `last_failure` what the latest of them came to, `retried_by` the outermost retry,
    `lane` the batch that it belongs to.
    """

    deadline: float | None = None
    retry: RetryPolicy | None = None
    max_body: int = 4 * 1024 * 1024
    attempts: int = 0
    last_failure: Failure | None = None
    retried_by: object = None
    lane: object = None

    @classmethod
    def of(cls, request: httpx.Request) -> RequestContext:
        """The context of this request; a new one, without deadline, where it has none yet."""
        context: RequestContext | None = request.extensions.get(_KEY)
        if context is None:
            context = request.extensions[_KEY] = cls()
        return context

    def attach(self, request: httpx.Request) -> None:
        """Make this the context of a request."""
        request.extensions[_KEY] = self

    def deadline_error(self, message: str) -> DeadlineExceededError:
        """The error for a deadline that ran out, with what the last failure told; that is its cause."""
        if self.last_failure is None:
            return DeadlineExceededError(message, attempts=self.attempts)
        last = failure_error(self.last_failure, self.attempts)
        limited = isinstance(last, RateLimitError)
        error = (RateLimitTimeoutError if limited else DeadlineExceededError)(
            f"{message}; last failure: {last}",
            status=last.status,
            api_id=last.api_id,
            attempts=self.attempts,
            retry_after=last.retry_after,
            headers=last.headers,
            body=last.body,
        )
        error.__cause__ = last
        return error
