"""ConnectionPool: an httpx transport that cancellation cannot exhaust, at a constant cost per request."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from plivo_async._httpx import httpx
from plivo_async.errors import ClientClosedError
from plivo_async.exported import exported
from plivo_async.transport.proxy import Proxy, parse_proxy
from plivo_async.transport.tls import Verify, check_verify, ssl_context
from plivo_async.urls import DEFAULT_PORTS
from plivo_async.validation import finite_number, whole_number

if TYPE_CHECKING:
    from plivo_async.transport.connection import Connection
    from plivo_async.transport.response_reader import ResponseHead

Origin = tuple[str, str, int]
Timeouts = Mapping[str, float | None]

_REPLAYABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
# How long one step of closing may take. A client takes two: its calls end, then its sockets close.
CLOSING_SECONDS = 0.5


@exported
class ConnectionPool(httpx.AsyncBaseTransport):
    """An httpx transport with a bounded number of HTTP/1.1 connections.

    It works under any `httpx.AsyncClient(transport=...)`. A cancelled request costs its own connection and no
    other; its slot is free again at once.

    If all `max_connections` are in use, requests queue in FIFO order. The pool has no timeout of its own:
    bound the wait with `deadline` or `asyncio.timeout()`. The connection used last is used next, so that
    those no longer needed expire. If the server closes an idle connection just as a request is sent on it,
    the request is sent once more on a new connection, unless repeating its method could do harm (RFC 9112
    section 9.3.1).

    Building a pool does no I/O and reads no file. Requests raise the transport errors of httpx,
    `ConfigurationError` if the CA file cannot be read, and `ClientClosedError` after `aclose()`.

    Args:
        max_connections: How many connections may be open at once, idle ones included; at least 1. At the
            limit, a request to a new origin closes the connection that has been idle the longest.
        keepalive_expiry: Seconds until an idle connection is closed. With 0 no connection is used twice.
        verify: How to check the certificate of an https server or proxy. True: against the CAs of httpx
            (certifi, or `SSL_CERT_FILE` and `SSL_CERT_DIR`). A path: against the CAs in that file only.
            False: not at all, which exposes the credentials. An `ssl.SSLContext` is used unchanged.
        proxy: The URL of an HTTP proxy, such as `http://user:password@proxy.example:3128`; without a scheme,
            `http://` is assumed. https requests are tunnelled (CONNECT), http requests are forwarded. The
            pool reads no environment variable for it.

    Raises:
        ConfigurationError: An option cannot be used.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        keepalive_expiry: float = 30.0,
        verify: Verify = True,
        proxy: str | Proxy | None = None,
    ) -> None:
        self._closed = False
        self._busy = 0
        self._idle: list[tuple[float, Origin, Connection]] = []
        self._open: set[Connection] = set()
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._max_connections = max_connections
        whole_number("max_connections", max_connections, least=1)
        self._keepalive_expiry = finite_number("keepalive_expiry", keepalive_expiry, least=0.0)
        self._verify = check_verify(verify)
        self._context: ssl.SSLContext | None = None
        self._proxy = proxy if proxy is None or isinstance(proxy, Proxy) else parse_proxy(proxy)
        self._slots = asyncio.Semaphore(max_connections)

    @property
    def busy(self) -> int:
        """Slots taken by requests under way."""
        return self._busy

    @property
    def idle(self) -> int:
        """Connections kept open for the next request."""
        return sum(not connection.lost for _, _, connection in self._idle)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"busy={self.busy}, idle={self.idle}"
        return f"ConnectionPool(max_connections={self._max_connections}, {state})"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. It holds its slot until the body of the response is read or closed.

        Raises:
            httpx.TransportError: The request could not be sent, or no response could be read.
            ClientClosedError: The pool is closed.
            ConfigurationError: The CA file cannot be read.
        """
        timeouts: Timeouts = request.extensions.get("timeout", {})
        origin = _origin(request.url)
        await self._slots.acquire()
        self._busy += 1
        try:
            connection, head = await self._exchange(request, origin, timeouts)
        except BaseException:
            self._free_slot()
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers,
            stream=ResponseBody(self, connection, request, origin, timeouts.get("read")),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """Close every connection, even those in use, and wait until their sockets are closed."""
        self._closed = True
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        self._idle.clear()
        closing = [connection.closed for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        if closing:
            await asyncio.wait(closing, timeout=CLOSING_SECONDS)

    async def _exchange(
        self, request: httpx.Request, origin: Origin, timeouts: Timeouts
    ) -> tuple[Connection, ResponseHead]:
        idle = self._take_idle(origin)
        if idle is not None:
            try:
                return idle, await self._ask(idle, request, origin, timeouts)
            except httpx.TransportError:
                if not idle.hung_up or request.method not in _REPLAYABLE_METHODS:
                    raise
        connection = await self._connect(request, origin, timeouts)
        return connection, await self._ask(connection, request, origin, timeouts)

    async def _ask(
        self, connection: Connection, request: httpx.Request, origin: Origin, timeouts: Timeouts
    ) -> ResponseHead:
        try:
            proxy = self._proxy if origin[0] == "http" else None
            await connection.send(request, timeouts.get("write"), proxy)
            return await connection.head(request, timeouts.get("read"))
        except BaseException:
            connection.abort()
            raise

    async def _connect(self, request: httpx.Request, origin: Origin, timeouts: Timeouts) -> Connection:
        # A late import: h11 takes as long to import as half of this package.
        from plivo_async.transport.connection import Connection

        self._check_open()
        if self._idle and self._busy + len(self._idle) > self._max_connections:
            self._idle.pop(0)[2].abort()
        scheme, host, port = origin
        proxy = self._proxy
        context = self._ssl_context() if "https" in (scheme, proxy and proxy.url.scheme) else None
        connection = Connection(self._open.discard)
        self._open.add(connection)
        try:
            async with asyncio.timeout(timeouts.get("connect")):
                if proxy is None:
                    await connection.open(host, port, context)
                else:
                    await connection.open(
                        proxy.host, proxy.port, context if proxy.url.scheme == "https" else None
                    )
                    if scheme == "https" and context is not None:
                        await connection.tunnel(proxy.connect_request(host, port), context, host)
        except TimeoutError as error:
            connection.abort()
            raise httpx.ConnectTimeout(str(error) or "no connection in time", request=request) from error
        except OSError as error:
            connection.abort()
            raise httpx.ConnectError(str(error) or type(error).__name__, request=request) from error
        except BaseException:
            connection.abort()
            raise
        try:
            self._check_open()
        except ClientClosedError:
            connection.abort()
            raise
        return connection

    def _ssl_context(self) -> ssl.SSLContext:
        # Made late, because it takes tens of milliseconds; kept, because it may have read a CA file.
        if self._context is None:
            self._context = ssl_context(self._verify)
        return self._context

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("the connection pool is closed")

    def _take_idle(self, origin: Origin) -> Connection | None:
        for index in range(len(self._idle) - 1, -1, -1):
            since, known, connection = self._idle[index]
            if known == origin:
                del self._idle[index]
                expired = since + self._keepalive_expiry <= _now()
                # Bytes sent between two exchanges must not pass for the response to the next request.
                if not (expired or connection.lost or connection.has_input):
                    return connection
                connection.abort()
        return None

    def give_back(self, connection: Connection, origin: Origin) -> None:
        """End an exchange: keep its connection if that is reusable, and free its slot."""
        if connection.reusable and not self._closed and self._keepalive_expiry > 0:
            connection.rest()
            self._idle.append((_now(), origin, connection))
            if self._expiry_timer is None:
                self._set_expiry_timer()
        else:
            connection.abort()
        self._free_slot()

    def _free_slot(self) -> None:
        self._busy -= 1
        self._slots.release()

    def _set_expiry_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._expiry_timer = loop.call_at(self._idle[0][0] + self._keepalive_expiry, self._expire)

    def _expire(self) -> None:
        self._expiry_timer = None
        while self._idle and self._idle[0][0] + self._keepalive_expiry <= _now():
            self._idle.pop(0)[2].abort()
        if self._idle:
            self._set_expiry_timer()


class ResponseBody(httpx.AsyncByteStream):
    """The body of a response, the `stream` of what the pool returns.

    Not a generator: asyncio closes an abandoned generator in a task of its own.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        connection: Connection,
        request: httpx.Request,
        origin: Origin,
        timeout: float | None,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._request = request
        self._origin = origin
        self._timeout = timeout
        self._closed = False

    def take(self, limit: int) -> bytes | None:
        """Return the whole body and release the connection, if all of it was received; None otherwise.

        A cheap alternative to iterating, for a stream that was not iterated before.

        Args:
            limit: Bytes that the body may have; a longer one is not taken.
        """
        content = None if self._closed else self._connection.take_body(limit)
        if content is not None:
            self._close()
        return content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            # The connection may serve another request by now.
            raise StopAsyncIteration
        try:
            chunk = await self._connection.body(self._request, self._timeout)
        except BaseException:
            self._close()
            raise
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self._close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._pool.give_back(self._connection, self._origin)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _origin(url: httpx.URL) -> Origin:
    scheme = url.scheme
    return scheme, url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS.get(scheme, 0)
