"""A server and a client of it, checked for leaks at the end."""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from plivo_async import AsyncClient
from tests.faults.fault_server import Clock, FaultServer, Step
from tests.offline import pool_of

AUTH_ID = "MAXXXXXXXXXXXXXXXXXX"
TOKEN = "tok3n-that-nobody-may-see"


def open_sockets() -> int:
    """How many sockets this process has."""
    count = 0
    for descriptor in Path("/dev/fd").iterdir():
        try:
            count += stat.S_ISSOCK(os.fstat(int(descriptor.name)).st_mode)
        except OSError:
            # The descriptor of the directory itself, closed by now.
            continue
    return count


def other_tasks(server: FaultServer) -> set[asyncio.Task[Any]]:
    """Every task but this one, the server's, and those in which the event loop accepts connections for it."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()} - server.tasks
    return {task for task in tasks if "_accept_connection" not in repr(task.get_coro())}


def busy(client: AsyncClient) -> int:
    """How many slots of the pool are in use."""
    return pool_of(client).busy


async def assert_at_rest(client: AsyncClient) -> None:
    """Check that no slot is in use and that only idle connections are open."""
    for _ in range(20):
        # The event loop closes a socket a step after the transport, and the generators of httpx in some more.
        await asyncio.sleep(0)
    pool = client._core.sender.pool
    if pool is None:
        # The client borrowed an http_client.
        return
    assert (pool.busy, len(pool._open)) == (0, pool.idle)


@asynccontextmanager
async def serving(
    clock: Clock, *script: Step, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncGenerator[tuple[FaultServer, AsyncClient], None]:
    """A server with this script and a client of it; at the end no task, slot or socket may be left."""
    sockets = open_sockets()
    async with FaultServer(clock, *script, tls=tls) as server:
        client = client_of(server, **options)
        tasks = other_tasks(server)
        try:
            yield server, client
            await assert_at_rest(client)
            assert other_tasks(server) <= tasks
        finally:
            await client.aclose()
        await server.idle()
    assert open_sockets() == sockets


def client_of(server: FaultServer, **options: Any) -> AsyncClient:
    # No rate limit: it would add its own waits after a 429.
    options = {"base_url": server.url, "rate_limit": None, **options}
    return AsyncClient(AUTH_ID, TOKEN, **options)
