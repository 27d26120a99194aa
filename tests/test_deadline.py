from __future__ import annotations

import httpx

from plivo_async.context import CallState
from plivo_async.deadline import deadline_error
from plivo_async.error_mapping import failure_error
from plivo_async.errors import DeadlineExceededError, NetworkError, RateLimitError


def test_without_a_failure_before_it_the_error_has_no_cause() -> None:
    error = deadline_error(CallState(attempts=1), "late")
    assert (type(error), str(error), error.attempts) == (DeadlineExceededError, "late", 1)
    assert error.__cause__ is None


def test_after_a_response_the_error_has_its_facts() -> None:
    response = httpx.Response(429, headers={"Retry-After": "7"}, json={"error": "slow down", "api_id": "a1"})
    error = deadline_error(CallState(attempts=2, last_failure=failure_error(response, 2)), "late")
    assert str(error).startswith("late; last failure: HTTP 429: slow down")
    assert (error.status, error.api_id, error.retry_after, error.attempts) == (429, "a1", 7.0, 2)
    assert error.headers["retry-after"] == "7"
    assert error.body == response.content
    assert type(error.__cause__) is RateLimitError


def test_after_a_failure_on_the_wire_that_is_the_cause() -> None:
    failure = failure_error(httpx.ReadError("gone"), 2)
    error = deadline_error(CallState(attempts=2, last_failure=failure), "late")
    assert str(error) == "late; last failure: ReadError: gone"
    assert type(error.__cause__) is NetworkError
    assert (error.status, error.body) == (None, b"")
