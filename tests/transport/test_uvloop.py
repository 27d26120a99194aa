"""The client on uvloop, over real sockets."""

from __future__ import annotations

import asyncio
import functools
import random
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from plivo_async import AsyncClient, ClientClosedError, Fetched, NetworkError, RequestTimeoutError
from plivo_async.testing import Drop, FakePlivo, InstantRetryPolicy, StubResponse
from tests.offline import pool_of

BODY = b'{"call_uuid": "a-call"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


def on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run the test on uvloop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def account() -> AsyncGenerator[tuple[FakePlivo, AsyncClient], None]:
    """A fake server and a client with five connections."""
    fake = FakePlivo(rate_limit=None)
    async with (
        fake.serve() as url,
        AsyncClient(
            fake.auth_id,
            fake.auth_token,
            base_url=url,
            retry=InstantRetryPolicy(),
            rate_limit=None,
            max_connections=5,
        ) as client,
    ):
        yield fake, client


@on_uvloop
async def test_a_record_is_fetched() -> None:
    async with account() as (fake, client):
        assert (await client.calls.get(fake.call_uuids[0])).call_uuid == fake.call_uuids[0]


@pytest.mark.parametrize("fault", [Drop(), Drop(after=30), StubResponse(503)])
@on_uvloop
async def test_a_call_recovers_from_a_fault(fault: Drop | StubResponse) -> None:
    async with account() as (fake, client):
        await client.calls.get(fake.call_uuids[0])
        fake.script([fault])

        assert (await client.calls.get(fake.call_uuids[0])).call_uuid == fake.call_uuids[0]


@on_uvloop
async def test_a_persistent_fault_is_an_error() -> None:
    async with account() as (fake, client):
        fake.script([Drop()] * 9)

        with pytest.raises(NetworkError) as caught:
            await client.calls.get(fake.call_uuids[0])
        assert caught.value.attempts == 3


@on_uvloop
async def test_a_stall_ends_at_its_timeout() -> None:
    async with account() as (fake, client):
        fake.script([StubResponse(200, delay=3600.0)])

        with pytest.raises(RequestTimeoutError):
            await client.calls.get(fake.call_uuids[0], timeout=0.05, retry=None)


@on_uvloop
async def test_a_batch_is_complete() -> None:
    async with account() as (fake, client):
        outcomes = await client.calls.get_many(fake.generate(300))

        assert all(isinstance(outcome, Fetched) for outcome in outcomes)
        assert len(outcomes) == 300


@on_uvloop
async def test_a_batch_may_wake_at_a_time_that_comes_at_once() -> None:
    """For this uvloop makes a timer that has no time."""
    now = asyncio.get_running_loop().time()
    async with account() as (_, client), client.calls.get_many([]) as batch:
        for seconds in (0.0001, 0.0002, 60.0):
            batch._sender._wake_at(now + seconds)


@on_uvloop
async def test_random_cancellations_leave_nothing_behind() -> None:
    async with account() as (fake, client):
        chance = random.Random(1)
        fake.latency = lambda: chance.uniform(0.0, 0.004)

        async def call_and_cancel() -> None:
            task = asyncio.create_task(client.calls.get(fake.call_uuids[0]))
            await asyncio.sleep(chance.uniform(0.0, 0.01))
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or task.exception() is None

        for _ in range(50):
            await asyncio.gather(*(call_and_cancel() for _ in range(20)))

        pool = pool_of(client)
        assert pool is not None
        assert pool.busy == 0
        await client.calls.get(fake.call_uuids[0])
        await client.aclose()
        assert not pool._open


@on_uvloop
async def test_closing_ends_active_calls() -> None:
    async with account() as (fake, client):
        asked = asyncio.Semaphore(0)

        def latency() -> float:
            asked.release()
            return 3600.0

        fake.latency = latency
        calls = [asyncio.create_task(client.calls.get(fake.call_uuids[0])) for _ in range(8)]
        for _ in range(5):
            await asked.acquire()

        await client.aclose()

        for ended in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(ended, ClientClosedError)


@pytest.mark.parametrize("kept", [True, False], ids=["kept open", "closed by the server"])
@on_uvloop
async def test_tls(kept: bool, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    opened = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
                await writer.drain()
                if not kept:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, AsyncClient("MA", "token", base_url=url, verify=tmp_path / "ca.pem") as client:
        for _ in range(20):
            assert (await client.calls.get("a-call")).call_uuid == "a-call"

    assert opened == 1 if kept else opened == 20
