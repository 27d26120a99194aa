"""Closing a client with active calls."""

from __future__ import annotations

import asyncio
from operator import attrgetter

import httpx
import pytest

from plivo_async import ClientClosedError, RetryPolicy
from tests.faults.fault import Fault
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.fault_table import FAULTS
from tests.faults.responses_on_the_wire import CALL_UUID, good, reply, sends
from tests.faults.serving import client_of, serving

stalled = sends(b"", Wire.stall)
WAYS_TO_BE_BUSY: dict[str, Step] = {
    "before a response": stalled,
    "in a body": sends(reply()[:-50], Wire.stall),
    "between two attempts": sends(reply(b"", b"Retry-After: 30", status=b"503 Busy")),
}


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", WAYS_TO_BE_BUSY)
async def test_a_close_ends_every_call_under_way(way: str, clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, WAYS_TO_BE_BUSY[way], max_connections=5) as (server, client):
        calls = [asyncio.create_task(client.calls.get(CALL_UUID)) for _ in range(20)]
        await server.until_asked(5)
        await turns(20)
        requests = len(server.requests)
        started = clock()
        await client.aclose()
        assert clock() - started < 1.0
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in ended} == {ClientClosedError}
        await turns(20)
        assert len(server.requests) == requests


@pytest.mark.parametrize("fault", FAULTS, ids=attrgetter("name"))
async def test_a_close_ends_a_call_in_any_fault(fault: Fault, clock: Clock) -> None:
    clock.step = 0.0
    later = RetryPolicy(backoff_base=30.0, backoff_max=30.0)
    async with serving(clock, fault.act, retry=later) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        await client.aclose()
        with pytest.raises(ClientClosedError) as caught:
            await call
        assert caught.value.attempts == 1
        assert len(server.requests) == 1


async def test_a_close_may_be_repeated(clock: Clock) -> None:
    async with serving(clock, good) as (_, client):
        await client.calls.get(CALL_UUID)
        await asyncio.gather(client.aclose(), client.aclose())
        await client.aclose()


async def test_a_close_under_way_may_be_repeated(clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, stalled) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        await asyncio.gather(client.aclose(), client.aclose())
        with pytest.raises(ClientClosedError):
            await call


async def test_a_close_may_be_cancelled(clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, stalled) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        closing = asyncio.create_task(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        with pytest.raises(ClientClosedError):
            await call
        await server.idle()


async def test_a_borrowed_client_stays_open(clock: Clock) -> None:
    async with FaultServer(clock, good) as server, httpx.AsyncClient() as borrowed:
        async with client_of(server, http_client=borrowed) as client:
            record = await client.calls.get(CALL_UUID)
            assert record.call_uuid == CALL_UUID
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)
        assert not borrowed.is_closed
        response = await borrowed.get(server.url)
        assert response.status_code == 200


async def test_closing_ends_a_call_on_a_borrowed_client(clock: Clock) -> None:
    clock.step = 0.0
    async with FaultServer(clock, stalled) as server, httpx.AsyncClient() as borrowed:
        client = client_of(server, http_client=borrowed)
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await call
        assert not borrowed.is_closed


async def test_the_error_names_a_closed_borrowed_client(clock: Clock) -> None:
    async with FaultServer(clock, good) as server:
        borrowed = httpx.AsyncClient()
        client = client_of(server, http_client=borrowed)
        await borrowed.aclose()
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)
        assert server.connections == 0
