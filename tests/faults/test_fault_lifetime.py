"""A client used after closing, in another event loop, or after a fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from plivo_async import AsyncClient, ClientClosedError, EventLoopError
from tests.faults.fault_server import Clock
from tests.faults.responses_on_the_wire import CALL_UUID, good
from tests.faults.serving import AUTH_ID, TOKEN, busy, client_of, serving


async def test_an_unused_client_may_be_closed(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)
        assert server.connections == 0


async def test_no_call_follows_a_close(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        await client.calls.get(CALL_UUID)
        await client.aclose()
        for use in (client.calls.get(CALL_UUID), client.request("GET", "Call/")):
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


def test_a_client_is_entered_again_to_outlive_its_event_loop() -> None:
    client = AsyncClient(AUTH_ID, TOKEN, base_url="http://127.0.0.1:9", retry=None)

    async def enter() -> None:
        await client.__aenter__()

    async def call() -> None:
        await client.calls.get(CALL_UUID)

    asyncio.run(enter())
    with pytest.raises(EventLoopError):
        asyncio.run(call())
    asyncio.run(enter())
    asyncio.run(client.aclose())


def test_a_call_without_event_loop_has_its_own_error() -> None:
    client = AsyncClient(AUTH_ID, TOKEN)
    with pytest.raises(EventLoopError, match="no asyncio event loop"):
        client.calls.get(CALL_UUID).send(None)


FORKING = """
    import asyncio, os, sys
    sys.path.insert(0, sys.argv[1])
    from tests.faults.responses_on_the_wire import CALL_UUID, good
    from tests.faults.fault_server import Clock, FaultServer
    from tests.faults.serving import client_of
    from plivo_async import ForkedError

    async def refused(use):
        try:
            await use()
        except ForkedError as error:
            return "fork" in str(error)
        return False

    async def in_child(client):
        used = await refused(lambda: client.calls.get(CALL_UUID))
        async with client:
            # On a connection of its own.
            await client.calls.get(CALL_UUID)
        async with client:
            await client.calls.get(CALL_UUID)
        return used

    loop = asyncio.new_event_loop()
    server = FaultServer(Clock(loop), good)
    loop.run_until_complete(server.__aenter__())
    client = client_of(server)
    loop.run_until_complete(client.calls.get(CALL_UUID))
    child = os.fork()
    if child == 0:
        os._exit(0 if asyncio.run(in_child(client)) else 1)
    _, status = loop.run_until_complete(asyncio.to_thread(os.waitpid, child, 0))
    assert os.waitstatus_to_exitcode(status) == 0
    # The parent keeps using its connection.
    loop.run_until_complete(client.calls.get(CALL_UUID))
    assert (server.connections, len(server.requests)) == (3, 4)
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(server.__aexit__())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
"""


def test_a_forked_process_is_refused_without_harm_to_its_parent() -> None:
    script = textwrap.dedent(FORKING)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(Path(__file__).parents[2])],
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
