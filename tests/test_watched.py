"""Tools of each kind that replace functions of httpx. tests/services/watched runs the real ones."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest import mock

import httpcore
import httpx
import pytest
import respx

from plivo_async import (
    AsyncClient,
    ClientClosedError,
    ConfigurationError,
    ConnectionPool,
    Failed,
    NetworkError,
    PlivoError,
    RequestTimeoutError,
    ResponseTooLargeError,
)
from tests.offline import AUTH_ID, CALL_UUID, SOON, TOKEN, URL, down, ok, wrapped
from tests.watched_server import Server, serving

Hook = Callable[[Any], Awaitable[None]]
# Everything on the way of a request that a tool replaces.
PLACES: list[tuple[type, str]] = [
    (httpx.AsyncClient, "send"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpcore.AsyncConnectionPool, "handle_async_request"),
    (httpcore.AsyncHTTPConnection, "handle_async_request"),
]
place = pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0].__name__}.{place[1]}")


async def nothing(_: Any) -> None:
    """A hook that does nothing."""


@contextmanager
def watching(
    place: tuple[type, str], before: Hook = nothing, after: Hook = nothing
) -> Generator[list[Any], None, None]:
    """A tool with hooks that get a request and its response; yields the requests that it has seen."""
    original = getattr(*place)
    seen: list[Any] = []

    @functools.wraps(original)
    async def watched(self: Any, request: Any, **options: Any) -> Any:
        seen.append(request)
        await before(request)
        response = await original(self, request, **options)
        await after(response)
        return response

    with mock.patch.object(*place, watched):
        yield seen


def client_of(server: Server, **options: Any) -> AsyncClient:
    return client_at(server.url, **options)


def client_at(url: str, **options: Any) -> AsyncClient:
    defaults: dict[str, Any] = {"retry": SOON, "rate_limit": None}
    return AsyncClient(AUTH_ID, TOKEN, base_url=url, **{**defaults, **options})


def pool_of(client: AsyncClient) -> ConnectionPool:
    pool = client._core.sender.pool
    assert pool is not None
    return pool


@asynccontextmanager
async def silent_server() -> AsyncGenerator[tuple[str, asyncio.Event], None]:
    """A server that sends nothing; yields its URL, and what is set when it is asked."""
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", asked


@pytest.fixture
async def server() -> AsyncGenerator[Server, None]:
    async with serving() as server:
        yield server


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail each look-up and each connection."""

    def refuse(*_: Any, **__: Any) -> Any:
        pytest.fail("a request leaves for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "sock_connect", refuse, raising=False)


class TestTool:
    @place
    async def test_sees_each_attempt(self, server: Server, place: tuple[type, str]) -> None:
        server.statuses = [503]
        async with client_of(server) as client:
            with watching(place) as seen:
                assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
            assert len(seen) == len(server.requests) == 2
            await client.calls.get(CALL_UUID)
            assert len(seen) == 2

    @place
    async def test_may_be_there_before_the_client(self, server: Server, place: tuple[type, str]) -> None:
        with watching(place) as seen:
            async with client_of(server) as client:
                await client.calls.get(CALL_UUID)
        assert len(seen) == 1

    @place
    async def test_may_add_a_header(self, server: Server, place: tuple[type, str]) -> None:
        async def trace(request: Any) -> None:
            if isinstance(request, httpx.Request):
                request.headers["traceparent"] = "00-1-2-01"
            else:
                request.headers.append((b"traceparent", b"00-1-2-01"))

        async with client_of(server) as client:
            with watching(place, before=trace):
                await client.calls.get(CALL_UUID)
        (request,) = server.requests
        assert request.headers["traceparent"] == "00-1-2-01"
        assert request.headers["authorization"].startswith("Basic ")

    @pytest.mark.parametrize("place", PLACES[:2], ids=["client", "transport"])
    async def test_may_append_to_a_header_of_each_attempt(
        self, server: Server, place: tuple[type, str]
    ) -> None:
        async def append(request: httpx.Request) -> None:
            request.headers["baggage"] = request.headers.get("baggage", "") + "a=1"

        server.statuses = [503]
        async with client_of(server) as client:
            with watching(place, before=append):
                await client.calls.get(CALL_UUID)
        assert [request.headers["baggage"] for request in server.requests] == ["a=1", "a=1"]

    @place
    async def test_leaves_a_request_as_it_is(self, server: Server, place: tuple[type, str]) -> None:
        async with client_of(server) as client:
            for _ in range(2):
                await client.request("POST", "Call/", json={"to": "1"})
            with watching(place):
                await client.request("POST", "Call/", json={"to": "1"})
        plain, _, watched = server.requests
        assert watched.method == "POST"
        assert watched.url == plain.url
        assert watched.headers.raw == plain.headers.raw

    @place
    async def test_that_is_cancelled_with_a_response_costs_no_connection(
        self, server: Server, place: tuple[type, str]
    ) -> None:
        reached = asyncio.Event()

        async def hold(_: Any) -> None:
            reached.set()
            await asyncio.Event().wait()

        async with client_of(server, max_connections=1) as client:
            with watching(place, after=hold):
                call = asyncio.create_task(client.calls.get(CALL_UUID))
                await reached.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    @place
    async def test_gets_the_failures(self, place: tuple[type, str]) -> None:
        async with serving() as server:
            url = server.url
        async with AsyncClient(AUTH_ID, TOKEN, base_url=url, retry=SOON, rate_limit=None) as client:
            with watching(place) as seen, pytest.raises(NetworkError) as caught:
                await client.calls.get(CALL_UUID)
        assert len(seen) == caught.value.attempts == 3
        assert isinstance(caught.value.__cause__, OSError)

    @place
    async def test_does_not_stop_the_deadline(self, server: Server, place: tuple[type, str]) -> None:
        async def hold(_: Any) -> None:
            await asyncio.Event().wait()

        async with client_of(server, deadline=0.01, retry=None) as client:
            with watching(place, before=hold), pytest.raises(Exception, match="deadline"):
                await client.calls.get(CALL_UUID)

    @place
    async def test_of_a_batch_waits_in_the_clients_own_pool(
        self, server: Server, place: tuple[type, str]
    ) -> None:
        async with client_of(server, max_connections=2) as client:
            with watching(place) as seen:
                outcomes = await client.calls.get_many([CALL_UUID] * 10)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        assert len(seen) == len(server.requests) == 10

    @place
    async def test_keeps_no_connection_of_a_call_that_is_cancelled(self, place: tuple[type, str]) -> None:
        async with silent_server() as (url, asked), client_at(url, max_connections=1) as client:
            with watching(place):
                call = asyncio.create_task(client.calls.get(CALL_UUID))
                await asked.wait()
                call.cancel()
                await asyncio.wait([call])
            assert call.cancelled()
            assert pool_of(client).busy == 0

    @place
    async def test_lets_a_client_be_closed_during_a_call(self, place: tuple[type, str]) -> None:
        async with silent_server() as (url, asked), client_at(url) as client:
            with watching(place):
                call = asyncio.create_task(client.calls.get(CALL_UUID))
                await asked.wait()
                await client.aclose()
                with pytest.raises(ClientClosedError):
                    await call

    @place
    async def test_keeps_no_connection_of_a_body_that_is_too_large(
        self, server: Server, place: tuple[type, str]
    ) -> None:
        async with client_of(server, max_connections=1) as client:
            with watching(place), pytest.raises(ResponseTooLargeError):
                await client.with_options(max_body=10).calls.get(CALL_UUID)
            assert pool_of(client).busy == 0
            await client.calls.get(CALL_UUID)

    @pytest.mark.parametrize("place", PLACES[:2], ids=["client", "transport"])
    async def test_may_send_another_request(self, server: Server, place: tuple[type, str]) -> None:
        original = getattr(*place)

        async def elsewhere(self: Any, request: httpx.Request, **options: Any) -> httpx.Response:
            other = httpx.Request("GET", f"{server.url}/elsewhere?x=%20")
            response: httpx.Response = await original(self, other, **options)
            return response

        async with client_of(server) as client:
            with mock.patch.object(*place, elsewhere):
                await client.request("GET", "Call/")
        assert str(server.requests[0].url) == f"{server.url}/elsewhere?x=%20"

    @pytest.mark.parametrize(
        ("reason", "error", "attempts"),
        [
            ("slow", RequestTimeoutError, 3),
            ("No response can be found for GET request", ConfigurationError, 1),
        ],
    )
    async def test_may_time_out_for_want_of_a_response(
        self, reason: str, error: type[PlivoError], attempts: int
    ) -> None:
        async def fail(request: Any) -> None:
            raise httpx.TimeoutException(reason, request=request)

        async with AsyncClient(AUTH_ID, TOKEN, retry=SOON) as client:
            with watching(PLACES[1], before=fail) as seen, pytest.raises(error, match=reason):
                await client.calls.get(CALL_UUID)
        assert len(seen) == attempts

    async def test_finds_a_pool_of_httpcore(self, server: Server) -> None:
        original = httpcore.AsyncConnectionPool.handle_async_request
        found: list[str] = []

        async def look(self: httpcore.AsyncConnectionPool, request: httpcore.Request) -> httpcore.Response:
            response = await original(self, request)
            found.extend((repr(self), repr(self.connections)))
            return response

        async with client_of(server) as client:
            with mock.patch.object(httpcore.AsyncConnectionPool, "handle_async_request", look):
                await client.calls.get(CALL_UUID)
        assert "Connections: 1 active, 0 idle" in found[0]
        assert "plivo_async" in found[1]

    async def test_of_clients_makes_none_store_cookies(self, server: Server) -> None:
        async with client_of(server) as client:
            with watching(PLACES[0]):
                await client.calls.get(CALL_UUID)
            assert not list(wrapped(client).cookies.jar)

    async def test_of_the_transport_makes_httpx_log_nothing(
        self, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "httpx")
        async with client_of(server) as client:
            with watching(PLACES[1]):
                await client.calls.get(CALL_UUID)
        assert "httpx" not in {record.name for record in caplog.records}

    async def test_that_replaces_the_method_send_by_a_mock_answers(self, no_network: None) -> None:
        async with AsyncClient(AUTH_ID, TOKEN) as client:
            with mock.patch("httpx.AsyncClient.send", return_value=ok()):
                assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    async def test_in_the_place_of_the_class_wraps_the_transport(self, server: Server) -> None:
        seen: list[httpx.Request] = []

        class Traced(httpx.AsyncClient):
            def __init__(self, **options: Any) -> None:
                super().__init__(**options)
                under = self._transport

                async def handle(request: httpx.Request) -> httpx.Response:
                    seen.append(request)
                    return await under.handle_async_request(request)

                self._transport = httpx.MockTransport(handle)

        with mock.patch("httpx.AsyncClient", Traced):
            client = client_of(server)
        async with client:
            await client.calls.get(CALL_UUID)
        assert len(seen) == len(server.requests) == 1


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
@pytest.mark.usefixtures("no_network")
class TestRespx:
    async def test_answers(self, using: str) -> None:
        async with AsyncClient(AUTH_ID, TOKEN, retry=SOON) as client:
            with respx.mock(using=using, assert_all_called=True) as router:
                route = router.get(URL).mock(side_effect=[down(), ok()])
                assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert route.call_count == 2

    async def test_fails_a_test_whose_request_it_does_not_know(self, using: str) -> None:
        async with AsyncClient(AUTH_ID, TOKEN) as client:
            with respx.mock(using=using):
                with pytest.raises(respx.models.AllMockedAssertionError):
                    await client.calls.get(CALL_UUID)
                with pytest.raises(respx.models.AllMockedAssertionError):
                    await client.calls.get_many([CALL_UUID, "another"])
                with pytest.raises(respx.models.AllMockedAssertionError):
                    _ = [call async for call in client.calls.list()]

    async def test_that_raises_a_failure_leaves_the_host_in_the_error(self, using: str) -> None:
        async with AsyncClient(AUTH_ID, TOKEN, retry=None) as client:
            with respx.mock(using=using) as router:
                router.get(URL).mock(side_effect=httpx.ReadTimeout("slow"))
                with pytest.raises(RequestTimeoutError, match="api.plivo.com"):
                    await client.calls.get(CALL_UUID)

    async def test_passes_a_request_through(self, using: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        async with serving() as server, client_of(server) as client:
            with respx.mock(using=using) as router:
                router.route(host="127.0.0.1").pass_through()
                await client.calls.get(CALL_UUID)
        assert len(server.requests) == 1
