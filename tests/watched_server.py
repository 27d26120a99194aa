"""A server of the documented record that keeps the requests, for tests of what tools make of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from attrs import define, field

from tests.offline import RECORD


@define
class Server:
    """Responds with these statuses, then with 200.

    Attributes:
        requests: Those received.
    """

    url: str = ""
    statuses: list[int] = field(factory=list[int])
    requests: list[httpx.Request] = field(factory=list[httpx.Request])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
                method, path, _ = lines[0].split()
                headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:-2])]
                length = int(httpx.Headers(headers).get("content-length", 0))
                self.requests.append(
                    httpx.Request(
                        method,
                        httpx.URL(self.url).join(path),
                        headers=headers,
                        content=await reader.readexactly(length),
                    )
                )
                status = self.statuses.pop(0) if self.statuses else 200
                writer.write(
                    b"HTTP/1.1 %d X\r\nSet-Cookie: a=b\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, len(RECORD), RECORD)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def serving(*statuses: int, context: ssl.SSLContext | None = None) -> AsyncGenerator[Server, None]:
    """Run a server on loopback; with TLS, if there is a context."""
    server = Server(statuses=list(statuses))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.url = (
        f"{'http' if context is None else 'https'}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    )
    async with listener:
        yield server
