"""The socket of a connection, as an asyncio protocol: opening, waiting, closing without a wait."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

from plivo_async._httpx import httpx
from plivo_async.transport.connect import open_socket


class SocketProtocol(asyncio.Protocol):
    """One socket, with or without TLS, that one task at a time waits for.

    Args:
        on_closed: Is called once, when the socket is closed.

    Attributes:
        closed: Is done when the socket is closed.
        step: The latest step of the opening, such as "looking up api.plivo.com".
    """

    def __init__(self, on_closed: Callable[[Any], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._socket: socket.socket | None = None
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._error: Exception | None = None
        self._eof = False
        self._poll: select.poll | None = None
        self._writable = True
        self._aborted = False
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.step = ""

    # Callbacks of asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def eof_received(self) -> None:
        self._eof = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._eof = True
        self._error = self._error or exc
        self._finish()
        self._wake()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._wake()

    # State.

    @property
    def lost(self) -> bool:
        """Whether the other side, an error or `abort()` ended the connection."""
        # A closing transport must not be used: uvloop's would raise RuntimeError.
        closing = self._transport is not None and self._transport.is_closing()
        return self._eof or self._aborted or closing

    @property
    def has_input(self) -> bool:
        """Whether the socket holds bytes, or its end, that the event loop has not read yet."""
        if not hasattr(select, "poll"):  # Windows
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(
                cast(asyncio.Transport, self._transport).get_extra_info("socket"), select.POLLIN
            )
        return bool(self._poll.poll(0))

    # Opening and closing.

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, server_hostname: str | None = None
    ) -> None:
        """Connect by TCP, and start TLS if a context is given.

        Args:
            host: A name or an address.
            port: The port to connect to.
            context: For TLS; None for none.
            server_hostname: The name that the certificate has to have; None for the host.

        Raises:
            OSError: No connection was made (`socket.gaierror`, `ssl.SSLError`, ...).
        """
        connected = await open_socket(host, port, self._note)
        # Not in one step with TLS: cancelled in the handshake, uvloop would keep its state for a minute.
        protocol: asyncio.Protocol = self if context is None else _Unread()
        try:
            plain, _ = await self._loop.create_connection(lambda: protocol, sock=connected)
        except BaseException:
            # The socket is closed by now, but uvloop does not call connection_lost().
            self._finish()
            raise
        self._socket = connected
        if context is not None:
            self._transport = plain
            await self.start_tls(context, server_hostname or host)

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Start TLS on the open socket.

        Raises:
            OSError: The handshake failed (`ssl.SSLError`, ...), or the connection was closed.
        """
        plain = cast(asyncio.Transport, self._transport)
        self.step = f"performing the TLS handshake with {server_hostname}"
        try:
            self._transport = await self._shake_hands(plain, context, server_hostname)
        except BaseException:
            # Until the handshake is done, asyncio does not call connection_lost().
            plain.abort()
            self._finish()
            raise

    def _note(self, step: str) -> None:
        self.step = step

    async def _shake_hands(
        self, plain: asyncio.Transport, context: ssl.SSLContext, server_hostname: str
    ) -> asyncio.Transport:
        if plain.is_closing():
            # The event loop would wait for the handshake, or raise a RuntimeError.
            raise ConnectionAbortedError("the connection was closed before TLS")
        secure = await self._loop.start_tls(plain, self, context, server_hostname=server_hostname)
        if secure is None or secure.is_closing():
            # asyncio reports an `abort()` in the handshake as a success.
            raise ConnectionAbortedError("the connection was closed during the TLS handshake")
        return secure

    def abort(self) -> None:
        """Close the socket now, without waiting; over TLS, send a close_notify if the socket takes it."""
        self._aborted = True
        if self._transport is None:
            self._finish()
        else:
            self._transport.close()
            self._transport.abort()
        self._wake()

    def abandon(self) -> None:
        """Close the socket of an event loop that is closed, without it."""
        self._aborted = True
        self._transport = None
        if self._socket is not None:
            self._socket.close()
        self._finish()

    # Bytes.

    def _write(self, data: bytes | None) -> bool:
        """Write to the socket, unless the connection is lost.

        Returns:
            Whether there was anything to write.
        """
        if not data:
            return False
        if not self.lost:
            cast(asyncio.Transport, self._transport).write(data)
        return True

    def _pause_reading(self) -> None:
        cast(asyncio.Transport, self._transport).pause_reading()

    def _resume_reading(self) -> None:
        if not self.lost:
            cast(asyncio.Transport, self._transport).resume_reading()

    async def _wait(
        self,
        timeout: float | None,
        on_timeout: Callable[..., httpx.TimeoutException],
        message: str,
        request: httpx.Request,
    ) -> None:
        """Wait until something happens to the socket."""
        waiter = self._waiter = self._loop.create_future()
        timer = None if timeout is None else self._loop.call_later(timeout, _settle, waiter, False)
        try:
            if not await waiter:
                raise on_timeout(f"{message} within {timeout:g} s", request=request)
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None:
            _settle(self._waiter, True)

    def _finish(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
            self._on_closed(self)


class _Unread(asyncio.Protocol):
    """Drops what a server sends before TLS, which might otherwise pass for a part of a response."""


def _settle(waiter: asyncio.Future[bool], result: bool) -> None:
    if not waiter.done():
        waiter.set_result(result)
