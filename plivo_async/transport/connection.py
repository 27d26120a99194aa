"""One HTTP/1.1 connection: h11 over an asyncio transport. Closing it waits for nothing."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Callable
from typing import cast

import h11
import httpx

from plivo_async.transport.connect import open_socket
from plivo_async.transport.proxy import Proxy

_MAX_HEADER_BYTES = 100 * 1024
_HIGH_WATER_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_EVENTS_IN_A_ROW = 32


class Connection(asyncio.Protocol):
    """Sends one request at a time and hands out its answer piece by piece.

    After any exception, `CancelledError` included, the connection is of no more use: `abort()` it.
    """

    def __init__(self, on_closed: Callable[[Connection], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._h11 = _new_h11()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._error: Exception | None = None
        self._eof = False
        self._unread = 0
        self._events = 0
        self._writable = True
        self._in_use = True
        self._aborted = False
        # Two lengths may be an attempt at smuggling (RFC 9112 section 6.3): no other exchange follows.
        self._ambiguous = False
        self.response_began = False
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._in_use:
            # An answer to nothing: whatever it is, the next request must not take it for its own.
            self.abort()
            return
        self.response_began = True
        self._h11.receive_data(data)
        self._unread += len(data)
        if self._unread > _HIGH_WATER_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

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

    # What the pool asks.

    @property
    def lost(self) -> bool:
        """Whether the other side, an error or `abort()` ended the connection."""
        # A transport that closes may be asked for nothing: uvloop's would raise RuntimeError.
        closing = self._transport is not None and self._transport.is_closing()
        return self._eof or self._aborted or closing

    @property
    def has_input(self) -> bool:
        """Whether bytes, or the end of the connection, have come that the event loop has not seen yet."""
        if not hasattr(select, "poll"):  # Windows
            return False
        poll = select.poll()
        poll.register(cast(asyncio.Transport, self._transport).get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    @property
    def hung_up(self) -> bool:
        """Whether the other side ended the connection with no byte of an answer to the last request."""
        return self._eof and not self.response_began

    @property
    def reusable(self) -> bool:
        """Whether the exchange ended so cleanly that another may follow."""
        return (
            not self.lost
            and not self._ambiguous
            and self._h11.our_state is h11.DONE
            and self._h11.their_state is h11.DONE
            and not self._h11.trailing_data[0]
        )

    def rest(self) -> None:
        """The exchange is over: until the next one, no byte is expected."""
        self._h11.start_next_cycle()
        self._in_use = False

    def abort(self) -> None:
        """Close the socket now, with a TLS close_notify where it fits; nothing is waited for."""
        self._aborted = True
        if self._transport is None:
            self._finish()
        else:
            self._transport.close()
            self._transport.abort()
        self._wake()

    # One exchange.

    async def open(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Connect by TCP, and TLS if a context is given.

        Raises: OSError (`ssl.SSLError` is one, `socket.gaierror` another).
        """
        connected = await open_socket(host, port)
        try:
            await self._loop.create_connection(
                lambda: self, sock=connected, ssl=context, server_hostname=host if context else None
            )
        except BaseException:
            # It has closed the socket, of which uvloop tells nobody.
            self._finish()
            raise

    async def send(self, request: httpx.Request, timeout: float | None, proxy: Proxy | None = None) -> None:
        """Send a request, body and all, to its server, or to a proxy that passes it on.

        Raises: httpx.WriteTimeout, httpx.LocalProtocolError (a header that HTTP does not allow).
        """
        body = await request.aread()
        self._write_head(request, proxy)
        for start in range(0, len(body), _PIECE_BYTES):
            self._write(request, h11.Data(data=body[start : start + _PIECE_BYTES]))
            await self._taken(request, timeout)
        self._write(request, h11.EndOfMessage())
        await self._taken(request, timeout)

    async def _taken(self, request: httpx.Request, timeout: float | None) -> None:
        while not (self._writable or self.lost):
            await self._wait(timeout, httpx.WriteTimeout, "the request was not taken", request)

    def _write_head(self, request: httpx.Request, proxy: Proxy | None) -> None:
        # Apart from send(), because the credentials must not be in the frame of a task that waits.
        self.response_began = False
        self._in_use = True
        headers = request.headers.raw
        target = request.url.raw_path
        if request.method == "CONNECT":
            target = request.headers["host"].encode("ascii")
        elif proxy is not None:
            target = str(request.url).encode("ascii")
            headers = [*headers, *proxy.headers]
        try:
            event = h11.Request(method=request.method, target=target, headers=headers)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
        self._write(request, event)

    def _write(self, request: httpx.Request, event: h11.Event) -> None:
        try:
            out = self._h11.send(event)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
        if out and not self.lost:
            cast(asyncio.Transport, self._transport).write(out)

    async def head(self, request: httpx.Request, timeout: float | None) -> h11.Response:
        """Status and headers of the final answer; 1xx answers before it are passed over.

        Raises: httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError.
        """
        while True:
            event = await self._event(request, timeout)
            if isinstance(event, h11.Response):
                names = {name.lower() for name, _ in event.headers.raw_items()}
                self._ambiguous = b"transfer-encoding" in names and b"content-length" in names
                return event

    async def body(self, request: httpx.Request, timeout: float | None) -> bytes:
        """The next piece of the body, b"" at its end.

        Raises: httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError.
        """
        while self._h11.their_state is h11.SEND_BODY:
            event = await self._event(request, timeout)
            if type(event) is h11.Data and event.data:
                return bytes(event.data)
        return b""

    async def tunnel(self, request: httpx.Request, context: ssl.SSLContext, server_hostname: str) -> None:
        """Have a proxy open a way to a server (CONNECT, RFC 9110 section 9.3.6), and speak TLS with that.

        Raises: httpx.ProxyError, and what `send` and `head` raise.
        """
        await self.send(request, None)
        answer = await self.head(request, None)
        if not 200 <= answer.status_code < 300:
            reason = answer.reason.decode("ascii", "replace")
            raise httpx.ProxyError(f"the proxy answered {answer.status_code} {reason}", request=request)
        if self._h11.trailing_data[0]:
            # A TLS server never speaks first.
            raise httpx.ProxyError("the proxy sent more than its answer", request=request)
        self._h11 = _new_h11()
        plain = cast(asyncio.Transport, self._transport)
        try:
            self._transport = await self._loop.start_tls(
                plain, self, context, server_hostname=server_hostname
            )
        except BaseException:
            # Before the handshake is done asyncio tells nobody that the connection is lost.
            plain.abort()
            self._finish()
            raise

    async def _event(self, request: httpx.Request, timeout: float | None) -> h11.Event:
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from error
            if event is h11.PAUSED:
                raise httpx.RemoteProtocolError("the server switched protocols", request=request)
            self._events += 1
            if self._events % _EVENTS_IN_A_ROW == 0:
                # Many small ones in one packet: others, and the deadline, have their turn.
                await asyncio.sleep(0)
            if event is not h11.NEED_DATA:
                # Not told by isinstance: h11.Event is an abstract class, which is slow to ask.
                return cast(h11.Event, event)
            self._unread = 0
            if self._aborted:
                raise httpx.ReadError("the connection was closed on this side", request=request)
            if self._error is not None:
                raise httpx.ReadError(str(self._error), request=request) from self._error
            if self._eof and not self.response_began:
                raise httpx.RemoteProtocolError(
                    "the server closed the connection without an answer", request=request
                )
            if self._eof:
                self._h11.receive_data(b"")
                continue
            if not self.lost:
                cast(asyncio.Transport, self._transport).resume_reading()
            await self._wait(timeout, httpx.ReadTimeout, "nothing was received", request)

    async def _wait(
        self,
        timeout: float | None,
        on_timeout: Callable[..., httpx.TimeoutException],
        message: str,
        request: httpx.Request,
    ) -> None:
        self._events = 0
        waiter = self._waiter = self._loop.create_future()
        timer = None if timeout is None else self._loop.call_later(timeout, _settle, waiter, False)
        try:
            if not await waiter:
                raise on_timeout(f"{message} within {timeout:g} s", request=request)
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _finish(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
            self._on_closed(self)

    def _wake(self) -> None:
        if self._waiter is not None:
            _settle(self._waiter, True)


def _settle(waiter: asyncio.Future[bool], result: bool) -> None:
    if not waiter.done():
        waiter.set_result(result)


def _new_h11() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEADER_BYTES)
