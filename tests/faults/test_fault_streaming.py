"""A web service streams the records of a batch, and its client hangs up in the middle. Over real sockets."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from attrs import define, field
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from plivo_async import AsyncClient, CallNext
from plivo_async.testing import FakePlivo
from tests.offline import pool_of

CALLS = 1000
BOUND_SECONDS = 30.0


@define
class Service:
    """Streams an outcome a line, and knows what is under way."""

    ids: list[str]
    is_async: bool
    client: AsyncClient | None = None
    under_way: int = 0
    closed: asyncio.Event = field(factory=asyncio.Event)
    left: asyncio.Event = field(factory=asyncio.Event)

    async def count(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        self.under_way += 1
        try:
            return await call_next(request)
        finally:
            try:
                # A call takes a while to end, and the end of the block waits for it.
                await asyncio.shield(asyncio.sleep(0.01))
            finally:
                self.under_way -= 1

    def source(self) -> Generator[str]:
        try:
            yield from self.ids
        finally:
            self.closed.set()

    async def async_source(self) -> AsyncGenerator[str]:
        try:
            for call_uuid in self.ids:
                yield call_uuid
        finally:
            self.closed.set()

    async def lines(self) -> AsyncIterator[str]:
        assert self.client is not None
        source: Any = self.async_source() if self.is_async else self.source()
        try:
            async with self.client.calls.get_many(source, concurrency=4) as batch:
                async for outcome in batch:
                    yield f"{outcome.call_uuid}\n"
        finally:
            self.left.set()

    async def export(self, request: Request) -> Response:
        return StreamingResponse(self.lines())


async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


def told_by_receive(app: Starlette) -> Any:
    """Let an app learn of a hang-up by `receive`.

    uvicorn 0.30 claims that its `send` raises then, and it does not.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "asgi": {**scope["asgi"], "spec_version": "2.3"}}, receive, send)

    return serve


@asynccontextmanager
async def serving(app: Starlette) -> AsyncGenerator[tuple[str, int]]:
    server = uvicorn.Server(uvicorn.Config(told_by_receive(app), lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            await running


@pytest.mark.parametrize(
    "middleware", [[], [Middleware(BaseHTTPMiddleware, dispatch=pass_on)]], ids=["plain", "middleware"]
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_client_that_hangs_up_leaves_no_call_and_no_open_source(
    is_async: bool, middleware: list[Middleware]
) -> None:
    fake = FakePlivo(rate_limit=None, latency=0.005)
    service = Service(fake.generate(CALLS), is_async)
    app = Starlette(routes=[Route("/", service.export)], middleware=middleware)
    async with (
        fake.serve() as url,
        AsyncClient(
            fake.auth_id, fake.auth_token, base_url=url, rate_limit=None, middleware=[service.count]
        ) as service.client,
        serving(app) as address,
        asyncio.timeout(BOUND_SECONDS),
    ):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        await reader.readuntil(service.ids[0].encode())
        writer.transport.abort()

        while not service.left.is_set():
            # Starlette leaves it to Python to close a generator that it was not in when the client hung up.
            gc.collect()
            await asyncio.sleep(0.01)

        assert service.closed.is_set()
        assert (service.under_way, pool_of(service.client).busy) == (0, 0)
        assert len(fake.requests) < CALLS
