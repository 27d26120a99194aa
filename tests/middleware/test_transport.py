from __future__ import annotations

import asyncio
import gzip
import math
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from plivo_async import (
    AsyncClient,
    CallNext,
    DeadlineExceededError,
    MiddlewareTransport,
    ResponseTooLargeError,
    RetryMiddleware,
    RetryPolicy,
)
from plivo_async.errors import ConfigurationError, DecodeError, ServerError
from tests.virtual_time import in_virtual_time, virtual_loop

URL = "https://orders.example/7"


async def no_sleep(_: float) -> None:
    """Takes no time."""


def retry() -> RetryMiddleware:
    return RetryMiddleware(sleep=no_sleep)


def client(transport: httpx.AsyncBaseTransport, **options: Any) -> httpx.AsyncClient:
    layers = options.pop("middleware", [retry()])
    return httpx.AsyncClient(transport=MiddlewareTransport(transport, layers, **options))


def answering(*answers: httpx.Response | httpx.HTTPError) -> tuple[httpx.MockTransport, respx.Route]:
    router = respx.MockRouter(assert_all_called=False)
    route = router.get(URL).mock(side_effect=answers)
    return httpx.MockTransport(router.async_handler), route


async def test_a_response_has_the_time_it_took() -> None:
    transport, _ = answering(httpx.Response(200))
    async with client(transport) as http:
        began = time.perf_counter()
        response = await http.get(URL)
        most = timedelta(seconds=time.perf_counter() - began)
    assert timedelta(0) < response.elapsed <= most


async def pieces(*chunks: bytes, failure: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if failure is not None:
        raise failure


class Hanging(httpx.AsyncBaseTransport):
    def __init__(self, first: Callable[[], httpx.Response] | None = None) -> None:
        self.first = first
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.first is not None:
            first, self.first = self.first, None
            return first()
        await asyncio.Event().wait()
        raise AssertionError

    async def aclose(self) -> None:
        self.closed = True


async def test_retry_works_under_any_httpx_client() -> None:
    transport, route = answering(
        httpx.Response(503), httpx.ReadError("gone"), httpx.Response(200, json={"order": 7})
    )
    async with client(transport) as http_client:
        assert (await http_client.get(URL)).json() == {"order": 7}
    assert route.call_count == 3


async def test_giving_up_gives_what_httpx_would_have_given() -> None:
    transport, route = answering(*[httpx.Response(503)] * 3, *[httpx.ConnectError("refused")] * 3)
    async with client(transport) as http_client:
        response = await http_client.get(URL)
        with pytest.raises(httpx.HTTPStatusError):
            response.raise_for_status()
        with pytest.raises(httpx.ConnectError, match="refused"):
            await http_client.get(URL)
    assert route.call_count == 6


async def test_a_fault_in_the_body_is_a_failed_attempt() -> None:
    cut = httpx.Response(200, content=pieces(b'{"order"', failure=httpx.ReadError("reset")))
    transport, route = answering(cut, httpx.Response(200, json={"order": 7}))
    async with client(transport) as http_client:
        assert (await http_client.get(URL)).json() == {"order": 7}
    assert route.call_count == 2


async def test_the_first_middleware_is_outermost() -> None:
    seen: list[str] = []

    async def outer(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        response = await call_next(request)
        seen.append(f"outer {response.status_code} {response.text}")
        return response

    async def inner(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        response = await call_next(request)
        seen.append(f"inner {response.status_code}")
        return response

    transport, _ = answering(httpx.Response(503), httpx.Response(200, text="ok"))
    async with client(transport, middleware=[outer, retry(), inner]) as http_client:
        await http_client.get(URL)
    assert seen == ["inner 503", "inner 200", "outer 200 ok"]


async def test_middleware_may_answer_by_itself() -> None:
    async def cache(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        return httpx.Response(200, text="kept")

    transport, route = answering(httpx.Response(200))
    async with client(transport, middleware=[cache, retry()]) as http_client:
        response = await http_client.get(URL)
    assert (response.text, str(response.request.url), route.call_count) == ("kept", URL, 0)


async def test_a_body_over_the_cap_is_refused_and_not_asked_for_again() -> None:
    transport, route = answering(httpx.Response(200, content=b"x" * 101))
    async with client(transport, max_body=100) as http_client:
        with pytest.raises(ResponseTooLargeError):
            await http_client.get(URL)
    assert route.call_count == 1


async def test_a_client_of_ours_above_it_raises_its_error() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * 11))
    async with (
        client(transport, max_body=10) as http,
        AsyncClient("MA2025RK4E639VJFZAGV", "token", http_client=http) as ours,
    ):
        with pytest.raises(ResponseTooLargeError, match="max_body=10") as caught:
            await ours.calls.get("c1")
    assert (caught.value.attempts, caught.value.call_uuid) == (1, "c1")


async def test_a_compressed_body_arrives_decompressed() -> None:
    headers = {"Content-Encoding": "gzip"}
    transport, _ = answering(
        httpx.Response(200, content=pieces(gzip.compress(b"text")), headers=headers),
        *[httpx.Response(200, content=pieces(b"text"), headers=headers) for _ in range(3)],
    )
    async with client(transport) as http_client:
        assert (await http_client.get(URL)).text == "text"
        with pytest.raises(DecodeError):
            await http_client.get(URL)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate"),
        ("gzip, deflate, br", "gzip, deflate"),
        ("zstd", "gzip, deflate"),
        ("gzip, deflate", "gzip, deflate"),
        ("identity", "identity"),
    ],
)
async def test_only_what_can_be_decompressed_is_asked_for(asked: str, sent: str) -> None:
    transport, route = answering(httpx.Response(200))
    async with client(transport) as http_client:
        await http_client.get(URL, headers={"Accept-Encoding": asked})
    assert route.calls.last.request.headers["accept-encoding"] == sent


