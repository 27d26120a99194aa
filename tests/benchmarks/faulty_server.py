"""A local server on a bad day, in a process of its own: it responds to a part of the requests with a fault.

With `-m` it prints its port and serves until its input ends. Argument: the seed of its draws.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import httpx

from plivo_async.testing import FakePlivo
from tests.benchmarks.local_server import AUTH_ID, RECORD, process

_SHARE_OF_FAULTS = 0.16
_SHARE_OF_SLOW_BODIES = 0.2
_LONGEST_LATENCY_SECONDS = 0.02
_DRIP_SECONDS = 0.05
_SECONDS_BETWEEN_OUTAGES = (15.0, 25.0)
_OUTAGE_SECONDS = (0.5, 1.5)
_RESET = struct.pack("ii", 1, 0)
_BODY = RECORD.read_bytes()
_CALL_UUID = b"5607532d-5037-4066-befc-a8b40218dd4f"
LISTED = 100
# The first response to such an id is a 404.
_LATE = b"late-"

End: TypeAlias = Literal["keep", "close", "reset", "silent"]
Fault: TypeAlias = Callable[[bytes], tuple[bytes, End]]


def running(seed: int) -> AbstractContextManager[int]:
    """The port of a server process that lives as long as the block."""
    return process("-m", "tests.benchmarks.faulty_server", str(seed))


def _response(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def _busy(status: bytes, *headers: bytes) -> Fault:
    return lambda _: (_response(b"{}", *headers, status=status), "keep")


# Weight, and the fault. A body of several parts is sent with pauses.
_FAULTS: list[tuple[int, Fault]] = [
    (6, lambda _: (b"", "reset")),
    (4, lambda _: (b"", "close")),
    (4, lambda _: (b"", "silent")),
    (4, lambda whole: (whole[:-200], "reset")),
    (4, lambda whole: (whole[:-200], "close")),
    (4, lambda whole: (whole[:-200], "silent")),
    (4, lambda whole: (whole, "reset")),
    (4, lambda whole: (whole, "close")),
    (4, lambda whole: (whole.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), "close")),
    (2, lambda whole: (whole + b"junk", "keep")),
    (4, lambda whole: (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + whole, "keep")),
    (2, lambda _: (b"\xde\xad\xbe\xef\r\n\r\n", "silent")),
    (2, lambda _: (_response(b"<html>"), "keep")),
    (2, lambda _: (_response(b""), "keep")),
    (6, _busy(b"500 Oh")),
    (6, _busy(b"503 Busy")),
    (2, _busy(b"503 Busy", b"Retry-After: 1")),
    (3, _busy(b"404 Not Found")),
    (3, _busy(b"429 Too Many Requests", b"Retry-After: 0")),
    (1, _busy(b"429 Too Many Requests", b"Retry-After: 1")),
    (1, _busy(b"429 Too Many Requests")),
]


class _Service:
    def __init__(self, seed: int) -> None:
        self.draws = random.Random(seed)
        self.transports: set[asyncio.Transport] = set()
        self.late: set[bytes] = set()
        fake = FakePlivo(rate_limit=None, auth_id=AUTH_ID)
        now = datetime.now(UTC)
        fake.generate(LISTED, since=now - timedelta(days=2), until=now - timedelta(hours=1))
        self.lists = httpx.AsyncClient(
            transport=httpx.ASGITransport(fake),
            base_url="http://fake",
            auth=(fake.auth_id, fake.auth_token),
        )

    async def body(self, target: bytes) -> bytes | None:
        """Return the record or the page of a list; None for a record that comes later."""
        path, _, query = target.partition(b"?")
        name = path.rstrip(b"/").rsplit(b"/", 1)[1]
        if query:
            return (await self.lists.get(target.decode())).content
        if name.startswith(_LATE) and name not in self.late:
            self.late.add(name)
            return None
        self.late.discard(name)
        return _BODY.replace(_CALL_UUID, name)

    async def parts(self, target: bytes) -> AsyncGenerator[tuple[bytes, End], None]:
        """Yield the parts of a response, and what becomes of the connection after each."""
        await asyncio.sleep(self.draws.uniform(0.0, _LONGEST_LATENCY_SECONDS))
        body = await self.body(target)
        if body is None:
            yield _response(b"{}", status=b"404 Not Found"), "keep"
            return
        whole = _response(body)
        if self.draws.random() >= _SHARE_OF_FAULTS:
            yield whole, "keep"
        elif self.draws.random() < _SHARE_OF_SLOW_BODIES:
            size = 1 + len(whole) // self.draws.choice((2, 10, 50))
            for start in range(0, len(whole), size):
                yield whole[start : start + size], "keep"
                await asyncio.sleep(_DRIP_SECONDS)
        else:
            weights, faults = zip(*_FAULTS, strict=True)
            yield self.draws.choices(faults, weights)[0](whole)

    async def outages(self, server: asyncio.Server) -> None:
        """Now and then refuse connections for a while, and reset those that are open."""
        port = server.sockets[0].getsockname()[1]
        while True:
            await asyncio.sleep(self.draws.uniform(*_SECONDS_BETWEEN_OUTAGES))
            server.close()
            for transport in list(self.transports):
                _reset(transport)
            await asyncio.sleep(self.draws.uniform(*_OUTAGE_SECONDS))
            server = await self.listen(port)

    async def listen(self, port: int = 0) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Responding(self), "127.0.0.1", port)


class _Responding(asyncio.Protocol):
    def __init__(self, service: _Service) -> None:
        self._service = service
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._service.transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._service.transports.discard(self._transport)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received:
            target = self._received.split(b" ", 2)[1]
            self._received = b""
            self._task = asyncio.ensure_future(self._respond(target))

    async def _respond(self, target: bytes) -> None:
        transport = self._transport
        assert transport is not None
        async for part, end in self._service.parts(target):
            if transport.is_closing():
                return
            transport.write(part)
            if end == "reset":
                _reset(transport)
            elif end == "close":
                transport.close()


def _reset(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()


async def _serve(seed: int) -> None:
    service = _Service(seed)
    server = await service.listen()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    outages = asyncio.create_task(service.outages(server))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    outages.cancel()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
