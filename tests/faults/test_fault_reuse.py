"""Reused connections: faults between two calls, and the valid forms of a response."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from plivo_async import ConnectionPool, NetworkError, RetryPolicy
from tests.faults.fault_server import Clock, Step, Wire
from tests.faults.responses_on_the_wire import CALL_UUID, RECORD, chunked, good, head, reply, sends
from tests.faults.serving import busy, serving

SOON = RetryPolicy(backoff_base=0.001)
OTHER_RECORD = RECORD.replace(b"5607532d", b"5607532e")
STRAY_RESPONSES = {
    "another record": reply(OTHER_RECORD),
    "408": reply(b"", b"Connection: close", status=b"408 Request Timeout"),
    "garbage": b"\x00",
}

either_end = pytest.mark.parametrize("end", [Wire.fin, Wire.reset])
stray_responses = pytest.mark.parametrize("stray", STRAY_RESPONSES.values(), ids=STRAY_RESPONSES)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@either_end
async def test_a_connection_closed_on_reuse_costs_no_attempt(end: Step, clock: Clock) -> None:
    async with serving(clock, good, sends(b"", end), good, retry=None) as (server, client):
        await client.calls.get(CALL_UUID)
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert (len(server.requests), server.connections) == (3, 2)


async def test_under_a_plain_client_of_httpx_a_request_is_replayed_too(clock: Clock) -> None:
    async with (
        serving(clock, good, sends(b"", Wire.fin), good) as (server, _),
        httpx.AsyncClient(transport=ConnectionPool()) as http,
    ):
        await http.get(server.url)
        response = await http.get(server.url)
        assert response.status_code == 200
        assert (len(server.requests), server.connections) == (3, 2)


@either_end
async def test_the_request_is_replayed_once_only(end: Step, clock: Clock) -> None:
    async with serving(clock, good, sends(b"", end), retry=None) as (server, client):
        await client.calls.get(CALL_UUID)
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (1, 3)


async def test_stale_connections_cost_each_call_one_replay(clock: Clock) -> None:
    async with serving(clock, good, retry=None) as (server, client):
        await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(5)))
        # The five connections wait in `good` already: each gets its next step after this one.
        server.script[:] = [sends(b"", Wire.fin)]
        await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(5)))
        server.script[:] = [good]
        requests = len(server.requests)
        await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(5)))
        assert len(server.requests) == requests + 10


@either_end
async def test_a_connection_closed_while_idle_is_not_used_again(end: Step, clock: Clock) -> None:
    async with serving(clock, sends(reply(), end), good, retry=None) as (server, client):
        await client.calls.get(CALL_UUID)
        await turns(20)
        assert "idle=0" in repr(client)
        await client.calls.get(CALL_UUID)
        assert (len(server.requests), server.connections) == (2, 2)


@either_end
async def test_a_connection_that_ends_within_a_response_costs_an_attempt(end: Step, clock: Clock) -> None:
    async with serving(clock, good, sends(b"HTTP", end), good, retry=None) as (server, client):
        await client.calls.get(CALL_UUID)
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, len(server.requests)) == (1, 2)


async def test_a_post_is_not_replayed(clock: Clock) -> None:
    async with serving(clock, good, sends(b"", Wire.fin), good, retry=SOON) as (server, client):
        await client.calls.get(CALL_UUID)
        with pytest.raises(NetworkError):
            await client.request("POST", "Call/", json={})
        assert len(server.requests) == 2


@stray_responses
async def test_an_unsolicited_response_ends_an_idle_connection(stray: bytes, clock: Clock) -> None:
    async def unasked(wire: Wire) -> None:
        await turns(20)
        await wire.send(stray)

    async with serving(clock, good, unasked, good, retry=None) as (server, client):
        await client.calls.get(CALL_UUID)
        await turns(40)
        assert "idle=0" in repr(client)
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert server.connections == 2


@stray_responses
async def test_an_unsolicited_response_is_never_read_as_the_next_one(stray: bytes, clock: Clock) -> None:
    wires: list[Wire] = []

    async def good_on(wire: Wire) -> None:
        wires.append(wire)
        await good(wire)

    async with serving(clock, good_on, retry=None) as (server, client):
        await client.calls.get(CALL_UUID)
        await turns(20)
        # In the socket of the client, not yet read by the event loop, when the next call begins.
        wires[0].transport.write(stray)
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert server.connections == 2


async def test_bytes_after_a_response_end_its_connection(clock: Clock) -> None:
    async with serving(clock, sends(reply() + reply(OTHER_RECORD)), good, retry=None) as (
        server,
        client,
    ):
        for _ in range(2):
            record = await client.calls.get(CALL_UUID)
            assert record.call_uuid == CALL_UUID
        assert server.connections == 2


async def test_an_idle_connection_expires(clock: Clock) -> None:
    async with serving(clock, good, keepalive_expiry=30.0) as (server, client):
        await client.calls.get(CALL_UUID)
        clock.forward(31.0)
        await server.idle()
        assert "idle=0" in repr(client)
        await client.calls.get(CALL_UUID)
        assert server.connections == 2


GOOD_ANSWERS: dict[str, tuple[bytes, Step, int]] = {
    "plain": (reply(), Wire.keep, 1),
    "chunked": (head(b"Transfer-Encoding: chunked") + chunked(RECORD[:9], RECORD[9:], b""), Wire.keep, 1),
    "with trailers": (
        head(b"Transfer-Encoding: chunked") + chunked(RECORD) + b"0\r\nX-Sum: 1\r\n\r\n",
        Wire.keep,
        1,
    ),
    "after 100 and 103": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + reply(),
        Wire.keep,
        1,
    ),
    "the same length twice": (reply(RECORD, b"Content-Length: %d" % len(RECORD)), Wire.keep, 1),
    "without a reason": (reply(status=b"200"), Wire.keep, 1),
    "with a folded header": (reply(RECORD, b"X: a\r\n b"), Wire.keep, 1),
    "gzip": (reply(gzip.compress(RECORD), b"Content-Encoding: gzip"), Wire.keep, 1),
    "connection: close": (reply(RECORD, b"Connection: close"), Wire.keep, 2),
    "connection: close and fin": (reply(RECORD, b"Connection: close"), Wire.fin, 2),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(RECORD) + RECORD, Wire.keep, 2),
    "HTTP/1.0 until fin": (b"HTTP/1.0 200 OK\r\n\r\n" + RECORD, Wire.fin, 2),
    "until fin": (head() + RECORD, Wire.fin, 2),
}


@pytest.mark.parametrize("name", GOOD_ANSWERS)
async def test_a_valid_response_of_any_form_is_a_record(name: str, clock: Clock) -> None:
    data, then, connections = GOOD_ANSWERS[name]
    async with serving(clock, sends(data, then), retry=None) as (server, client):
        for _ in range(2):
            record = await client.calls.get(CALL_UUID)
            assert record.call_uuid == CALL_UUID
        assert (server.connections, len(server.requests), busy(client)) == (connections, 2, 0)


async def test_a_response_in_single_bytes_is_a_record(clock: Clock) -> None:
    async def byte_by_byte(wire: Wire) -> None:
        await wire.request()
        for byte in reply():
            await wire.send(bytes([byte]))

    async with serving(clock, byte_by_byte, retry=None) as (_, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID


async def test_a_length_beside_chunks_is_ignored(clock: Clock) -> None:
    smuggled = head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + chunked(RECORD, b"")
    async with serving(clock, sends(smuggled), retry=None) as (server, client):
        for _ in range(2):
            record = await client.calls.get(CALL_UUID)
            assert record.call_uuid == CALL_UUID
        # RFC 9112 section 6.3: the connection must not be reused.
        assert server.connections == 2
