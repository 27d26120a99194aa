"""ConnectionPool: an httpx transport that cancellation cannot exhaust, at a constant cost per request."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakSet

from plivo_async._httpx import httpx
from plivo_async.errors import ClientClosedError
from plivo_async.exported import exported
from plivo_async.fair_semaphore import FairSemaphore
from plivo_async.secret import Secret
from plivo_async.transport.idle_connections import IdleConnections
from plivo_async.transport.proxy import Proxy, parse_proxy
from plivo_async.transport.request_extensions import (
    UNFINISHED_STEP,
    UNSENT,
    Origin,
    lane_of,
    notes_of,
    origin_of,
)
from plivo_async.transport.response_body import ResponseBody
from plivo_async.transport.tls import Verify, check_verify, ssl_context
from plivo_async.validation import finite_number, whole_number

if TYPE_CHECKING:
    from plivo_async.transport.connection import Connection
    from plivo_async.transport.response_reader import ResponseHead

Timeouts = Mapping[str, float | None]

_REPLAYABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
# A request given up after so long without a byte casts the same doubt on its connection as a timeout.
_SILENCE_SECONDS = 1.0
# How long one step of closing may take. A client takes two: its calls end, then its sockets close.
CLOSING_SECONDS = 0.5


@exported
class ConnectionPool(httpx.AsyncBaseTransport):
    """An httpx transport with a bounded number of HTTP/1.1 connections.

    It works under any `httpx.AsyncClient(transport=...)`. A cancelled request costs its own connection and no
    other; its slot is free again at once.

    If all `max_connections` are in use, requests queue in FIFO order. Those of a batch queue in a lane of
    their own, and lanes take turns. The pool timeout of httpx bounds the wait. `AsyncClient` sets none: its
    deadline bounds the wait.

    The pool reuses the connection that was used last, so that others expire. A server may close an idle
    connection just as a request is sent on it. The pool then sends the request once more on a new
    connection, unless repeating its method could do harm (RFC 9112 section 9.3.1). If a request on a reused
    connection fails without a byte of a response, its next attempt opens a new connection. The pool also
    closes the idle connections that have received nothing since.

    The pool sends http and https only. Of the extensions of httpx it reads `timeout`, `sni_hostname` and
    `target`, and refuses `trace`. Building a pool does no I/O and reads no file.

    Args:
        max_connections: How many connections may be open at once, with the idle ones; at least 1. At the
            limit, a request to a new origin closes the connection that has been idle the longest.
        keepalive_expiry: Seconds until an idle connection is closed, 0 or more. With 0 no connection is used
            twice.
        verify: How to check the certificate of an https server or proxy. True: against the CAs of httpx
            (certifi, or `SSL_CERT_FILE` and `SSL_CERT_DIR`). A path: against the CAs in that file only.
            False: not at all, which exposes the credentials. An `ssl.SSLContext` is used unchanged.
        proxy: The URL of an HTTP proxy, such as `http://user:password@proxy.example:3128`; None for no proxy.
            Without a scheme, `http://` is assumed. The pool sends https requests through a tunnel (CONNECT),
            and http requests to the proxy itself. It reads no environment variable for it.

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
        # A traceback may show this frame, and a user's proxy may have a password.
        given = Secret(proxy)
        del proxy
        # What the repr needs comes first: a traceback may show it of a pool that is not built.
        self._closed = False
        self._busy = 0
        self._max_connections = max_connections
        self._keepalive_expiry = keepalive_expiry
        self._idle = IdleConnections(keepalive_expiry)
        whole_number("max_connections", max_connections, least=1)
        finite_number("keepalive_expiry", keepalive_expiry, least=0.0)
        self._open: set[Connection] = set()
        self._verify = check_verify(verify)
        self._context: ssl.SSLContext | None = None
        self._proxy = given.value if isinstance(given.value, Proxy | None) else parse_proxy(given)
        self._slots = FairSemaphore(max_connections)
        # Those that met a dead connection: their next attempt opens a new one.
        self._disappointed: WeakSet[httpx.Request] = WeakSet()

    @property
    def busy(self) -> int:
        """How many connections are in use."""
        return self._busy

    @property
    def idle(self) -> int:
        """How many connections are kept open for the next request."""
        return self._idle.alive

    @property
    def max_connections(self) -> int:
        """How many connections may be open at once."""
        return self._max_connections

    @property
    def has_room(self) -> bool:
        """Whether the next request gets a connection without a wait."""
        return self._slots.free > 0

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"busy={self.busy}, idle={self.idle}"
        return f"ConnectionPool(max_connections={self._max_connections}, {state})"

    @property
    def proxy(self) -> Proxy | None:
        """The proxy that requests go through; None without one."""
        return self._proxy

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. It uses its connection until the body of the response is read or closed.

        Args:
            request: The request to send.

        Returns:
            A response whose body is not read.

        Raises:
            httpx.UnsupportedProtocol: The URL is neither http nor https, or names no host.
            httpx.PoolTimeout: No connection was free within the pool timeout.
            httpx.TransportError: The request could not be sent, or no response could be read.
            ClientClosedError: The pool is closed.
            ConfigurationError: An extension or the CA file cannot be used.
        """
        timeouts: Timeouts = request.extensions.get("timeout", {})
        origin = origin_of(request)
        if self._slots.free:
            self._slots.free -= 1
        else:
            await self._wait_for_slot(request, timeouts.get("pool"))
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
        """Close every connection, even those in use. Wait until their sockets are closed, at most 0.5 s."""
        self._closed = True
        self._idle.clear()
        self._slots.recall()
        closing = [connection.closed for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        if closing:
            await asyncio.wait(closing, timeout=CLOSING_SECONDS)

    def abandon(self) -> None:
        """Close the sockets of a pool whose event loop is closed, which cannot do so itself."""
        self._closed = True
        for connection in list(self._open):
            connection.abandon()

    def renewed(self) -> ConnectionPool:
        """Return a new pool with the same options, and without a connection."""
        return ConnectionPool(
            max_connections=self._max_connections,
            keepalive_expiry=self._keepalive_expiry,
            verify=self._verify,
            proxy=self._proxy,
        )

    async def _wait_for_slot(self, request: httpx.Request, timeout: float | None) -> None:
        if self._closed:
            raise _closed()
        clock, notes = asyncio.get_running_loop().time, notes_of(request)
        began, acquired = clock(), False
        try:
            async with asyncio.timeout(timeout):
                acquired = await self._slots.acquire(lane_of(request))
        except TimeoutError:
            raise httpx.PoolTimeout(f"no connection was free within {timeout:g} s", request=request) from None
        except asyncio.CancelledError:
            request.extensions[UNSENT] = True
            raise
        finally:
            if notes is not None:
                notes.connection_awaited(clock() - began, has_one=acquired)
        if not acquired:
            raise _closed()

    async def _exchange(
        self, request: httpx.Request, origin: Origin, timeouts: Timeouts
    ) -> tuple[Connection, ResponseHead]:
        began = asyncio.get_running_loop().time()
        doubtful = self._disappointed and request in self._disappointed
        idle = None if doubtful else self._idle.take(origin, began)
        if idle is not None:
            try:
                return idle, await self._ask(idle, request, origin, timeouts)
            except httpx.LocalProtocolError:
                raise
            except httpx.TransportError as failure:
                self._doubt(idle, request, origin, began)
                if not idle.hung_up or request.method not in _REPLAYABLE_METHODS:
                    raise
                if (notes := notes_of(request)) is not None:
                    notes.connection_closed(failure)
            except BaseException:
                # Cancelled, by a deadline perhaps that is shorter than the timeout.
                if asyncio.get_running_loop().time() - began >= _SILENCE_SECONDS:
                    self._doubt(idle, request, origin, began)
                raise
        connection = await self._connect(request, origin, timeouts)
        head = await self._ask(connection, request, origin, timeouts)
        self._disappointed.discard(request)
        return connection, head

    def _doubt(self, reused: Connection, request: httpx.Request, origin: Origin, began: float) -> None:
        """If not a byte was received, close the idle connections that may be as dead as this one."""
        if not reused.response_began:
            self._disappointed.add(request)
            self._idle.close_unproven(origin, began)

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
            self._idle.close_oldest()
        scheme, host, port, server_hostname = origin
        proxy = self._proxy
        context = self._ssl_context() if "https" in (scheme, proxy and proxy.url.scheme) else None
        connection = Connection(self._open.discard)
        self._open.add(connection)
        timeout = timeouts.get("connect")
        scope = asyncio.timeout(timeout)
        try:
            async with scope:
                if proxy is None:
                    await connection.open(host, port, context, server_hostname)
                else:
                    await connection.open(
                        proxy.host, proxy.port, context if proxy.url.scheme == "https" else None
                    )
                    if scheme == "https" and context is not None:
                        connection.step = (
                            f"opening a tunnel to {host}:{port} through the proxy {proxy.host}:{proxy.port}"
                        )
                        await connection.tunnel(
                            proxy.connect_request(host, port), context, server_hostname or host
                        )
        except TimeoutError as error:
            connection.abort()
            # The system gives up a connection too, after minutes.
            reason = f"{connection.step} took longer than {timeout:g} s" if scope.expired() else str(error)
            raise httpx.ConnectTimeout(reason, request=request) from error
        except OSError as error:
            connection.abort()
            self._check_open()
            reason = f"{connection.step}: {str(error) or type(error).__name__}"
            raise httpx.ConnectError(reason, request=request) from error
        except BaseException as error:
            connection.abort()
            if isinstance(error, asyncio.CancelledError):
                request.extensions[UNFINISHED_STEP] = connection.step
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
            raise _closed()

    def give_back(self, connection: Connection, origin: Origin) -> None:
        """End an exchange: keep its connection if it is reusable, and free its slot.

        Args:
            connection: The connection.
            origin: The scheme, host and port that it leads to.
        """
        if connection.reusable and not self._closed and self._keepalive_expiry > 0:
            connection.rest()
            self._idle.keep(connection, origin)
        else:
            connection.abort()
        self._free_slot()

    def _free_slot(self) -> None:
        self._busy -= 1
        self._slots.release()


def _closed() -> ClientClosedError:
    return ClientClosedError("the connection pool is closed")
