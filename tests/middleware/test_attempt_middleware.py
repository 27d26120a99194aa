"""`attempt_middleware=`: inside the retries, outside the permit of the rate limit."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    CallInfo,
    CallNext,
    ConfigurationError,
    DeadlineExceededError,
    Middleware,
    MiddlewareTransport,
    NetworkError,
    RetryMiddleware,
    ServerError,
)
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, ok
from tests.virtual_time import in_virtual_time, virtual_loop


def logging_to(log: list[str], name: str) -> Middleware:
    async def middleware(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        log.append(f"{name} begins")
        try:
            response = await call_next(request)
        except httpx.TransportError as error:
            log.append(f"{name} has {type(error).__name__}")
            raise
        log.append(f"{name} has {response.status_code}")
        return response

    return middleware


class Limiter:
    """Logs what happens to its permits."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def acquire(self, request: httpx.Request) -> str:
        self._log.append("acquire")
        return "permit"

    def release(self, permit: str) -> None:
        self._log.append("release")

    def throttled(self, permit: str, retry_after: float | None) -> None:
        self._log.append("throttled")


async def log_of(*answers: Any, middleware: str = "", attempt_middleware: str = "") -> list[str]:
    """What happens in one call that these responses meet; each letter names a middleware."""
    log: list[str] = []

    def sent(answer: Any) -> Any:
        def respond(request: httpx.Request) -> httpx.Response:
            log.append("sent")
            if isinstance(answer, Exception):
                raise answer
            return ok() if answer == 200 else httpx.Response(answer)

        return respond

    async with asking(
        *map(sent, answers),
        rate_limit=Limiter(log),
        middleware=[logging_to(log, name) for name in middleware],
        attempt_middleware=[logging_to(log, name) for name in attempt_middleware],
    ) as (client, _):
        await client.calls.get(CALL_UUID)
    return log


async def test_it_sees_each_attempt() -> None:
    log = await log_of(503, httpx.ReadError("reset"), 200, attempt_middleware="a")
    assert [entry for entry in log if entry[:2] == "a "] == [
        "a begins",
        "a has 503",
        "a begins",
        "a has ReadError",
        "a begins",
        "a has 200",
    ]


async def test_it_holds_no_permit_while_it_works() -> None:
    assert await log_of(503, 200, attempt_middleware="a") == [
        *("a begins", "acquire", "sent", "release", "a has 503"),
        *("a begins", "acquire", "sent", "release", "a has 200"),
    ]


async def test_a_429_that_the_limiter_resends_is_one_pass() -> None:
    assert await log_of(429, 429, 200, attempt_middleware="a") == [
        "a begins",
        *("acquire", "sent", "throttled"),
        *("acquire", "sent", "throttled"),
        *("acquire", "sent", "release"),
        "a has 200",
    ]


async def test_it_is_inside_middleware_and_the_first_is_outermost() -> None:
    assert await log_of(503, 200, middleware="xy", attempt_middleware="ab") == [
        *("x begins", "y begins"),
        *("a begins", "b begins", "acquire", "sent", "release", "b has 503", "a has 503"),
        *("a begins", "b begins", "acquire", "sent", "release", "b has 200", "a has 200"),
        *("y has 200", "x has 200"),
    ]


