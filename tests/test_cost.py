"""What one `calls.get` costs, counted instead of timed: function calls, and coroutines that wait for others.

Only functions of the package count. Each bound is a few above the count when it was set. A new feature may
need a few more: then `python -m tests.benchmarks.paired` shows what it costs next to the commit before, and
the bound is raised.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import CodeType, CoroutineType, FrameType
from typing import Any, cast

import plivo_async
from plivo_async import AsyncClient, RateLimit
from tests.benchmarks.local_server import AUTH_ID, CALL_UUID, RECORD, UNLIMITED

_PACKAGE = str(Path(plivo_async.__file__).parent)
_MOST_FUNCTION_CALLS = 152
_MOST_COROUTINES = 13
_REPETITIONS = 5


class Server(asyncio.Protocol):
    """Sends the documented record for each request, unless it is silent."""

    def __init__(self) -> None:
        self.silent = False
        self.asked = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert data.endswith(b"\r\n\r\n")
        self.asked.set()
        if not self.silent:
            self.respond()

    def respond(self) -> None:
        assert self._transport is not None
        body = RECORD.read_bytes()
        # In one piece, so that the client reads head and body in one step.
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@asynccontextmanager
async def warm_client(server: Server) -> AsyncGenerator[AsyncClient, None]:
    """A client that has one connection, on which it has sent two requests."""
    listener = await asyncio.get_running_loop().create_server(lambda: server, "127.0.0.1", 0)
    async with listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with AsyncClient(AUTH_ID, "token", base_url=url, rate_limit=RateLimit(UNLIMITED)) as client:
            await client.calls.get(CALL_UUID)
            await client.calls.get(CALL_UUID)
            yield client


@contextmanager
def counted() -> Generator[Counter[str], None, None]:
    """The calls of the package's functions in a block. A coroutine that is resumed counts again."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and is_ours(frame.f_code):
            calls[name(frame.f_code)] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def waiting(coroutine: Coroutine[Any, Any, Any]) -> list[str]:
    """The package's coroutines that wait for each other, the outermost first."""
    names: list[str] = []
    link: object = coroutine
    while isinstance(link, CoroutineType):
        if is_ours(link.cr_code):
            names.append(name(link.cr_code))
        link = link.cr_await
    return names


def is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_PACKAGE)


def name(code: CodeType) -> str:
    return f"{Path(code.co_filename).stem}.{code.co_name}"


async def test_a_get_takes_few_function_calls() -> None:
    async with warm_client(Server()) as client:
        with counted() as calls:
            for _ in range(_REPETITIONS):
                await client.calls.get(CALL_UUID)
    per_get = calls.total() / _REPETITIONS
    assert per_get <= _MOST_FUNCTION_CALLS, (
        f"one get calls {per_get:g} functions of the package, more than {_MOST_FUNCTION_CALLS}. Look for a "
        f"loop or a layer that is new among those called most in {_REPETITIONS}: {calls.most_common(30)}"
    )


async def test_few_coroutines_wait_for_a_response() -> None:
    server = Server()
    async with warm_client(server) as client:
        server.silent = True
        server.asked.clear()
        getting = client.calls.get(CALL_UUID)
        task = asyncio.create_task(getting)
        await server.asked.wait()
        names = waiting(getting)
        server.respond()
        await task
    assert names[0] == "calls.get"
    assert len(names) <= _MOST_COROUTINES, (
        f"{len(names)} coroutines of the package wait for a response, more than {_MOST_COROUTINES}. Each is "
        f"resumed for each response. Look for a layer that could return an awaitable instead: {names}"
    )
