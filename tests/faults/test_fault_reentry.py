"""A client that is entered again, on real sockets: each session has its own, and none is left."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable, Iterator

import pytest
import uvloop

from plivo_async import AsyncClient, ClientClosedError
from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock, FaultServer
from tests.faults.responses_on_the_wire import CALL_UUID, good
from tests.faults.serving import AUTH_ID, TOKEN, assert_at_rest, client_of, open_sockets
from tests.faults.threaded_server import Server, serving_in_threads
from tests.offline import pool_of
from tests.transport.test_connect import silent_port

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("ended_by", ["aclose", "the block"])
async def test_each_session_has_connections_of_its_own(ended_by: str, clock: Clock) -> None:
    sockets = open_sockets()
    async with FaultServer(clock, good) as server:
        client = client_of(server)
        for session in (1, 2, 3):
            async with client:
                await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(4)))
                assert server.connections == 4 * session
                await assert_at_rest(client)
                if ended_by == "aclose":
                    await client.aclose()
            await server.idle()
            with pytest.raises(ClientClosedError):
                await client.calls.get(CALL_UUID)
            assert len(server.requests) == 4 * session
    assert open_sockets() == sockets


@pytest.fixture(params=["plain", "TLS"])
def server(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Server]:
    with serving_in_threads(authority.server() if request.param == "TLS" else None) as server:
        yield server


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
class TestAnEventLoopThatWasClosedFirst:
    """Its program did not close the client; asyncio warns of that, and the client cleans up."""

    def test_leaves_nothing_to_the_next_entry(
        self, server: Server, authority: Authority, new_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        client = AsyncClient(AUTH_ID, TOKEN, base_url=server.url, verify=authority.file, retry=None)

        async def enter_and_call() -> None:
            await client.__aenter__()
            await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(3)))

        async def use() -> None:
            async with client:
                await client.calls.get(CALL_UUID)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(enter_and_call())
            old = pool_of(client)
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(use())
            # Those of the old loop are closed by now, and so is the new one.
            for _ in range(4):
                assert server.ended.acquire(timeout=60)
            assert (server.accepted, old._open) == (4, set())
            gc.collect()

    def test_leaves_nothing_to_aclose_in_the_next(
        self, server: Server, authority: Authority, new_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        client = AsyncClient(AUTH_ID, TOKEN, base_url=server.url, verify=authority.file, retry=None)

        async def enter_and_call() -> None:
            await client.__aenter__()
            await client.calls.get(CALL_UUID)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(enter_and_call())
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(client.aclose())
            assert server.ended.acquire(timeout=60)
            gc.collect()

    def test_leaves_a_call_under_way_to_the_collector(
        self, server: Server, authority: Authority, new_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        """A loop that is closed with tasks in it: their coroutines end later, in no event loop."""
        client = AsyncClient(AUTH_ID, TOKEN, base_url=server.url, verify=authority.file, retry=None)

        async def use() -> None:
            async with client:
                await client.calls.get(CALL_UUID)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            loop = new_loop()
            call = client.calls.get(CALL_UUID)
            task = loop.create_task(call)
            server.is_silent = True
            loop.run_until_complete(asyncio.to_thread(server.asked.acquire))
            loop.run_until_complete(loop.shutdown_default_executor())
            server.is_silent = False
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            loop.close()
            old = pool_of(client)
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(use())
            call.close()
            del task
            gc.collect()
            assert (old.busy, old._open) == (0, set())
            for _ in range(2):
                assert server.ended.acquire(timeout=60)


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
def test_a_loop_that_was_closed_while_a_connection_opened_leaves_none(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with silent_port() as port:
        client = AsyncClient(AUTH_ID, TOKEN, base_url=f"http://127.0.0.1:{port}", retry=None)
        loop = new_loop()
        call = client.calls.get(CALL_UUID)
        task = loop.create_task(call)
        old = pool_of(client)
        while not old._open:
            loop.run_until_complete(asyncio.sleep(0))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(client.__aenter__())
            assert not old._open
            runner.run(client.aclose())
        call.close()
        assert old.busy == 0
