"""Sends requests by a client's pool in sight of the tools that watch httpx.

Other than on the plain way, a request and its response refer to each other here. So the request, with its
Authorization header, lives until the garbage collector runs, or as long as the tool keeps it.
"""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from attrs import field, frozen

from plivo_async._httpx import httpx
from plivo_async.transport import ConnectionPool
from plivo_async.watchers import client_is_watched, transport_is_watched

NO_AUTH = httpx.Auth()
_LANDED = "plivo_async.landed"
# How pytest-httpx reports a request that it does not know: as a time-out, after which a call would be tried
# again, and a batch would wait for the server.
_NO_RESPONSE = "No response can be found for "


@frozen
class _Landed:
    """What the pool made of a watched request.

    Attributes:
        bodies: Of the responses.
        causes: The failures, and the cause of each.
    """

    bodies: list[Any] = field(factory=list[Any])
    causes: list[tuple[httpx.HTTPError, BaseException | None]] = field(factory=list[Any])


class VisibleTransport(httpx.AsyncBaseTransport):
    """Sends by a pool, through the transport of httpx while a tool watches that.

    Args:
        pool: The pool.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        if transport_is_watched():
            # A late import: httpcore is not needed otherwise.
            from plivo_async.watched_transport import WatchedTransport

            transport = WatchedTransport(self._land, request)
            try:
                return await transport.handle_async_request(request)
            except httpx.TimeoutException as failure:
                reason = str(failure)
                if not reason.startswith(_NO_RESPONSE):
                    raise
            raise httpx.LocalProtocolError(reason, request=request)
        return await self._land(request)

    async def _land(self, request: httpx.Request) -> httpx.Response:
        landed: _Landed = request.extensions.get(_LANDED) or _Landed()
        try:
            response = await self._pool.handle_async_request(request)
        except httpx.HTTPError as failure:
            landed.causes.append((failure, failure.__cause__))
            raise
        landed.bodies.append(response.stream)
        return response


def visible_client(transport: VisibleTransport) -> httpx.AsyncClient:
    """Return a client for the tools that watch clients. It stores no cookies."""
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(transport=transport, trust_env=False, cookies=cookies)


async def send_watched(
    http_client: httpx.AsyncClient, transport: VisibleTransport, request: httpx.Request
) -> httpx.Response:
    """Send a request through the functions that tools have replaced.

    A tool may be cancelled when it has a response already. The connection of that is given back.
    """
    landed = _Landed()
    request.extensions[_LANDED] = landed
    headers = request.headers
    # A tool may append to them in each attempt.
    request.headers = headers.copy()
    try:
        if client_is_watched(type(http_client)):
            return await http_client.send(request, stream=True, auth=NO_AUTH, follow_redirects=False)
        return await transport.handle_async_request(request)
    except BaseException:
        for failure, cause in landed.causes:
            # httpcore has raised it again "from None".
            failure.__cause__ = cause
        for body in landed.bodies:
            await body.aclose()
        raise
    finally:
        request.headers = headers
        request.extensions.pop(_LANDED, None)
        # The traceback of a failure refers to this frame.
        landed.causes.clear()
