"""One attempt that is over: its response, or the exception of httpx that it ended with."""

from __future__ import annotations

from plivo_async._httpx import httpx
from plivo_async.error_mapping import Outcome, failure_error, is_transient
from plivo_async.errors import DecodeError, PlivoError
from plivo_async.retry_after import retry_after_seconds


class Attempt:
    """Holds an outcome outside of any `except` block, until it is given up once.

    A frame that names an exception it raises is part of a cycle (error, traceback, frame, error), which would
    keep the request and its Authorization header alive until the next garbage collection.

    Attributes:
        status: The status of the response, if there is one.
    """

    __slots__ = ("_outcome", "status")

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        response = self.response
        self.status = None if response is None else response.status_code

    @property
    def response(self) -> httpx.Response | None:
        """The response; None where the connection failed.

        `raise_for_status()`, in a hook of a borrowed client or in middleware, makes an exception of one.
        """
        outcome = self._outcome
        if isinstance(outcome, httpx.TransportError | DecodeError):
            return None
        return outcome.response if isinstance(outcome, httpx.HTTPStatusError) else outcome

    @property
    def retry_after(self) -> float | None:
        """Seconds that the response asks to wait, if it does."""
        response = self.response
        return None if response is None else retry_after_seconds(response.headers)

    @property
    def is_transient(self) -> bool:
        """Whether the same request, sent again, may succeed."""
        return is_transient(self._outcome)

    @property
    def name(self) -> str:
        """A name for the log, for example `HTTP 503` or `ReadError`."""
        status = self.status
        return type(self._outcome).__name__ if status is None else f"HTTP {status}"

    def error(self, attempts: int) -> PlivoError:
        """Build the error for this outcome; it holds no request."""
        return failure_error(self._outcome, attempts)

    def unwrap(self) -> httpx.Response:
        """Return the response, or raise the exception. Once: the outcome is given up."""
        outcome = self._outcome
        del self._outcome
        if isinstance(outcome, httpx.Response):
            return outcome
        try:
            raise outcome
        finally:
            del outcome
