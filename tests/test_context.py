from __future__ import annotations

import httpx

from plivo_async.context import RequestContext
from plivo_async.errors import DeadlineExceededError, NetworkError, RateLimitError


def request() -> httpx.Request:
    return httpx.Request("GET", "https://api.plivo.com/")


def test_a_request_without_one_gets_one_without_a_deadline() -> None:
    asked = request()
    context = RequestContext.of(asked)
    assert (context.deadline, context.retry, context.attempts, context.last_failure) == (None, None, 0, None)
    assert context.max_body == 4 * 1024 * 1024
    assert RequestContext.of(asked) is context


def test_a_request_keeps_the_one_that_was_attached() -> None:
    asked, context = request(), RequestContext(attempts=2)
    context.attach(asked)
    assert RequestContext.of(asked) is context


def test_a_deadline_without_a_failure_before_it_has_no_cause() -> None:
    error = RequestContext(attempts=1).deadline_error("late")
    assert (type(error), str(error), error.attempts) == (DeadlineExceededError, "late", 1)
    assert error.__cause__ is None


def test_a_deadline_after_an_answer_knows_what_that_told() -> None:
    answer = httpx.Response(429, headers={"Retry-After": "7"}, json={"error": "slow down", "api_id": "a1"})
    error = RequestContext(attempts=2, last_failure=answer).deadline_error("late")
    assert str(error).startswith("late; last failure: HTTP 429: slow down")
    assert (error.status, error.api_id, error.retry_after, error.attempts) == (429, "a1", 7.0, 2)
    assert error.headers["retry-after"] == "7"
    assert error.body == answer.content
    assert type(error.__cause__) is RateLimitError


def test_a_deadline_after_a_failure_on_the_wire_has_it_as_its_cause() -> None:
    error = RequestContext(attempts=2, last_failure=httpx.ReadError("gone")).deadline_error("late")
    assert str(error) == "late; last failure: ReadError: gone"
    assert type(error.__cause__) is NetworkError
    assert (error.status, error.body) == (None, b"")
