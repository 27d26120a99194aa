"""Connections that are given up in the TLS handshake, on the event loops of asyncio and uvloop."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from plivo_async import ClientClosedError, ConnectionPool
from plivo_async.transport.socket_protocol import SocketProtocol
from tests.transport.pool_server import serving
from tests.transport.test_connection import Wire

Tls = tuple[ssl.SSLContext, Path]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main)

    return run


OnLoop = Callable[[Coroutine[Any, Any, None]], None]


def tls_objects() -> int:
    gc.collect()
    return sum(isinstance(found, ssl.SSLObject) for found in gc.get_objects())


async def cancel_after_turns(http: httpx.AsyncClient, url: str, turns: int) -> None:
    asking = asyncio.create_task(http.get(url))
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])


def test_a_cancellation_at_any_moment_leaves_no_tls_object(on_loop: OnLoop, tls: Tls) -> None:
    context, ca_file = tls

    async def main() -> None:
        before = tls_objects()
        async with (
            serving(context) as server,
            httpx.AsyncClient(transport=ConnectionPool(verify=ca_file)) as http,
        ):
            for turns in range(60):
                await asyncio.gather(*(cancel_after_turns(http, server.url, turns) for _ in range(3)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert tls_objects() <= before

    on_loop(main())


def test_closing_the_pool_ends_a_handshake(on_loop: OnLoop, tls: Tls) -> None:
    async def main() -> None:
        connected = asyncio.Event()

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # The first bytes of a handshake that is never answered.
            await reader.read(1)
            connected.set()
            await reader.read()
            writer.close()

        pool = ConnectionPool(verify=tls[1])
        async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            asking = asyncio.create_task(httpx.AsyncClient(transport=pool).get(f"https://127.0.0.1:{port}/"))
            await connected.wait()
            await pool.aclose()
            with pytest.raises(ClientClosedError):
                await asyncio.wait_for(asking, 5)

    on_loop(main())


async def test_tls_is_not_started_on_a_closed_connection() -> None:
    protocol, wire = SocketProtocol(lambda _: None), Wire()
    protocol.connection_made(wire)
    wire.close()

    with pytest.raises(ConnectionAbortedError, match="before TLS"):
        await protocol.start_tls(ssl.create_default_context(), "h.example")
    assert protocol.closed.done()
