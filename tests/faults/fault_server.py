"""A server that plays a script, byte for byte, over a real socket.

While a script stalls, the clock of the event loop runs fast: no test waits, and none depends on the speed of
the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Self, cast

_RESET = struct.pack("ii", 1, 0)


class Clock:
    """Replaces the clock of an event loop by one that a test can move forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._real = loop.time
        self._ahead = 0.0
        self.step = 0.1
        loop.time = self  # type: ignore[method-assign]

    def __call__(self) -> float:
        return self._real() + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += seconds

    async def tick(self) -> None:
        """Run the event loop once and move the clock forward by `step` seconds."""
        self._ahead += self.step
        await asyncio.sleep(0)

    async def fly(self) -> None:
        """Keep the clock moving until cancelled."""
        while True:
            await self.tick()


class HungUpError(Exception):
    """The client ended the connection."""


class Wire(asyncio.Protocol):
    """One connection, as a script sees it."""

    def __init__(self, server: FaultServer) -> None:
        self.server = server
        self.hung_up = False
        self.closed = asyncio.Event()
        self._received = bytearray()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    # Callbacks of asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = self.socket = cast(asyncio.Transport, transport)
        # Reading begins with the script: the first bytes may belong to a TLS handshake.
        self.transport.pause_reading()
        self.server.play(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._news.set()

    def eof_received(self) -> bool:
        self.hung_up = True
        self._news.set()
        return self.transport.get_extra_info("ssl_object") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self.hung_up = True
        self._news.set()
        self._writable.set()
        self.closed.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Steps of a script.

    async def shake_hands(self, context: ssl.SSLContext) -> None:
        """Start TLS."""
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                self.transport, self, context, server_side=True
            )
        except (OSError, ssl.SSLError):
            # asyncio does not call connection_lost() after a failed handshake.
            self.closed.set()
            raise HungUpError from None
        self.transport = cast(asyncio.Transport, upgraded)

    async def request(self) -> bytes:
        """Read the head of the next request."""
        while b"\r\n\r\n" not in self._received:
            if self.hung_up:
                raise HungUpError
            self._news.clear()
            await self._news.wait()
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self._received = bytearray(rest)
        self.server.met(head)
        return head

    async def unread(self) -> None:
        """Record a connection whose request is ignored."""
        self.server.met(b"")

    async def send(self, data: bytes) -> None:
        self.transport.write(data)
        # Even an endless script yields to the event loop.
        await asyncio.sleep(0)
        await self._writable.wait()

    async def fin(self) -> None:
        """End the connection cleanly."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
            await self.stall()
        self.transport.close()

    async def reset(self) -> None:
        """Reset the connection (RST) once the client has read the bytes sent."""
        for _ in range(5):
            await asyncio.sleep(0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    async def stall(self) -> None:
        """Send nothing until the client hangs up, while the clock runs fast."""
        while not self.hung_up:
            await self.server.clock.tick()

    async def keep(self) -> None:
        """Leave the connection open for another request."""


Step = Callable[[Wire], Awaitable[None]]


class FaultServer:
    """Plays one step of `script` per request, and repeats the last one.

    `requests` holds the heads that arrived (b"" for a connection that a step left unread), `times` when.
    """

    def __init__(self, clock: Clock, *script: Step, tls: ssl.SSLContext | None = None) -> None:
        self.clock = clock
        self.script = list(script)
        self.requests: list[bytes] = []
        self.times: list[float] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self._tls = tls
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def met(self, head: bytes) -> None:
        self.requests.append(head)
        self.times.append(asyncio.get_running_loop().time())
        self.asked.set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Wire(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        await self._server.wait_closed()

    async def until_asked(self, requests: int) -> None:
        """Wait until that many requests have arrived."""
        while len(self.requests) < requests:
            self.asked.clear()
            await self.asked.wait()

    async def idle(self) -> None:
        """Wait until every connection is closed on both sides, including those not yet accepted."""
        for _ in range(10):
            await asyncio.sleep(0)
        while self.tasks:
            ended, _ = await asyncio.wait(self.tasks, timeout=60.0)
            assert ended, "the client left a connection open"

    def play(self, wire: Wire) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._play(wire))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _play(self, wire: Wire) -> None:
        try:
            with contextlib.suppress(HungUpError):
                if self._tls is not None:
                    await wire.shake_hands(self._tls)
                wire.transport.resume_reading()
                while not (wire.hung_up or wire.transport.is_closing()):
                    step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    await step(wire)
        finally:
            wire.transport.close()
        await wire.closed.wait()
