"""The two ways to send a request: the client's own pool, or a borrowed client of httpx or httpx2."""

from __future__ import annotations

import platform
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from attrs import frozen

from plivo_async._httpx import httpx
from plivo_async._version import __version__
from plivo_async.credentials import Credentials
from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr
from plivo_async.transport import ConnectionPool
from plivo_async.watched import NO_AUTH, VisibleTransport, send_watched, visible_client
from plivo_async.watchers import Watch

_USER_AGENT = f"plivo_async/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"


class HTTPClient(Protocol):
    """An `httpx.AsyncClient`, or one of httpx2, which is not imported to name its type."""

    @property
    def is_closed(self) -> bool:
        """Whether its owner closed it."""
        ...

    async def send(
        self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...
    ) -> Any:
        """Send a request of the client's own kind."""
        ...


@frozen
class Sender:
    """Sends one request, without retries or redirects, and leaves the body of its response to be read.

    Attributes:
        http_client: The wrapped or borrowed client.
        send: Sends a request.
        pool: The client's own, to be closed with it; None under a borrowed client.
    """

    http_client: HTTPClient
    send: Callable[[httpx.Request], Awaitable[httpx.Response]]
    pool: ConnectionPool | None = None

    def renewed(self) -> Sender:
        """Return a sender with a new pool like its own; this one, if it has a borrowed client."""
        return self if self.pool is None else pool_sender(self.pool.renewed())


def pool_sender(pool: ConnectionPool) -> Sender:
    """Return a sender that hands requests straight to a pool, unless a tool watches httpx.

    `httpx.AsyncClient.send` would double the time of a call: it handles cookies, redirects and
    authentication, and none of these may carry anything from one response into the next request. It also
    makes a reference cycle of request and response, which would keep the credentials until it is collected.
    While a tool watches, requests pass through it nevertheless.
    """
    transport = VisibleTransport(pool)
    http_client = visible_client(transport)
    watch = Watch(type(http_client))

    def send(request: httpx.Request) -> Awaitable[httpx.Response]:
        if watch.is_on():
            return send_watched(http_client, transport, request)
        return pool.handle_async_request(request)

    return Sender(http_client, send, pool)


def borrowed_sender(http_client: Any) -> Sender:
    """Return a sender through a client of the user, without that client's authentication and redirects.

    Raises:
        ConfigurationError: Not an AsyncClient of httpx or httpx2.
    """
    if isinstance(http_client, httpx.AsyncClient):
        borrowed = http_client

        def send(request: httpx.Request) -> Awaitable[httpx.Response]:
            return borrowed.send(request, stream=True, auth=NO_AUTH, follow_redirects=False)

        return Sender(borrowed, send)
    # A client of httpx2 exists only if httpx2 is imported.
    httpx2: Any = sys.modules.get("httpx2")
    if httpx2 is not None and isinstance(http_client, httpx2.AsyncClient):
        from plivo_async.httpx2_client import send_through

        return Sender(http_client, send_through(http_client))
    raise ConfigurationError(
        f"http_client must be an AsyncClient of httpx or httpx2, not {short_repr(http_client)}"
    )


def request_headers(root: httpx.URL, credentials: Credentials) -> httpx.Headers:
    """Return the headers that every request carries."""
    basic = b64encode(f"{credentials.auth_id}:{credentials.auth_token}".encode("ascii")).decode("ascii")
    return httpx.Headers(
        {
            "Host": root.netloc.decode("ascii"),
            "Accept": "application/json",
            # A record fits into one packet: to compress it would only cost time.
            "Accept-Encoding": "identity",
            "User-Agent": _USER_AGENT,
            "Authorization": f"Basic {basic}",
        }
    )
