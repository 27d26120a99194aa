"""Requests that wait for a connection: in lanes, within the pool timeout, until the pool is closed."""

from __future__ import annotations

import asyncio
import random

import httpx
import pytest

from plivo_async import ClientClosedError, ConnectionPool
from plivo_async.context import CallLimits, CallState
from tests.transport.pool_server import BODY, Server


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_lanes_take_turns_and_each_is_served_in_order(server: Server) -> None:
    async with httpx.AsyncClient(transport=ConnectionPool(max_connections=1)) as http:
        server.may_answer.clear()
        asking = [asyncio.create_task(http.get(server.url))]
        await server.asked.get()
        for name in ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]:
            lane = CallState(CallLimits(lane=None if name[0] == "c" else name[0]))
            call = http.get(f"{server.url}{name}", extensions={"plivo_async": lane})
            asking.append(asyncio.create_task(call))
            await turns()
        server.may_answer.set()
        await asyncio.gather(*asking)

    served = [server.asked.get_nowait() for _ in range(7)]
    assert served == ["/a1", "/b1", "/c1", "/a2", "/b2", "/a3", "/a4"]


async def test_closing_wakes_a_request_that_waits(server: Server) -> None:
    pool = ConnectionPool(max_connections=1)
    http = httpx.AsyncClient(transport=pool)
    async with http.stream("GET", server.url):
        waiting = asyncio.create_task(http.get(server.url))
        await turns()
        await pool.aclose()

        with pytest.raises(ClientClosedError):
            await asyncio.wait_for(waiting, 5)


async def test_a_closed_pool_lets_no_request_wait(server: Server) -> None:
    pool = ConnectionPool(max_connections=1)
    http = httpx.AsyncClient(transport=pool)
    async with http.stream("GET", server.url):
        await pool.aclose()

        with pytest.raises(ClientClosedError):
            await asyncio.wait_for(http.get(server.url, timeout=None), 5)


async def test_a_request_waits_no_longer_than_the_pool_timeout(server: Server) -> None:
    pool = ConnectionPool(max_connections=1)
    async with httpx.AsyncClient(transport=pool) as http:
        async with http.stream("GET", server.url):
            with pytest.raises(httpx.PoolTimeout, match=r"no connection was free within 0\.01 s"):
                await http.get(server.url, timeout=httpx.Timeout(5.0, pool=0.01))
        assert (await http.get(server.url)).content == BODY


async def test_no_pool_timeout_is_no_bound(server: Server) -> None:
    async with httpx.AsyncClient(transport=ConnectionPool(max_connections=1)) as http:
        async with http.stream("GET", server.url):
            waiting = asyncio.create_task(
                http.get(server.url, timeout=httpx.Timeout(0.01, pool=None, read=5))
            )
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert (await waiting).content == BODY


async def test_no_slot_is_lost_to_timeouts_and_cancellations(server: Server) -> None:
    chance = random.Random(4)
    server.delays = chance
    pool = ConnectionPool(max_connections=3)
    outcomes: set[type] = set()
    async with httpx.AsyncClient(transport=pool) as http:
        loop = asyncio.get_running_loop()
        for _ in range(40):
            asking = [
                asyncio.create_task(
                    http.get(
                        server.url,
                        timeout=httpx.Timeout(5.0, pool=chance.random() * 0.03),
                        extensions={"plivo_async": CallState(CallLimits(lane=chance.randrange(3)))},
                    )
                )
                for _ in range(20)
            ]
            for task in asking[:7]:
                loop.call_later(chance.random() * 0.03, task.cancel)
            found = await asyncio.gather(*asking, return_exceptions=True)
            outcomes |= {type(outcome) for outcome in found}
            assert (pool.busy, pool._slots.free) == (0, 3)
    assert outcomes == {httpx.Response, httpx.PoolTimeout, asyncio.CancelledError}
