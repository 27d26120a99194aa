"""One HTTP/1.1 connection: requests and responses over a socket.

h11 is bypassed where the outcome is certain: see `request_writer` and `response_reader`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import h11

from plivo_async._httpx import httpx
from plivo_async.transport.proxy import Proxy
from plivo_async.transport.request_writer import RequestWriter
from plivo_async.transport.response_reader import ResponseHead, ResponseReader
from plivo_async.transport.socket_protocol import SocketProtocol

# Of the size line of a chunk, or of trailers; both are read by regular expressions that may be slow.
_MAX_LINE_BYTES = 1024
_HIGH_WATER_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_EVENTS_IN_A_ROW = 32


class Connection(SocketProtocol):
    """Sends one request at a time and returns its response piece by piece.

    After any exception, `CancelledError` included, the connection is unusable: `abort()` it.
    """

    def __init__(self, on_closed: Callable[[Any], None]) -> None:
        super().__init__(on_closed)
        self._use(_new_machine())
        self._unread = 0
        self._events = 0
        self._in_use = True
        self.response_began = False

    def _use(self, machine: h11.Connection) -> None:
        self._writer = RequestWriter(machine)
        self._reader = ResponseReader(machine)

    def data_received(self, data: bytes) -> None:
        if not self._in_use:
            # A response to no request: the next request must not take it for its own.
            self.abort()
            return
        self.response_began = True
        self._reader.received += data
        self._unread += len(data)
        if self._unread > _HIGH_WATER_BYTES:
            self._pause_reading()
        self._wake()

    @property
    def hung_up(self) -> bool:
        """Whether the other side ended the connection with no byte of a response to the last request."""
        return self._eof and not self.response_began

    @property
    def reusable(self) -> bool:
        """Whether the exchange ended so cleanly that another may follow."""
        return not self.lost and self._reader.clean

    def rest(self) -> None:
        """End the exchange: until the next one, no byte is expected."""
        if not self._reader.simple:
            self._reader.rest()
        self._in_use = False

    async def send(self, request: httpx.Request, timeout: float | None, proxy: Proxy | None = None) -> None:
        """Send a request, body and all, to its server, or to a proxy that forwards it.

        Raises:
            httpx.WriteTimeout: The server took no bytes for `timeout` seconds.
            httpx.LocalProtocolError: HTTP does not allow a header.
        """
        body = await request.aread()
        self.response_began = False
        self._in_use = True
        # No head is in a local: credentials must not be in the frame of a task that waits.
        self._reader.simple = not body and proxy is None and self._write(self._writer.known_get(request))
        if body:
            self._write(self._writer.head(request, proxy))
            for start in range(0, len(body), _PIECE_BYTES):
                self._write(self._writer.data(request, body[start : start + _PIECE_BYTES]))
                await self._taken(request, timeout)
            self._write(self._writer.end(request))
        elif not self._reader.simple:
            self._write(self._writer.without_body(request, proxy))
        if not self._writable:
            await self._taken(request, timeout)

    async def _taken(self, request: httpx.Request, timeout: float | None) -> None:
        while not (self._writable or self.lost):
            await self._wait(timeout, httpx.WriteTimeout, "the request was not taken", request)

    async def head(self, request: httpx.Request, timeout: float | None) -> ResponseHead:
        """Status and headers of the final response; 1xx responses before it are skipped.

        Raises:
            httpx.ReadTimeout: Nothing was received for `timeout` seconds.
            httpx.ReadError: The connection failed, or was closed on this side.
            httpx.RemoteProtocolError: The response is not HTTP, or ends too early.
        """
        reader = self._reader
        if reader.simple:
            while not reader.received:
                await self._more(request, timeout)
            head = reader.simple_head()
            if head is not None:
                return head
        while True:
            event = await self._event(request, timeout)
            if isinstance(event, h11.Response):
                return reader.head(event)

    def take_body(self, limit: int) -> bytes | None:
        """Return the body at once, if it is no longer than `limit` bytes and all received; None otherwise."""
        reader = self._reader
        if not reader.simple or not len(reader.received) == reader.missing <= limit:
            return None
        return reader.take(reader.missing)

    async def body(self, request: httpx.Request, timeout: float | None) -> bytes:
        """The next piece of the body, b"" at its end.

        Raises:
            httpx.ReadTimeout: Nothing was received for `timeout` seconds.
            httpx.ReadError: The connection failed, or was closed on this side.
            httpx.RemoteProtocolError: The body is not framed as HTTP demands, or ends too early.
        """
        reader = self._reader
        if reader.simple:
            while reader.missing and not reader.received:
                await self._more(request, timeout)
            return reader.take(reader.missing)
        while reader.in_body:
            event = await self._event(request, timeout)
            if type(event) is h11.Data and event.data:
                return bytes(event.data)
        return b""

    async def tunnel(self, request: httpx.Request, context: ssl.SSLContext, server_hostname: str) -> None:
        """Open a tunnel through a proxy (CONNECT, RFC 9110 section 9.3.6), and start TLS with the server.

        Raises:
            httpx.ProxyError: The proxy refused, or sent more than its response.
            httpx.TransportError: As `send` and `head` raise it.
        """
        await self.send(request, None)
        response = await self.head(request, None)
        if not 200 <= response.status_code < 300:
            reason = response.reason.decode("ascii", "replace")
            raise httpx.ProxyError(
                f"the proxy responded with {response.status_code} {reason}", request=request
            )
        if self._reader.unasked:
            # A TLS server never speaks first.
            raise httpx.ProxyError("the proxy sent more than its response", request=request)
        self._use(_new_machine())
        await self.start_tls(context, server_hostname)

    async def _event(self, request: httpx.Request, timeout: float | None) -> h11.Event:
        while True:
            event = self._reader.next_event(request)
            self._events += 1
            if self._events % _EVENTS_IN_A_ROW == 0:
                # For many small ones in one packet: other tasks, and the deadline, have their turn.
                await asyncio.sleep(0)
            if event is not None:
                return event
            ended = self._eof and self.response_began and not (self._aborted or self._error)
            if not self._reader.feed(request, ended=ended):
                await self._more(request, timeout)

    async def _more(self, request: httpx.Request, timeout: float | None) -> None:
        unread, self._unread = self._unread, 0
        if self._aborted:
            raise httpx.ReadError("the connection was closed on this side", request=request)
        if self._error is not None:
            raise httpx.ReadError(str(self._error), request=request) from self._error
        if self._eof and not self.response_began:
            raise httpx.RemoteProtocolError(
                "the server closed the connection without a response", request=request
            )
        if self._eof:
            raise httpx.RemoteProtocolError(
                f"the server closed the connection with {self._reader.missing} bytes of the body missing",
                request=request,
            )
        self._events = 0
        if unread > _HIGH_WATER_BYTES:
            self._resume_reading()
        await self._wait(timeout, httpx.ReadTimeout, "nothing was received", request)


def _new_machine() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_LINE_BYTES)
