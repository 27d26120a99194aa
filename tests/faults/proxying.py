"""A proxy and a client of a host behind it, checked for leaks at the end."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plivo_async import AsyncClient
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.leaks import SECRETS
from tests.faults.responses_on_the_wire import good
from tests.faults.serving import assert_at_rest, client_of, open_sockets, other_tasks

HOST = "api.plivo.example"
PASSWORD = "pr0xy-pass"
PROXY_BASIC = b64encode(f"user:{PASSWORD}".encode())
PROXY_SECRETS = (*SECRETS, PASSWORD, PROXY_BASIC.decode())
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def tunnels(tls: ssl.SSLContext, then: Step = good) -> Step:
    """A proxy that opens a way to a server of ours, whoever is asked for."""
    first: set[Wire] = set()

    async def step(wire: Wire) -> None:
        if wire not in first:
            first.add(wire)
            await wire.request()
            await wire.send(ESTABLISHED)
            wire.transport.pause_reading()
            await wire.shake_hands(tls)
            wire.transport.resume_reading()
        await then(wire)

    return step


@asynccontextmanager
async def proxied(
    clock: Clock, *script: Step, tls: ssl.SSLContext | None = None, **options: object
) -> AsyncGenerator[tuple[FaultServer, AsyncClient], None]:
    """A proxy with this script, and a client of a host behind it; at the end nothing may be left."""
    sockets = open_sockets()
    async with FaultServer(clock, *script, tls=tls) as server:
        proxy = server.url.replace("://", f"://user:{PASSWORD}@")
        client = client_of(server, **{"base_url": f"https://{HOST}", "proxy": proxy, **options})
        tasks = other_tasks(server)
        try:
            yield server, client
            await assert_at_rest(client)
            assert other_tasks(server) <= tasks
        finally:
            await client.aclose()
        await server.idle()
    assert open_sockets() == sockets
