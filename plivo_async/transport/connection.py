"""One HTTP/1.1 connection: h11 over an asyncio transport. Closing it waits for nothing.

h11 is bypassed where the outcome is certain. It writes the first GET on a connection; the next GET with the
same headers is written from the same bytes. `simple_response` reads the response to that if it can; any other
response goes to h11 as it was received.
"""

from __future__ import annotations

import asyncio
import re
import select
import ssl
from collections.abc import Callable
from typing import NamedTuple, cast

import h11

from plivo_async._httpx import httpx
from plivo_async.transport.connect import open_socket
from plivo_async.transport.proxy import Proxy
from plivo_async.transport.response_head import InvalidHeadError, find_head
from plivo_async.transport.simple_response import Headers, read_simple_response

# Of the size line of a chunk, or of trailers; both are read by regular expressions that may be slow.
_MAX_LINE_BYTES = 1024
_CHUNKED_STEP_BYTES = 2 * 1024
_HIGH_WATER_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_EVENTS_IN_A_ROW = 32
_TARGET = re.compile(rb"[!-~]+")
# Enough for h11 to read the response to a GET that it did not write.
_ANY_GET = h11.Request(method="GET", target="/", headers=[("host", "")])


class ResponseHead(NamedTuple):
    """Status and headers of a final response; `http_version` such as b"1.1"."""

    status_code: int
    reason: bytes
    headers: Headers
    http_version: bytes


