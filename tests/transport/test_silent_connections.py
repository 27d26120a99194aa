"""Connections whose peer is gone without a word: no FIN, no RST, no response. New ones work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from plivo_async import AsyncClient, ConnectionPool, DeadlineExceededError, RetryPolicy
from tests.faults.fault_server import Clock
from tests.transport.pool_server import BODY, HEAD, Server, running, serving

CALL_UUID = "5607532d-5037-4066-befc-a8b40218dd4f"


class FailingOver(Server):
    """Its connections of before a failover swallow what they receive, or reset.

    While they are silent, 10 seconds pass at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(asyncio.get_running_loop())
        self.time_passes = True
        self.resets = False
        self.begins = False
        self._gone: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def fail_over(self) -> None:
        self._gone = set(self._writers)

    async def answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.asked.put_nowait(path)
        if writer not in self._gone:
            body = b'{"call_uuid": "%s"}' % CALL_UUID.encode() if "Call" in path else BODY
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        elif self.resets:
            writer.transport.abort()
        else:
            if self.begins:
                writer.write(HEAD[:5])
            if self.time_passes:
                await self.ten_seconds()

    async def ten_seconds(self) -> None:
        for _ in range(100):
            await self.clock.tick()


@pytest.fixture
async def server() -> AsyncGenerator[FailingOver, None]:
    server = FailingOver()
    async with running(server):
        yield server


async def fill(http: httpx.AsyncClient, server: Server, count: int) -> None:
    await asyncio.gather(*(http.get(server.url) for _ in range(count)))
    assert server.opened == count


async def received(server: Server, count: int) -> None:
    for _ in range(count):
        await server.asked.get()


async def test_a_failover_costs_one_attempt_however_many_connections_are_idle(server: FailingOver) -> None:
    policy = RetryPolicy(backoff_base=0.001)
    async with AsyncClient(
        "MA", "token", base_url=server.url, timeout=5.0, retry=policy, rate_limit=None
    ) as client:
        await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(20)))
        server.fail_over()

        for _ in range(3):
            await client.calls.get(CALL_UUID)

    # Twenty, one lost attempt, three calls; one more connection.
    assert (server.asked.qsize(), server.opened) == (24, 21)


async def test_the_next_attempt_opens_a_new_connection(server: FailingOver) -> None:
    pool = ConnectionPool()
    async with httpx.AsyncClient(transport=pool) as http:
        await fill(http, server, 3)
        server.fail_over()
        request = http.build_request("GET", server.url)
        with pytest.raises(httpx.ReadTimeout):
            await http.send(request)
        # Used since, so it stays open; still the attempt does not use it.
        await http.get(server.url)
        assert (pool.idle, server.opened) == (1, 4)

        await http.send(request)

        assert (pool.idle, server.opened) == (2, 5)


async def test_a_request_that_has_succeeded_uses_idle_connections_again(server: FailingOver) -> None:
    async with httpx.AsyncClient(transport=ConnectionPool()) as http:
        request = http.build_request("GET", server.url)
        await http.send(request)
        server.fail_over()
        with pytest.raises(httpx.ReadTimeout):
            await http.send(request)
        for _ in range(3):
            await http.send(request)

        assert server.opened == 2


async def test_a_connection_used_meanwhile_stays_open(server: FailingOver) -> None:
    pool = ConnectionPool()
    server.time_passes = False
    async with httpx.AsyncClient(transport=pool) as http:
        await fill(http, server, 2)
        older = pool._idle._entries[0][2]
        server.fail_over()
        silent = asyncio.create_task(http.get(server.url))
        await received(server, 3)
        server._gone.clear()
        await http.get(server.url)

        await server.ten_seconds()
        with pytest.raises(httpx.ReadTimeout):
            await silent

        assert [entry[2] for entry in pool._idle._entries] == [older]


async def test_connections_to_another_origin_stay_open(server: FailingOver) -> None:
    pool = ConnectionPool()
    async with serving() as other, httpx.AsyncClient(transport=pool) as http:
        await http.get(other.url)
        await fill(http, server, 2)
        server.fail_over()

        with pytest.raises(httpx.ReadTimeout):
            await http.get(server.url)

        assert pool.idle == 1


async def test_a_reset_without_a_response_closes_the_other_idle_connections(server: FailingOver) -> None:
    server.resets = True
    pool = ConnectionPool()
    async with httpx.AsyncClient(transport=pool) as http:
        await fill(http, server, 4)
        server.fail_over()

        # Not replayed: one POST is lost, not one for each idle connection.
        with pytest.raises(httpx.TransportError):
            await http.post(server.url)
        await http.post(server.url)

        assert (pool.idle, server.opened) == (1, 5)


async def test_a_response_that_began_casts_no_doubt_on_others(server: FailingOver) -> None:
    server.begins = True
    pool = ConnectionPool()
    async with httpx.AsyncClient(transport=pool) as http:
        await fill(http, server, 3)
        server.fail_over()

        with pytest.raises(httpx.ReadTimeout):
            await http.get(server.url)

        assert pool.idle == 2


async def test_a_request_that_http_does_not_allow_casts_no_doubt_on_others(server: FailingOver) -> None:
    pool = ConnectionPool()
    async with httpx.AsyncClient(transport=pool) as http:
        await fill(http, server, 3)

        with pytest.raises(httpx.LocalProtocolError):
            await http.get(server.url, headers={"x": "a\r\nb: c"})

        assert pool.idle == 2


@pytest.mark.parametrize(("silence", "idle"), [(60.0, 2), (0.0, 0)], ids=["at once", "after a silence"])
async def test_a_cancellation_casts_doubt_on_others_after_a_silence_only(
    silence: float, idle: int, server: FailingOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plivo_async.transport.pool._SILENCE_SECONDS", silence)
    server.time_passes = False
    pool = ConnectionPool()
    async with httpx.AsyncClient(transport=pool) as http:
        await fill(http, server, 3)
        server.fail_over()
        asking = asyncio.create_task(http.get(server.url))
        await received(server, 4)
        asking.cancel()
        await asyncio.wait([asking])

        assert pool.idle == idle


async def test_a_call_whose_deadline_ends_while_it_waits_for_a_connection_has_no_attempt() -> None:
    class Silent(Server):
        async def answer(self, path: str, writer: asyncio.StreamWriter) -> None:
            self.asked.put_nowait(path)

    silent = Silent()
    async with running(silent), AsyncClient("MA", "token", base_url=silent.url, max_connections=1) as client:
        first = asyncio.create_task(client.calls.get(CALL_UUID))
        await silent.asked.get()
        with pytest.raises(DeadlineExceededError, match="after 0 attempts") as caught:
            await client.calls.get(CALL_UUID, deadline=0.01)
        assert caught.value.attempts == 0
        first.cancel()
