"""ConnectionPool: an httpx transport, flat in CPU, that loses no connection to cancellation."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import httpx

from plivo_async.errors import ClientClosedError
from plivo_async.exported import exported
from plivo_async.transport.proxy import Proxy, parse_proxy
from plivo_async.transport.tls import Verify, check_verify, ssl_context
from plivo_async.urls import DEFAULT_PORTS
from plivo_async.validation import finite_number, whole_number

if TYPE_CHECKING:
    from plivo_async.transport.connection import Connection, ResponseHead

Origin = tuple[str, str, int]
Timeouts = Mapping[str, float | None]

_REPLAYABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_CLOSING_SECONDS = 0.5


@exported
class ConnectionPool(httpx.AsyncBaseTransport):
    """At most `max_connections` single connections, the one used last used next.

    It works under any `httpx.AsyncClient(transport=...)`. Who finds no connection free waits, first come,
    first served, for as long as the caller lets them: the pool has no timeout of its own. An idle
    connection is closed after `keepalive_expiry` seconds. A request that meets an idle connection just
    closed by the server is sent once more on a new one (RFC 9112 section 9.3.1).

    Raises: ConfigurationError for an option that cannot be used. Requests raise the transport errors of
    httpx, and ClientClosedError after `aclose()`.
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
        """Send one request; its slot is taken until the body of the answer is read or closed."""
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
        """Close every connection, those in use too; return once the event loop has closed their sockets."""
        self._closed = True
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        self._idle.clear()
        closing = [connection.closed for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        if closing:
            await asyncio.wait(closing, timeout=_CLOSING_SECONDS)

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
        # Here, because h11 takes as long to import as half of this package.
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
        # Late, because that takes tens of milliseconds; once, because a CA file would be read each time.
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
                # What the server sends between two exchanges must not pass for the answer to the next.
                if not (expired or connection.lost or connection.has_input):
                    return connection
                connection.abort()
        return None

    def give_back(self, connection: Connection, origin: Origin) -> None:
        """The body of an answer was read or given up: keep the connection if it is fit for more."""
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
    """The body of a response. No generator: one left unfinished would be closed in a task of its own."""

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

    def take(self) -> bytes | None:
        """Return the whole body and give the connection back, if all of it was received; else None.

        Cheaper than iterating, and for a stream that was not iterated.
        """
        content = None if self._closed else self._connection.take_body()
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