class Connection(asyncio.Protocol):
    """Sends one request at a time and returns its response piece by piece.

    After any exception, `CancelledError` included, the connection is unusable: `abort()` it.
    """

    def __init__(self, on_closed: Callable[[Connection], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._h11 = _new_h11()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._error: Exception | None = None
        self._eof = False
        # Bytes that neither h11 nor a caller has yet.
        self._received = bytearray()
        self._unread = 0
        self._events = 0
        # The headers of a GET, and what h11 wrote of it after the target.
        self._known_headers: Headers | None = None
        self._known_head = b""
        # Whether this exchange bypasses h11, and how many bytes of its body no caller has yet.
        self._simple = False
        self._missing = 0
        self._chunked = False
        self._poll: select.poll | None = None
        self._writable = True
        self._in_use = True
        self._aborted = False
        # Two framing headers may be an attempt at smuggling (RFC 9112 section 6.3): do not reuse.
        self._ambiguous = False
        self.response_began = False
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # Callbacks of asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._in_use:
            # A response to no request: the next request must not take it for its own.
            self.abort()
            return
        self.response_began = True
        self._received += data
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

    # State, as the pool needs it.

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

    @property
    def hung_up(self) -> bool:
        """Whether the other side ended the connection with no byte of a response to the last request."""
        return self._eof and not self.response_began

    @property
    def reusable(self) -> bool:
        """Whether the exchange ended so cleanly that another may follow."""
        if self.lost or self._received:
            return False
        if self._simple:
            return not self._missing
        return (
            not self._ambiguous
            and self._h11.our_state is h11.DONE
            and self._h11.their_state is h11.DONE
            and not self._h11.trailing_data[0]
        )

    def rest(self) -> None:
        """End the exchange: until the next one, no byte is expected."""
        if not self._simple:
            self._h11.start_next_cycle()
        self._in_use = False

    def abort(self) -> None:
        """Close the socket now, without waiting; over TLS, send a close_notify if the socket takes it."""
        self._aborted = True
        if self._transport is None:
            self._finish()
        else:
            self._transport.close()
            self._transport.abort()
        self._wake()

    # Requests and responses.

    async def open(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Connect by TCP, and start TLS if a context is given.

        Raises:
            OSError: No connection was made (`socket.gaierror`, `ssl.SSLError`, ...).
        """
        connected = await open_socket(host, port)
        try:
            await self._loop.create_connection(
                lambda: self, sock=connected, ssl=context, server_hostname=host if context else None
            )
        except BaseException:
            # The socket is closed by now, but uvloop does not call connection_lost().
            self._finish()
            raise

    async def send(self, request: httpx.Request, timeout: float | None, proxy: Proxy | None = None) -> None:
        """Send a request, body and all, to its server, or to a proxy that forwards it.

        Raises:
            httpx.WriteTimeout: The server took no bytes for `timeout` seconds.
            httpx.LocalProtocolError: HTTP does not allow a header.
        """
        body = await request.aread()
        self.response_began = False
        self._in_use = True
        self._simple = not body and proxy is None and self._write_known_get(request)
        if body:
            self._write_head(request, proxy)
            for start in range(0, len(body), _PIECE_BYTES):
                self._write_event(request, h11.Data(data=body[start : start + _PIECE_BYTES]))
                await self._taken(request, timeout)
            self._write_event(request, h11.EndOfMessage())
        elif not self._simple:
            self._write_without_body(request, proxy)
        if not self._writable:
            await self._taken(request, timeout)

    async def _taken(self, request: httpx.Request, timeout: float | None) -> None:
        while not (self._writable or self.lost):
            await self._wait(timeout, httpx.WriteTimeout, "the request was not taken", request)

    # Heads are written outside of send(): credentials must not be in the frame of a task that waits.

    def _write_known_get(self, request: httpx.Request) -> bool:
        """Write a GET without h11, if h11 has written one with the same headers."""
        target = request.url.raw_path
        if (
            request.headers.raw != self._known_headers
            or request.method != "GET"
            or not _TARGET.fullmatch(target)
        ):
            return False
        self._write(b"GET " + target + self._known_head)
        return True

    def _write_without_body(self, request: httpx.Request, proxy: Proxy | None) -> None:
        head = self._write_head(request, proxy)
        end = self._write_event(request, h11.EndOfMessage())
        # Not DONE is a connection that the request wants closed or upgraded.
        if request.method == "GET" and proxy is None and not end and self._h11.our_state is h11.DONE:
            self._known_headers = request.headers.raw
            self._known_head = head[len(b"GET ") + len(request.url.raw_path) :]

    def _write_head(self, request: httpx.Request, proxy: Proxy | None) -> bytes:
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
        return self._write_event(request, event)

    def _write_event(self, request: httpx.Request, event: h11.Event) -> bytes:
        try:
            out = self._h11.send(event) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
        self._write(out)
        return out

    def _write(self, data: bytes) -> None:
        if data and not self.lost:
            cast(asyncio.Transport, self._transport).write(data)

    async def head(self, request: httpx.Request, timeout: float | None) -> ResponseHead:
        """Status and headers of the final response; 1xx responses before it are skipped.

        Raises:
            httpx.ReadTimeout: Nothing was received for `timeout` seconds.
            httpx.ReadError: The connection failed, or was closed on this side.
            httpx.RemoteProtocolError: The response is not HTTP, or ends too early.
        """
        if self._simple:
            while not self._received:
                await self._more(request, timeout)
            found = read_simple_response(bytes(self._received))
            if found is not None:
                self._received[:] = found.content
                self._missing = len(found.content) + found.missing
                return ResponseHead(found.status_code, found.reason, found.headers, b"1.1")
            # h11 has to read this one.
            self._simple = False
            self._h11.send(_ANY_GET)
            self._h11.send(h11.EndOfMessage())
        while True:
            event = await self._event(request, timeout)
            if isinstance(event, h11.Response):
                names = {name for name, _ in event.headers}
                self._chunked = b"transfer-encoding" in names
                self._ambiguous = self._chunked and b"content-length" in names
                return ResponseHead(
                    event.status_code, event.reason, event.headers.raw_items(), event.http_version
                )

    def take_body(self, limit: int) -> bytes | None:
        """Return the body at once, if it is no longer than `limit` bytes and all received; None otherwise."""
        if not self._simple or not len(self._received) == self._missing <= limit:
            return None
        return self._take(self._missing)

    async def body(self, request: httpx.Request, timeout: float | None) -> bytes:
        """The next piece of the body, b"" at its end.

        Raises:
            httpx.ReadTimeout: Nothing was received for `timeout` seconds.
            httpx.ReadError: The connection failed, or was closed on this side.
            httpx.RemoteProtocolError: The body is not framed as HTTP demands, or ends too early.
        """
        if self._simple:
            while self._missing and not self._received:
                await self._more(request, timeout)
            return self._take(self._missing)
        while self._h11.their_state is h11.SEND_BODY:
            event = await self._event(request, timeout)
            if type(event) is h11.Data and event.data:
                return bytes(event.data)
        return b""

    def _take(self, most: int) -> bytes:
        taken = bytes(self._received[:most])
        del self._received[: len(taken)]
        self._missing -= len(taken)
        return taken

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
            raise httpx.ProxyError(f"the proxy answered {response.status_code} {reason}", request=request)
        if self._received or self._h11.trailing_data[0]:
            # A TLS server never speaks first.
            raise httpx.ProxyError("the proxy sent more than its answer", request=request)
        self._h11 = _new_h11()
        plain = cast(asyncio.Transport, self._transport)
        try:
            self._transport = await self._loop.start_tls(
                plain, self, context, server_hostname=server_hostname
            )
        except BaseException:
            # Until the handshake is done, asyncio does not call connection_lost().
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
                # For many small ones in one packet: other tasks, and the deadline, have their turn.
                await asyncio.sleep(0)
            if event is not h11.NEED_DATA:
                # Not by isinstance: h11.Event is an abstract class, slow to check.
                return cast(h11.Event, event)
            if not self._feed(request):
                await self._more(request, timeout)

    def _feed(self, request: httpx.Request) -> bool:
        """Hand h11 what it may read next, never so much that it takes long; whether there was any."""
        size = len(self._received)
        if self._h11.their_state is not h11.SEND_BODY:
            try:
                size = find_head(self._received)
            except InvalidHeadError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from None
        elif self._chunked:
            size = min(size, _CHUNKED_STEP_BYTES)
        if size:
            self._h11.receive_data(bytes(self._received[:size]))
            del self._received[:size]
        elif self._eof and self.response_began and not (self._aborted or self._error):
            # The end of a body, or too early an end; h11 decides.
            self._h11.receive_data(bytes(self._received))
            self._received.clear()
            self._h11.receive_data(b"")
            return True
        return size > 0

    async def _more(self, request: httpx.Request, timeout: float | None) -> None:
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
            raise httpx.RemoteProtocolError(
                f"the server closed the connection with {self._missing} bytes of the body missing",
                request=request,
            )
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
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_LINE_BYTES)