async def test_its_failure_is_retried() -> None:
    calls = 0

    async def fail_once(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise httpx.ConnectError("no")
        return await call_next(request)

    async with asking(ok(), attempt_middleware=[fail_once]) as (client, route):
        await client.calls.get(CALL_UUID)
    assert (calls, route.call_count) == (2, 1)


async def test_its_response_is_retried() -> None:
    async def respond(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        return httpx.Response(503, content=b"")

    async with asking(ok(), attempt_middleware=[respond]) as (client, route):
        with pytest.raises(ServerError):
            await client.calls.get(CALL_UUID)
    assert route.call_count == 0


async def test_without_retries_it_sees_one_attempt() -> None:
    log: list[str] = []
    attempts = [logging_to(log, "a")]
    async with asking(httpx.ReadError("reset"), attempt_middleware=attempts, retry=None) as (client, _):
        with pytest.raises(NetworkError):
            await client.calls.get(CALL_UUID)
    assert log == ["a begins", "a has ReadError"]


async def test_requests_of_your_own_pass_through_it() -> None:
    log: list[str] = []
    async with asking(httpx.Response(200), attempt_middleware=[logging_to(log, "a")]) as (client, _):
        await client.request("POST", "Call/", json={})
        await client.with_options(retry=None).in_own_lane().request("GET", "Call/")
    assert log == ["a begins", "a has 200"] * 2


async def test_a_retry_middleware_inside_the_retries_does_not_multiply_them() -> None:
    async with asking(httpx.Response(503), attempt_middleware=[RetryMiddleware()]) as (client, route):
        with pytest.raises(ServerError):
            await client.calls.get(CALL_UUID)
    assert route.call_count == 3


@in_virtual_time
async def test_the_deadline_bounds_it() -> None:
    async def hang(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with asking(ok(), attempt_middleware=[hang], deadline=5.0) as (client, route):
        with pytest.raises(DeadlineExceededError):
            await client.calls.get(CALL_UUID)
    assert route.call_count == 0


@in_virtual_time
async def test_it_and_middleware_know_call_uuid_deadline_and_attempts() -> None:
    seen: list[tuple[str, CallInfo]] = []

    def watching(name: str) -> Middleware:
        async def middleware(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            seen.append((name, CallInfo.of(request)))
            response = await call_next(request)
            seen.append((name, CallInfo.of(request)))
            return response

        return middleware

    async with asking(
        httpx.Response(503),
        ok(),
        middleware=[watching("call")],
        attempt_middleware=[watching("attempt")],
        deadline=30.0,
    ) as (client, _):
        ends = virtual_loop().now + 30.0
        await client.calls.get(CALL_UUID)
    assert seen == [
        ("call", CallInfo(CALL_UUID, ends, 0)),
        ("attempt", CallInfo(CALL_UUID, ends, 0)),
        ("attempt", CallInfo(CALL_UUID, ends, 1)),
        ("attempt", CallInfo(CALL_UUID, ends, 1)),
        ("attempt", CallInfo(CALL_UUID, ends, 2)),
        ("call", CallInfo(CALL_UUID, ends, 2)),
    ]


async def test_a_request_of_another_kind_has_no_call_uuid_and_maybe_no_deadline() -> None:
    seen: list[CallInfo] = []

    async def watch(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        seen.append(CallInfo.of(request))
        return await call_next(request)

    async with asking(httpx.Response(200), attempt_middleware=[watch], deadline=None) as (client, _):
        await client.request("GET", "Call/")
    assert seen == [CallInfo(None, None, 0)]


async def test_a_request_it_builds_belongs_to_the_same_call() -> None:
    seen: list[CallInfo] = []

    async def replace(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        return await call_next(httpx.Request("GET", request.url, headers=request.headers))

    async def watch(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        seen.append(CallInfo.of(request))
        return await call_next(request)

    async with asking(ok(), attempt_middleware=[replace, watch], deadline=None) as (client, _):
        await client.calls.get(CALL_UUID)
    assert seen == [CallInfo(CALL_UUID, None, 0)]


@pytest.mark.parametrize("value", [[5], "ab", [None], [RetryMiddleware(), "x"], 5, None, RetryMiddleware()])
def test_a_bad_value_is_refused_by_the_argument_s_name(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="^attempt_middleware must be a list of callables, not "):
        AsyncClient(AUTH_ID, TOKEN, attempt_middleware=value)
    with pytest.raises(ConfigurationError, match="^middleware must be a list of callables, not "):
        AsyncClient(AUTH_ID, TOKEN, middleware=value)


async def test_a_middleware_transport_underneath_leaves_the_call_its_info() -> None:
    seen: list[CallInfo] = []

    async def watch(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        response = await call_next(request)
        seen.append(CallInfo.of(request))
        return response

    mock = httpx.MockTransport(lambda request: ok())
    transport = MiddlewareTransport(mock, [watch], deadline=None)
    async with httpx.AsyncClient(transport=transport) as http_client:
        client = AsyncClient(
            AUTH_ID, TOKEN, http_client=http_client, attempt_middleware=[watch], deadline=None
        )
        await client.calls.get(CALL_UUID)
    assert seen == [CallInfo(CALL_UUID, None, 1)] * 2
