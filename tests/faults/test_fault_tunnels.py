"""Faults of proxies, of their tunnels, and of servers behind them."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from plivo_async import (
    AsyncClient,
    BadRequestError,
    NetworkError,
    PlivoError,
    RequestTimeoutError,
    RetryPolicy,
    TLSError,
)
from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.leaks import leaks_of
from tests.faults.proxying import ESTABLISHED, PROXY_SECRETS, proxied, tunnels
from tests.faults.responses_on_the_wire import CALL_UUID, good, reply, sends
from tests.faults.serving import AUTH_ID, TOKEN

SOON = RetryPolicy(backoff_base=0.001)


def refuses(status: bytes) -> Step:
    return sends(reply(b"<h1>No</h1>", status=status), Wire.fin)


@pytest.mark.parametrize("status", [b"502 Bad Gateway", b"503 Busy", b"504 Gateway Timeout"])
async def test_a_tunnel_refused_for_now_is_retried(status: bytes, clock: Clock) -> None:
    async with proxied(clock, refuses(status), retry=SOON) as (server, client):
        with pytest.raises(NetworkError, match=status.decode()) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (3, 3)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"403 Forbidden", b"400 Bad"])
async def test_a_forbidden_tunnel_is_not_retried(status: bytes, clock: Clock) -> None:
    async with proxied(clock, refuses(status), retry=SOON) as (server, client):
        with pytest.raises(PlivoError, match=status.decode()) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (1, 1)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


async def test_a_forwarded_request_is_not_retried_after_407(clock: Clock) -> None:
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
    await wire.send(reply())
    await wire.stall()


TUNNEL_FAULTS: dict[str, tuple[Step, type[PlivoError]]] = {
    "a stall before the response to CONNECT": (sends(b"", Wire.stall), RequestTimeoutError),
    "a stall in the response": (sends(ESTABLISHED[:20], Wire.stall), RequestTimeoutError),
    "a stall in the handshake": (stalls_after_connect, RequestTimeoutError),
    "fin": (sends(b"", Wire.fin), NetworkError),
    "reset": (sends(b"", Wire.reset), NetworkError),
    "reset in the response": (sends(ESTABLISHED[:20], Wire.reset), NetworkError),
    "fin in the handshake": (sends(ESTABLISHED, Wire.fin), NetworkError),
    "reset in the handshake": (sends(ESTABLISHED, Wire.reset), NetworkError),
    "plain text in the handshake": (speaks_after_connect, NetworkError),
    "plain text after the response": (sends(ESTABLISHED + reply(), Wire.stall), NetworkError),
    "garbage": (sends(b"\x05\x00\x00", Wire.stall), NetworkError),
}
tunnel_faults = pytest.mark.parametrize("name", TUNNEL_FAULTS)


@tunnel_faults
async def test_a_failed_tunnel_is_retried(name: str, clock: Clock) -> None:
    act, error = TUNNEL_FAULTS[name]
    async with proxied(clock, act, retry=SOON) as (server, client):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
        assert type(caught.value) is error
        assert (caught.value.attempts, server.connections) == (3, 3)
    assert leaks_of(caught.value, PROXY_SECRETS) == []


@tunnel_faults
async def test_a_call_recovers(name: str, clock: Clock, origin: ssl.SSLContext, authority: Authority) -> None:
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
async def test_a_failed_tunnel_does_not_delay_closing(name: str, clock: Clock) -> None:
    act, _ = TUNNEL_FAULTS[name]
    async with proxied(clock, act, retry=None) as (_, client):
        with pytest.raises(PlivoError):
            await client.calls.get(CALL_UUID)
        closing = asyncio.create_task(client.aclose())
        for _ in range(20):
            await asyncio.sleep(0)
        assert closing.done()
        await closing


async def test_a_refusing_proxy_is_a_network_error(clock: Clock) -> None:
    async with FaultServer(clock, good) as server:
        port = server.port
    async with AsyncClient(AUTH_ID, TOKEN, proxy=f"http://127.0.0.1:{port}", retry=SOON) as client:
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 3
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("to_proxy", ["plain", "TLS"])
async def test_a_tunnel_may_be_cancelled_at_any_step(
    to_proxy: str, clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    tls = authority.server() if to_proxy == "TLS" else None
    trusted = authority.client()
    cancelled = 0
    for steps in range(200):
        async with proxied(clock, tunnels(origin), tls=tls, verify=trusted) as (_, client):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            for _ in range(4):
                await asyncio.sleep(0)
            assert call.done()
            if not call.cancelled():
                break
            cancelled += 1
            closing = asyncio.create_task(client.aclose())
            for _ in range(20):
                await asyncio.sleep(0)
            assert closing.done()
            await closing
    assert 10 < cancelled < 199
