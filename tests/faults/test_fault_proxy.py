"""HTTP proxies: what they are told, and what may go wrong with them and behind them."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from answers_on_the_wire import CALL_UUID, answer, good, says
from certificates import Authority
from fault_server import Clock, FaultServer, Step, Wire
from leaks import SECRETS, leaks_of
from serving import AUTH_ID, TOKEN, busy, client_of, open_sockets, other_tasks

from plivo_async import (
    AsyncClient,
    BadRequestError,
    NetworkError,
    PlivoError,
    RequestTimeoutError,
    RetryPolicy,
    TLSError,
)

HOST = "api.plivo.example"
PASSWORD = "pr0xy-pass"
PROXY_BASIC = b64encode(f"user:{PASSWORD}".encode())
PROXY_SECRETS = (*SECRETS, PASSWORD, PROXY_BASIC.decode())
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SOON = RetryPolicy(backoff_base=0.001)


def tunnels(tls: ssl.SSLContext, then: Step = good) -> Step:
    """A proxy that opens a way to a server of ours, whoever is asked for."""
    first: set[Wire] = set()

    async def step(wire: Wire) -> None:
        if wire not in first:
            first.add(wire)
            await wire.request()
            await wire.send(ESTABLISHED)
            wire.transport.pause_reading()
            await wire.shake_hands(tls)
            wire.transport.resume_reading()
        await then(wire)

    return step


@asynccontextmanager
async def proxied(
    clock: Clock, *script: Step, tls: ssl.SSLContext | None = None, **options: object
) -> AsyncIterator[tuple[FaultServer, AsyncClient]]:
    """A proxy with this script, and a client of a host behind it; at the end nothing may be left."""
    sockets = open_sockets()
    async with FaultServer(clock, *script, tls=tls) as server:
        proxy = f"{server.url.replace('://', f'://user:{PASSWORD}@')}"
        client = client_of(server, **{"base_url": f"https://{HOST}", "proxy": proxy, **options})
        tasks = other_tasks(server)
        try:
            yield server, client
            assert other_tasks(server) <= tasks
            assert busy(client) == 0
        finally:
            await client.aclose()
        await server.idle()
    assert open_sockets() == sockets


@pytest.fixture(scope="session")
def origin(authority: Authority) -> ssl.SSLContext:
    return authority.server(HOST)


def fields_of(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")


async def test_an_https_origin_is_reached_through_a_tunnel(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), verify=authority.file) as (server, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        connect, request = map(fields_of, server.requests)
        assert connect[0] == f"CONNECT {HOST}:443 HTTP/1.1".encode()
        assert f"Host: {HOST}:443".encode() in connect
        assert b"Proxy-Authorization: Basic " + PROXY_BASIC in connect
        assert not any(field.lower().startswith(b"authorization") for field in connect)
        assert request[0] == f"GET /v1/Account/{AUTH_ID}/Call/{CALL_UUID}/ HTTP/1.1".encode()
        assert f"Host: {HOST}".encode() in request
        assert not any(field.lower().startswith(b"proxy-") for field in request)


async def test_a_tunnel_is_kept_for_the_next_call(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), verify=authority.file) as (server, client):
        for _ in range(3):
            await client.calls.get(CALL_UUID)
        assert (server.connections, len(server.requests)) == (1, 4)


async def test_a_tunnel_names_the_port_of_the_origin(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), verify=authority.file, base_url=f"https://{HOST}:8443") as (
        server,
        client,
    ):
        await client.calls.get(CALL_UUID)
        connect, request = map(fields_of, server.requests)
        assert connect[0] == f"CONNECT {HOST}:8443 HTTP/1.1".encode()
        assert f"Host: {HOST}:8443".encode() in request


async def test_the_way_to_the_proxy_may_be_tls_too(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), tls=authority.server(), verify=authority.file) as (
        server,
        client,
    ):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert server.requests[0].startswith(b"CONNECT ")


async def test_an_http_origin_is_asked_for_by_its_whole_url(clock: Clock) -> None:
    async with proxied(clock, good, base_url="http://127.0.0.1:9") as (server, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        (request,) = map(fields_of, server.requests)
        assert request[0] == (
            f"GET http://127.0.0.1:9/v1/Account/{AUTH_ID}/Call/{CALL_UUID}/ HTTP/1.1".encode()
        )
        assert b"Host: 127.0.0.1:9" in request
        assert b"Proxy-Authorization: Basic " + PROXY_BASIC in request


def refuses(status: bytes) -> Step:
    return says(answer(b"<h1>No</h1>", status=status), Wire.fin)


@pytest.mark.parametrize("status", [b"502 Bad Gateway", b"503 Busy", b"504 Gateway Timeout"])
async def test_a_tunnel_that_may_open_later_is_tried_again(status: bytes, clock: Clock) -> None:
    async with proxied(clock, refuses(status), retry=SOON) as (server, client):
        with pytest.raises(NetworkError, match=status.decode()) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (3, 3)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"403 Forbidden", b"400 Bad"])
async def test_a_tunnel_that_is_forbidden_is_not_tried_again(status: bytes, clock: Clock) -> None:
    async with proxied(clock, refuses(status), retry=SOON) as (server, client):
        with pytest.raises(PlivoError, match=status.decode()) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (1, 1)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


async def test_an_http_origin_is_not_asked_for_again_after_407(clock: Clock) -> None:
    denied = refuses(b"407 Proxy Authentication Required")
    async with proxied(clock, denied, base_url="http://127.0.0.1:9", retry=SOON) as (server, client):
        with pytest.raises(BadRequestError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.status, caught.value.attempts, len(server.requests)) == (407, 1, 1)


async def stalls_after_connect(wire: Wire) -> None:
    await wire.request()
    await wire.send(ESTABLISHED)
    await wire.stall()


async def speaks_after_connect(wire: Wire) -> None:
    await wire.request()
    await wire.send(ESTABLISHED)
    for _ in range(5):
        await asyncio.sleep(0)
    await wire.send(answer())
    await wire.stall()


TUNNEL_FAULTS: dict[str, tuple[Step, type[PlivoError]]] = {
    "a stall before CONNECT is answered": (says(b"", Wire.stall), RequestTimeoutError),
    "a stall in the answer": (says(ESTABLISHED[:20], Wire.stall), RequestTimeoutError),
    "a stall in the handshake": (stalls_after_connect, RequestTimeoutError),
    "fin": (says(b"", Wire.fin), NetworkError),
    "reset": (says(b"", Wire.reset), NetworkError),
    "reset in the answer": (says(ESTABLISHED[:20], Wire.reset), NetworkError),
    "fin in the handshake": (says(ESTABLISHED, Wire.fin), NetworkError),
    "reset in the handshake": (says(ESTABLISHED, Wire.reset), NetworkError),
    "plain text in the handshake": (speaks_after_connect, NetworkError),
    "plain text next to the answer": (says(ESTABLISHED + answer(), Wire.stall), NetworkError),
    "garbage": (says(b"\x05\x00\x00", Wire.stall), NetworkError),
}
tunnel_faults = pytest.mark.parametrize("name", TUNNEL_FAULTS)


@tunnel_faults
async def test_a_tunnel_that_fails_is_tried_again(name: str, clock: Clock) -> None:
    act, error = TUNNEL_FAULTS[name]
    async with proxied(clock, act, retry=SOON) as (server, client):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
        assert type(caught.value) is error
        assert (caught.value.attempts, server.connections) == (3, 3)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


@tunnel_faults
async def test_a_call_recovers_from_it(
    name: str, clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    act, _ = TUNNEL_FAULTS[name]
    async with proxied(clock, act, tunnels(origin), verify=authority.file, retry=SOON) as (_, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID


@tunnel_faults
async def test_it_may_be_cancelled(name: str, clock: Clock) -> None:
    clock.step = 0.0
    act, _ = TUNNEL_FAULTS[name]
    async with proxied(clock, act) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
        assert server.connections == 1
    assert leaks_of(caught.value, PROXY_SECRETS) == []


async def test_a_bad_certificate_behind_a_proxy_costs_one_handshake(
    clock: Clock, authority: Authority
) -> None:
    other = authority.server("elsewhere.example")
    async with proxied(clock, tunnels(other), verify=authority.file, retry=SOON) as (server, client):
        with pytest.raises(TLSError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, server.connections) == (1, 1)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


@tunnel_faults
async def test_a_failed_tunnel_holds_up_no_close(name: str, clock: Clock) -> None:
    act, _ = TUNNEL_FAULTS[name]
    async with proxied(clock, act, retry=None) as (_, client):
        with pytest.raises(PlivoError):
            await client.calls.get(CALL_UUID)
        closing = asyncio.create_task(client.aclose())
        for _ in range(20):
            await asyncio.sleep(0)
        assert closing.done()
        await closing


async def test_a_proxy_that_refuses_is_a_network_error(clock: Clock) -> None:
    async with FaultServer(clock, good) as server:
        port = server.port
    async with AsyncClient(AUTH_ID, TOKEN, proxy=f"http://127.0.0.1:{port}", retry=SOON) as client:
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 3
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_its_password_is_in_no_repr(clock: Clock) -> None:
    async with proxied(clock, good) as (_, client):
        assert client._pool is not None
        shown = f"{client!r} {client._pool!r} {client._pool._proxy!r} {vars(client)} {vars(client._pool)}"
        assert PASSWORD not in shown
        assert PROXY_BASIC.decode() not in shown
