"""A server for a pool: it responds to GET requests, when it may."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"
BODY = b'{"a":1}'


class Server:
    """Responds to GET requests and counts its connections."""

    def __init__(self) -> None:
        self.url = ""
        self.opened = 0
        self.all_closed = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.delays: random.Random | None = None
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._open += 1
        self.all_closed.clear()
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await self.answer(head.split()[1].decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()
        self._open -= 1
        if not self._open:
            self.all_closed.set()

    async def answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        self.asked.put_nowait(path)
        await self.may_answer.wait()
        for part in (HEAD, BODY):
            if self.delays is not None:
                await asyncio.sleep(self.delays.random() * 0.005)
            writer.write(part)
            await writer.drain()


@asynccontextmanager
async def running(server: Server, context: ssl.SSLContext | None = None) -> AsyncGenerator[None, None]:
    """Run a server, until all its connections are closed."""
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    scheme = "http" if context is None else "https"
    server.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    async with listener:
        yield
        server.may_answer.set()
        if server.opened:
            await asyncio.wait_for(server.all_closed.wait(), 5)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncGenerator[Server, None]:
    """Run a new server."""
    server = Server()
    async with running(server, context):
        yield server