async def test_a_request_without_an_accept_encoding_gets_none() -> None:
    transport, route = answering(httpx.Response(200))
    under = MiddlewareTransport(transport, [])
    await under.handle_async_request(httpx.Request("GET", URL))
    assert "accept-encoding" not in route.calls.last.request.headers


async def test_the_deadline_ends_an_attempt_that_does_not() -> None:
    async with client(Hanging(), deadline=0.001) as http_client:
        with pytest.raises(DeadlineExceededError, match="after 1 attempt") as caught:
            await http_client.get(URL)
    assert (caught.value.__cause__, caught.value.attempts) == (None, 1)


@pytest.mark.parametrize(("outer", "inner"), [(1.0, 30.0), (30.0, 1.0), (None, 1.0), (1.0, None)])
@in_virtual_time
async def test_the_shorter_of_two_deadlines_holds(outer: float | None, inner: float | None) -> None:
    nested = MiddlewareTransport(Hanging(), [], deadline=inner)
    began = virtual_loop().time()
    async with client(nested, deadline=outer, middleware=[]) as http_client:
        with pytest.raises(DeadlineExceededError):
            await http_client.get(URL)
    assert virtual_loop().time() - began == pytest.approx(1.0)


@in_virtual_time
async def test_an_inner_retry_keeps_to_the_outer_deadline() -> None:
    unavailable, route = answering(httpx.Response(429, headers={"Retry-After": "5"}))
    nested = MiddlewareTransport(unavailable, [RetryMiddleware()], deadline=30.0)
    began = virtual_loop().time()
    async with client(nested, deadline=1.0, middleware=[]) as http_client:
        with pytest.raises(DeadlineExceededError, match="the next attempt is due in 5"):
            await http_client.get(URL)
    assert (virtual_loop().time(), route.call_count) == (began, 1)


async def test_the_deadline_knows_the_last_failure() -> None:
    hanging = Hanging(lambda: httpx.Response(503, json={"error": "down"}))
    soon = RetryMiddleware(RetryPolicy(backoff_base=1e-9))
    async with client(hanging, deadline=0.1, middleware=[soon]) as http_client:
        with pytest.raises(DeadlineExceededError, match="last failure: HTTP 503: down") as caught:
            await http_client.get(URL)
    assert type(caught.value.__cause__) is ServerError
    assert (caught.value.status, caught.value.attempts) == (503, 2)


async def test_a_wait_that_does_not_fit_into_the_deadline_is_not_begun() -> None:
    transport, route = answering(httpx.Response(429, headers={"Retry-After": "50"}))
    async with client(transport, deadline=40.0) as http_client:
        with pytest.raises(DeadlineExceededError, match="the next attempt is due in 50") as caught:
            await http_client.get(URL)
    assert (caught.value.retry_after, route.call_count) == (50.0, 1)


async def test_without_a_deadline_the_wait_is_taken() -> None:
    transport, route = answering(httpx.Response(429, headers={"Retry-After": "50"}), httpx.Response(200))
    async with client(transport, deadline=None) as http_client:
        assert (await http_client.get(URL)).status_code == 200
    assert route.call_count == 2


async def test_a_time_out_of_middleware_s_own_passes_as_it_is() -> None:
    async def slow(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        raise TimeoutError("of its own")

    transport, _ = answering(httpx.Response(200))
    async with client(transport, middleware=[slow]) as http_client:
        with pytest.raises(TimeoutError, match="of its own"):
            await http_client.get(URL)


async def test_it_may_be_cancelled() -> None:
    hanging = Hanging()
    async with client(hanging) as http_client:
        call = asyncio.create_task(http_client.get(URL))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_closing_the_client_closes_the_transport_underneath() -> None:
    hanging = Hanging()
    async with client(hanging):
        assert not hanging.closed
    assert hanging.closed


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"deadline": 0}, "deadline"),
        ({"deadline": math.nan}, "deadline"),
        ({"deadline": True}, "deadline"),
        ({"max_body": 0}, "max_body"),
        ({"max_body": "1"}, "max_body"),
        ({"middleware": [5]}, "middleware"),
        ({"transport": None}, "transport"),
        ({"transport": httpx.HTTPTransport}, "transport"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_when_built(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        options = {"transport": Hanging(), "middleware": [], **options}
        MiddlewareTransport(**options)
