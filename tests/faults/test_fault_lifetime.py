"""The life of a client: closed with calls under way, used too late or elsewhere, borrowing another."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from operator import attrgetter
from pathlib import Path

import httpx
import pytest
from answers_on_the_wire import CALL_UUID, answer, good, says
from fault import Fault
from fault_server import Clock, FaultServer, Step, Wire
from fault_table import FAULTS
from serving import AUTH_ID, TOKEN, busy, client_of, serving

from plivo_async import AsyncClient, ClientClosedError, EventLoopError, RetryPolicy

stalled = says(b"", Wire.stall)
WAYS_TO_BE_BUSY: dict[str, Step] = {
    "before an answer": stalled,
    "in a body": says(answer()[:-50], Wire.stall),
    "between two attempts": says(answer(b"", b"Retry-After: 30", status=b"503 Busy")),
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


async def test_a_client_never_used_may_be_closed(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)
        assert server.connections == 0


async def test_no_call_follows_a_close(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        await client.calls.get(CALL_UUID)
        await client.aclose()
        for use in (client.calls.get(CALL_UUID), client.request("GET", "Call/"), client.__aenter__()):
            with pytest.raises(ClientClosedError):
                await use
        assert (len(server.requests), server.connections) == (1, 1)


async def test_a_view_is_closed_with_its_client(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        view = client.with_options(deadline=1.0)
        await view.calls.get(CALL_UUID)
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await view.calls.get(CALL_UUID)
        assert server.connections == 1


async def test_a_context_manager_closes(clock: Clock) -> None:
    async with serving(clock, good) as (server, _):
        async with client_of(server) as client:
            await client.calls.get(CALL_UUID)
        await server.idle()
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)


def test_a_client_needs_no_event_loop_to_be_built() -> None:
    client = AsyncClient(AUTH_ID, TOKEN)

    async def close() -> None:
        await client.aclose()

    asyncio.run(close())


async def test_another_event_loop_is_refused_before_any_traffic(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        await client.calls.get(CALL_UUID)
        errors: list[BaseException] = []

        def use_elsewhere() -> None:
            for use in (lambda: client.calls.get(CALL_UUID), client.aclose, client.__aenter__):
                try:
                    asyncio.run(use())
                except EventLoopError as error:
                    errors.append(error)

        await asyncio.to_thread(use_elsewhere)
        assert [type(error) for error in errors] == [EventLoopError] * 3
        assert len(server.requests) == 1
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID


def test_a_client_outlives_no_event_loop() -> None:
    client = AsyncClient(AUTH_ID, TOKEN, base_url="http://127.0.0.1:9", retry=None)

    async def use() -> None:
        async with client:
            pass

    async def enter() -> None:
        await client.__aenter__()

    asyncio.run(enter())
    with pytest.raises(EventLoopError):
        asyncio.run(use())
    asyncio.run(client.aclose())


def test_no_event_loop_at_all_is_an_error_of_its_own() -> None:
    client = AsyncClient(AUTH_ID, TOKEN)
    with pytest.raises(EventLoopError, match="no asyncio event loop"):
        client.calls.get(CALL_UUID).send(None)


async def test_a_borrowed_client_stays_open(clock: Clock) -> None:
    async with FaultServer(clock, good) as server, httpx.AsyncClient() as borrowed:
        async with client_of(server, http_client=borrowed) as client:
            record = await client.calls.get(CALL_UUID)
            assert record.call_uuid == CALL_UUID
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)
        assert not borrowed.is_closed
        answer = await borrowed.get(server.url)
        assert answer.status_code == 200


async def test_a_call_on_a_borrowed_client_ends_with_ours(clock: Clock) -> None:
    clock.step = 0.0
    async with FaultServer(clock, stalled) as server, httpx.AsyncClient() as borrowed:
        client = client_of(server, http_client=borrowed)
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await call
        assert not borrowed.is_closed


async def test_a_borrowed_client_that_is_closed_is_named(clock: Clock) -> None:
    async with FaultServer(clock, good) as server:
        borrowed = httpx.AsyncClient()
        client = client_of(server, http_client=borrowed)
        await borrowed.aclose()
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)
        assert server.connections == 0


FORKING = """
    import asyncio, os, sys
    sys.path.insert(0, sys.argv[1])
    from answers_on_the_wire import CALL_UUID, good
    from fault_server import Clock, FaultServer
    from serving import client_of
    from plivo_async import ForkedError

    async def refused(use):
        try:
            await use()
        except ForkedError as error:
            return "fork" in str(error)
        return False

    async def in_child(client):
        used = await refused(lambda: client.calls.get(CALL_UUID))
        entered = await refused(client.__aenter__)
        await client.aclose()
        return used and entered

    loop = asyncio.new_event_loop()
    server = FaultServer(Clock(loop), good)
    loop.run_until_complete(server.__aenter__())
    client = client_of(server)
    loop.run_until_complete(client.calls.get(CALL_UUID))
    child = os.fork()
    if child == 0:
        os._exit(0 if asyncio.run(in_child(client)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # The parent goes on with the connection that it had.
    loop.run_until_complete(client.calls.get(CALL_UUID))
    assert (server.connections, len(server.requests)) == (1, 2)
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(server.__aexit__())
    loop.close()
"""


def test_a_child_process_is_refused_and_disturbs_its_parent_not() -> None:
    script = textwrap.dedent(FORKING)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


async def test_a_slot_is_free_again_after_each_call(clock: Clock) -> None:
    async with serving(clock, good, max_connections=2) as (server, client):
        await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(50)))
        assert busy(client) == 0
        assert (server.connections, len(server.requests)) == (2, 50)
