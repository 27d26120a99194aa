"""`http_client=httpx2.AsyncClient(...)`, with the real httpx2 on loopback sockets."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    CallDetailRecord,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    NetworkError,
    NotFoundError,
    RedirectError,
    RequestTimeoutError,
    ResponseTooLargeError,
    RetryPolicy,
    ServerError,
    TLSError,
)
from plivo_async.errors import PlivoError
from plivo_async.testing import FakePlivo, InstantRetryPolicy, StubResponse
from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.leaks import leaks_of
from tests.faults.responses_on_the_wire import CALL_UUID, GZIPPED, RECORD, chunked, good, head, reply, sends
from tests.faults.serving import client_of, open_sockets, other_tasks

SOON = RetryPolicy(backoff_base=1e-9)
STEPS = 60
BUSY = reply(b'{"error": "down", "api_id": "a1"}', b"Retry-After: 0", status=b"503 Busy")
REDIRECT = reply(b"", b"Location: http://127.0.0.1:1/", status=b"302 Found")


# Cheap to build a client with.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def asking_fake(**options: Any) -> AsyncGenerator[tuple[AsyncClient, FakePlivo], None]:
    fake = FakePlivo()
    async with fake.serve() as url, httpx2.AsyncClient(verify=NO_TLS) as http_client:
        options = {"retry": InstantRetryPolicy(), **options}
        yield (
            AsyncClient(fake.auth_id, fake.auth_token, base_url=url, http_client=http_client, **options),
            fake,
        )


@asynccontextmanager
async def serving(
    clock: Clock,
    *script: Step,
    tls: ssl.SSLContext | None = None,
    http: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncGenerator[tuple[FaultServer, AsyncClient], None]:
    """A server with this script and a client of it; at the end no task or socket may be left."""
    sockets = open_sockets()
    async with FaultServer(clock, *script, tls=tls) as server:
        tasks = other_tasks(server)
        settings: Any = {"verify": NO_TLS, **(http or {})}
        async with httpx2.AsyncClient(**settings) as http_client:
            yield server, client_of(server, http_client=http_client, **{"retry": SOON, **options})
            for _ in range(10):
                # httpx2 leaves inner generators to the garbage collector, and asyncio closes them in tasks.
                await asyncio.sleep(0)
            assert other_tasks(server) <= tasks
        await server.idle()
    gc.collect()
    assert open_sockets() == sockets


class TestResponses:
    async def test_a_record_is_fetched(self) -> None:
        async with asking_fake() as (client, fake):
            record = await client.calls.get(fake.call_uuids[0])
        assert isinstance(record, CallDetailRecord)
        assert record.call_uuid == fake.call_uuids[0]
        assert [request.status for request in fake.requests] == [200]

    async def test_the_request_has_the_client_s_headers_and_no_others(self, clock: Clock) -> None:
        http = {"headers": {"X-Mine": "1"}, "cookies": {"a": "b"}, "auth": ("someone", "else")}
        async with serving(clock, good, http=http) as (server, client):
            await client.calls.get(CALL_UUID)
        names = [line.partition(b":")[0].lower() for line in server.requests[0].split(b"\r\n")[1:]]
        assert sorted(names) == [b"accept", b"accept-encoding", b"authorization", b"host", b"user-agent"]
        assert b"Basic " in server.requests[0]

    async def test_a_503_is_retried(self) -> None:
        async with asking_fake() as (client, fake):
            fake.script([StubResponse(503)])
            await client.calls.get(fake.call_uuids[0])
        assert [request.status for request in fake.requests] == [503, 200]

    async def test_an_error_status_raises_its_error(self, clock: Clock) -> None:
        async with serving(clock, sends(BUSY)) as (server, client):
            with pytest.raises(ServerError, match="down") as caught:
                await client.calls.get(CALL_UUID)
        error = caught.value
        assert (error.status, error.api_id, error.attempts, error.retry_after) == (503, "a1", 3, 0.0)
        assert len(server.requests) == 3

    async def test_wrong_credentials_are_refused(self) -> None:
        fake = FakePlivo()
        async with fake.serve() as url, httpx2.AsyncClient(verify=NO_TLS) as http_client:
            client = AsyncClient(fake.auth_id, "wrong", base_url=url, http_client=http_client)
            with pytest.raises(AuthenticationError):
                await client.calls.get(fake.call_uuids[0])

    async def test_a_redirect_is_not_followed(self, clock: Clock) -> None:
        async with serving(clock, sends(REDIRECT), http={"follow_redirects": True}) as (server, client):
            with pytest.raises(RedirectError) as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.status, len(server.requests)) == (302, 1)

    @pytest.mark.parametrize("location", [b"http://[::1", b"https://a:port/", b"//", b"A: "])
    async def test_a_redirect_to_no_url_is_a_redirect_too(self, location: bytes, clock: Clock) -> None:
        odd = sends(reply(b"", b"Location: " + location, status=b"302 Found"))
        async with serving(clock, odd) as (server, client):
            with pytest.raises(RedirectError) as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (1, 1)
        assert leaks_of(caught.value) == []

    async def test_json_is_posted(self, clock: Clock) -> None:
        received: list[bytes] = []

        async def read(wire: Wire) -> None:
            await wire.request()
            while not wire._received.endswith(b"}"):
                wire._news.clear()
                await wire._news.wait()
            received.append(bytes(wire._received))
            await wire.send(reply(b'{"ok": true}', status=b"201 Created"))

        async with serving(clock, read) as (server, client):
            response = await client.request("POST", "Call/", json={"to": "1"}, params={"a": "b"})
        assert type(response) is httpx.Response
        assert (response.status_code, response.json()) == (201, {"ok": True})
        assert json.loads(received[0]) == {"to": "1"}
        request = server.requests[0].lower()
        assert request.startswith(b"post ")
        assert b"/call/?a=b http/1.1" in request
        assert request.count(b"content-length: %d" % len(received[0])) == 1
        assert request.count(b"content-length") == 1
        assert b"content-type: application/json" in request


class TestBodies:
    async def test_a_compressed_body_is_decompressed(self, clock: Clock) -> None:
        async with serving(clock, sends(reply(GZIPPED, b"Content-Encoding: gzip"))) as (_, client):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    async def test_a_chunked_body_is_read(self, clock: Clock) -> None:
        whole = head(b"Transfer-Encoding: chunked") + chunked(RECORD[:50], RECORD[50:], b"")
        async with serving(clock, sends(whole)) as (_, client):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    async def test_a_compressed_body_may_be_read_by_a_hook(self, clock: Clock) -> None:
        read: list[str] = []

        async def hook(response: httpx2.Response) -> None:
            await response.aread()
            read.append(response.text)

        compressed = sends(reply(GZIPPED, b"Content-Encoding: gzip"))
        hooks = {"event_hooks": {"response": [hook]}}
        async with serving(clock, compressed, http=hooks) as (_, client):
            response = await client.request("GET", f"Call/{CALL_UUID}/")
        assert read == [RECORD.decode()]
        assert response.content == RECORD
        assert "content-encoding" not in response.headers

    async def test_a_hook_may_raise_for_the_status(self, clock: Clock) -> None:
        async def hook(response: httpx2.Response) -> None:
            await response.aread()
            response.raise_for_status()

        missing = sends(reply(b'{"error": "so it is"}', status=b"404 Not Found"))
        hooks = {"event_hooks": {"response": [hook]}}
        async with serving(clock, sends(BUSY), missing, http=hooks) as (server, client):
            with pytest.raises(NotFoundError, match="so it is") as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.status, caught.value.attempts, len(server.requests)) == (404, 2, 2)
        assert leaks_of(caught.value) == []

    @pytest.mark.parametrize("reads", [True, False])
    async def test_its_cap_holds(self, reads: bool, clock: Clock) -> None:
        async def hook(response: httpx2.Response) -> None:
            if reads:
                await response.aread()

        hooks = {"event_hooks": {"response": [hook]}}
        async with serving(clock, good, http=hooks, max_body=100) as (server, client):
            with pytest.raises(ResponseTooLargeError) as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (1, 1)

    async def test_one_that_is_not_read_to_its_end_is_closed_by_the_call(self) -> None:
        closed_by: list[asyncio.Task[Any] | None] = []

        class Endless(httpx2.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                try:
                    while True:
                        yield b" " * 1000
                finally:
                    closed_by.append(asyncio.current_task())

        class Sending(httpx2.AsyncClient):
            async def send(self, *args: Any, **kwargs: Any) -> httpx2.Response:
                return httpx2.Response(200, stream=Endless())

        async with Sending(verify=NO_TLS) as http_client:
            client = AsyncClient("MA1", "token", http_client=http_client)
            with pytest.raises(ResponseTooLargeError):
                await client.with_options(max_body=5000).calls.get(CALL_UUID)
            assert closed_by == [asyncio.current_task()]

    async def test_one_may_be_any_iterator(self) -> None:
        class Twice(httpx2.AsyncByteStream):
            def __init__(self) -> None:
                self.left = [RECORD[50:], RECORD[:50]]
                self.closed = False

            def __aiter__(self) -> AsyncIterator[bytes]:
                return self

            async def __anext__(self) -> bytes:
                if not self.left:
                    raise StopAsyncIteration
                return self.left.pop()

            async def aclose(self) -> None:
                self.closed = True

        stream = Twice()

        class Sending(httpx2.AsyncClient):
            async def send(self, *args: Any, **kwargs: Any) -> httpx2.Response:
                return httpx2.Response(200, stream=stream)

        async with Sending(verify=NO_TLS) as http_client:
            await AsyncClient("MA1", "token", http_client=http_client).calls.get(CALL_UUID)
        assert stream.closed

    async def test_one_that_cannot_be_decompressed_raises(self, clock: Clock) -> None:
        async with serving(clock, sends(reply(b"no gzip", b"Content-Encoding: gzip"))) as (_, client):
            with pytest.raises(DecodeError):
                await client.calls.get(CALL_UUID)

    async def test_one_that_is_cut_short_is_retried(self, clock: Clock) -> None:
        cut = sends(head(b"Content-Length: 1000") + b"{", Wire.fin)
        async with serving(clock, cut, good) as (server, client):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert len(server.requests) == 2


class TestFailures:
    async def error_of(self, client: AsyncClient, kind: type[PlivoError]) -> PlivoError:
        with pytest.raises(kind) as caught:
            await client.calls.get(CALL_UUID)
        assert type(caught.value) is kind
        assert leaks_of(caught.value) == []
        return caught.value

    async def test_a_silent_server_times_out(self, clock: Clock) -> None:
        async with serving(clock, sends(b"", Wire.stall), timeout=5.0) as (_, client):
            error = await self.error_of(client, RequestTimeoutError)
        assert (error.attempts, error.retryable) == (3, True)

    async def test_a_refused_connection_has_its_cause(self) -> None:
        async with httpx2.AsyncClient(verify=NO_TLS) as http_client:
            client = AsyncClient(
                "MA1", "token", base_url="http://127.0.0.1:1", http_client=http_client, retry=SOON
            )
            error = await self.error_of(client, NetworkError)
        assert isinstance(error.__cause__, OSError)
        assert error.attempts == 3

    async def test_a_bad_certificate_costs_one_attempt(self, clock: Clock, authority: Authority) -> None:
        async with serving(
            clock, good, tls=authority.bad_server("expired"), http={"verify": authority.client()}
        ) as (server, client):
            error = await self.error_of(client, TLSError)
        assert (error.attempts, error.retryable, server.requests) == (1, False, [])
        assert isinstance(error.__cause__, ssl.SSLCertVerificationError)

    async def test_a_good_certificate_is_trusted(self, clock: Clock, authority: Authority) -> None:
        async with serving(clock, good, tls=authority.server(), http={"verify": authority.client()}) as (
            _,
            client,
        ):
            await client.calls.get(CALL_UUID)

    async def test_an_exception_that_httpx_lacks_becomes_its_nearest_base(self) -> None:
        class OddError(httpx2.ReadError):
            pass

        def fail(request: httpx2.Request) -> httpx2.Response:
            raise OddError("odd")

        seen: list[type] = []

        async def watch(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            try:
                return await call_next(request)
            except httpx.TransportError as error:
                seen.append(type(error))
                assert error.request is request
                raise

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail), verify=NO_TLS) as http_client:
            client = AsyncClient(
                "MA1", "token", http_client=http_client, retry=None, attempt_middleware=[watch]
            )
            await self.error_of(client, NetworkError)
        assert seen == [httpx.ReadError]

    async def test_a_url_that_httpx2_refuses_is_that_of_a_redirect(self) -> None:
        def fail(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.InvalidURL("no")

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail), verify=NO_TLS) as http_client:
            client = AsyncClient("MA1", "token", http_client=http_client)
            error = await self.error_of(client, RedirectError)
        assert error.attempts == 1

    async def test_another_exception_passes(self) -> None:
        def fail(request: httpx2.Request) -> httpx2.Response:
            raise ZeroDivisionError

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail), verify=NO_TLS) as http_client:
            client = AsyncClient("MA1", "token", http_client=http_client)
            with pytest.raises(ZeroDivisionError):
                await client.calls.get(CALL_UUID)


class TestTheClient:
    async def test_a_closed_one_is_named(self) -> None:
        async with asking_fake() as (client, fake):
            await client._core.sender.http_client.aclose()  # type: ignore[attr-defined]
            with pytest.raises(ClientClosedError, match="or the http_client it was given, is closed"):
                await client.calls.get(fake.call_uuids[0])
        assert fake.requests == ()

    async def test_it_stays_open(self) -> None:
        async with asking_fake() as (client, fake):
            async with client:
                await client.calls.get(fake.call_uuids[0])
            assert not client._core.sender.http_client.is_closed

    async def test_its_own_time_outs_do_not_apply(self) -> None:
        seen: list[Any] = []

        def respond(request: httpx2.Request) -> httpx2.Response:
            seen.append(request.extensions)
            return httpx2.Response(200, content=RECORD)

        transport = httpx2.MockTransport(respond)
        async with httpx2.AsyncClient(transport=transport, verify=NO_TLS, timeout=1.0) as http_client:
            client = AsyncClient("MA1", "token", http_client=http_client, timeout=7.0)
            await client.calls.get(CALL_UUID)
        assert seen == [{"timeout": {"connect": 7.0, "read": 7.0, "write": 7.0, "pool": None}}]

    @pytest.mark.parametrize("value", [httpx2.AsyncClient, httpx2.Client(), httpx2.AsyncHTTPTransport()])
    def test_nothing_else_of_httpx2_is_one(self, value: Any) -> None:
        with pytest.raises(
            ConfigurationError, match="^http_client must be an AsyncClient of httpx or httpx2"
        ):
            AsyncClient("MA1", "token", http_client=value)


async def test_middleware_sees_the_types_of_httpx(clock: Clock) -> None:
    seen: list[type] = []

    async def watch(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        seen.append(type(request))
        try:
            response = await call_next(request)
        except httpx.HTTPError as error:
            seen.append(type(error))
            assert error.request is request
            raise
        assert response.request is request
        seen.append(type(response))
        return response

    reset = sends(b"", Wire.reset)
    async with serving(clock, reset, good, attempt_middleware=[watch]) as (_, client):
        await client.calls.get(CALL_UUID)
    assert seen == [httpx.Request, httpx.ReadError, httpx.Request, httpx.Response]


async def pieces(wire: Wire) -> None:
    await wire.request()
    for piece in (head(b"Transfer-Encoding: chunked"), chunked(RECORD[:50]), chunked(RECORD[50:], b"")):
        await wire.send(piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "step", [good, pieces, sends(reply(gzip.compress(RECORD), b"Content-Encoding: gzip"))]
)
async def test_cancelling_at_any_step_leaves_nothing_behind(step: Step, clock: Clock) -> None:
    clock.step = 0.0
    cancelled = 0
    async with serving(clock, step) as (_, client):
        for steps in range(STEPS):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            cancelled += call.cancelled()
            if not call.cancelled():
                assert call.result().call_uuid == CALL_UUID
                break
        # The borrowed client still works.
        assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
    assert 1 < cancelled < STEPS


WITHOUT_HTTPX2 = """
import sys
sys.modules["httpx2"] = None
import asyncio, httpx
from plivo_async import AsyncClient, ConfigurationError

async def main():
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as http_client:
        client = AsyncClient("MA1", "token", http_client=http_client)
        print((await client.request("GET", "Call/")).status_code)

asyncio.run(main())
try:
    AsyncClient("MA1", "token", http_client=5)
except ConfigurationError as error:
    print(error)
"""


def run(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


def test_a_client_of_httpx_needs_no_httpx2() -> None:
    assert run(WITHOUT_HTTPX2) == ["200", "http_client must be an AsyncClient of httpx or httpx2, not 5"]


def test_httpx2_is_not_imported_for_a_client_of_httpx() -> None:
    script = """
import sys, httpx
from plivo_async import AsyncClient
AsyncClient("MA1", "token", http_client=httpx.AsyncClient())
AsyncClient("MA1", "token")
print([name for name in sys.modules if name.startswith(("httpx2", "plivo_async.httpx2"))])
"""
    assert run(script) == ["[]"]
