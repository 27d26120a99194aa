"""WatchedTransport: the way of a request through httpx and httpcore into the client's own pool.

Imported only while a tool watches, because it imports httpcore.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import httpcore

from plivo_async._httpx import httpx
from plivo_async.watchers import httpcore_is_watched

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


class WatchedTransport(httpx.AsyncHTTPTransport):
    """Sends one request by `httpx.AsyncHTTPTransport.handle_async_request`, which a tool may have replaced.

    What the tool lets pass arrives at `send`. Under a mock nothing does.

    Args:
        send: Sends a request by the client's own pool.
        request: The request that `handle_async_request` will be called with.
    """

    def __init__(self, send: Send, request: httpx.Request) -> None:
        # `httpx.AsyncHTTPTransport.__init__` would load CAs for a pool of httpcore.
        kind = _HTTPCorePool if httpcore_is_watched() else _UnwatchedPool
        self._pool = kind(_Landing(send, request))


class _HTTPCorePool(httpcore.AsyncConnectionPool):
    """A pool of httpcore for one request, whose connection is a landing in the client's own pool."""

    def __init__(self, landing: _Landing) -> None:
        super().__init__()
        self._landing = landing

    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        # Opens no connection of its own: it has one, and a network that is none.
        connection = httpcore.AsyncHTTPConnection(origin, network_backend=httpcore.AsyncMockBackend([]))
        vars(connection)["_connection"] = self._landing
        return connection


class _UnwatchedPool(_HTTPCorePool):
    """The same without the way through httpcore."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        return await self._landing.handle_async_request(request)


class _Landing(httpcore.AsyncConnectionInterface):
    """Where a request leaves httpcore again: in the eyes of httpcore, a connection for one request."""

    def __init__(self, send: Send, request: httpx.Request) -> None:
        self._send = send
        self._request = request

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        response = await self._send(_as_httpx(request, self._request))
        return httpcore.Response(
            response.status_code,
            headers=response.headers.raw,
            content=response.stream,
            extensions=response.extensions,
        )

    def info(self) -> str:
        return "plivo_async"

    def is_idle(self) -> bool:
        return False

    def is_closed(self) -> bool:
        # So httpcore forgets it as soon as its request is over.
        return True


def _as_httpx(request: httpcore.Request, original: httpx.Request) -> httpx.Request:
    """Return a request of httpx: the original, which the pool may know already, if no tool has changed it."""
    url = request.url
    if (
        original.stream is request.stream
        and original.headers.raw == request.headers
        and original.method.encode("ascii") == request.method
        and original.extensions.get("target", original.url.raw_path) == url.target
        and original.url.raw_host == url.host
        and original.url.port == url.port
        and original.url.raw_scheme == url.scheme
    ):
        return original
    return httpx.Request(
        request.method.decode("ascii"),
        httpx.URL(
            scheme=url.scheme.decode("ascii"),
            host=url.host.decode("ascii"),
            port=url.port,
            raw_path=url.target,
        ),
        headers=request.headers,
        stream=cast(httpx.AsyncByteStream, request.stream),
        extensions=original.extensions,
    )
