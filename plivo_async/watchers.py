"""Whether a tool watches httpx: a tracer, an error tracker, a recorder or a mock.

These tools replace functions in classes of httpx and httpcore, at any time: before this package is imported,
after a client is built, for one test. So the functions are compared for each request, which costs less than a
microsecond. Nothing is sent here.
"""

from __future__ import annotations

import sys
from types import FunctionType, SimpleNamespace
from typing import Any

from plivo_async._httpx import httpx

_LIBRARIES = frozenset({"httpx", "httpcore"})
# What `httpx.AsyncClient.send` calls on its way to the transport. A subclass may be in the place of the class
# and replace `__init__`, to wrap the transport of each new client.
_OF_THE_CLIENT = (
    "__init__",
    "send",
    "_send_handling_auth",
    "_send_handling_redirects",
    "_send_single_request",
    "_transport_for_url",
)
_NOT_IMPORTED = SimpleNamespace(handle_async_request=None)


class Watch:
    """Notices when a tool replaces one of the functions that a request of a client would call.

    Args:
        client_type: `httpx.AsyncClient`, or what a tool has put in its place.
    """

    def __init__(self, client_type: type) -> None:
        self._client: Any = client_type
        self._pool: Any = _NOT_IMPORTED
        self._connection: Any = _NOT_IMPORTED
        # As they were last found when none was replaced.
        self._originals: tuple[object, ...] = (None,) * 8

    def is_on(self) -> bool:
        """Whether one of them is not the library's own at the moment."""
        client = self._client
        send, auth, redirects, single, choice, transport, pool, connection = self._originals
        try:
            # Written out, because this is on the way of each request. By identity, because some wrappers are
            # equal to what they wrap. Nothing of httpcore can be replaced before it is imported.
            if (
                client.send is send
                and client._send_handling_auth is auth
                and client._send_handling_redirects is redirects
                and client._send_single_request is single
                and client._transport_for_url is choice
                and httpx.AsyncHTTPTransport.handle_async_request is transport
                and self._pool.handle_async_request is pool
                and self._connection.handle_async_request is connection
                and (pool is not None or "httpcore" not in sys.modules)
            ):
                return False
        except AttributeError:
            # A mock is in the place of the class.
            return True
        if client_is_watched(client) or transport_is_watched():
            return True
        if "httpcore" in sys.modules:
            import httpcore

            self._pool, self._connection = httpcore.AsyncConnectionPool, httpcore.AsyncHTTPConnection
        self._originals = (
            client.send,
            client._send_handling_auth,
            client._send_handling_redirects,
            client._send_single_request,
            client._transport_for_url,
            httpx.AsyncHTTPTransport.handle_async_request,
            self._pool.handle_async_request,
            self._connection.handle_async_request,
        )
        return False


def is_original(function: object) -> bool:
    """Whether httpx or httpcore itself defines a function.

    `functools.wraps` copies the name and the module of a function, but not its globals. Other wrappers are no
    plain functions.
    """
    if type(function) is not FunctionType:
        return False
    module: str = function.__globals__.get("__name__", "")
    return module.partition(".")[0] in _LIBRARIES


def client_is_watched(client_type: type) -> bool:
    """Whether a tool has replaced a function of a class of clients, or the class."""
    return not all(is_original(getattr(client_type, name, None)) for name in _OF_THE_CLIENT)


def transport_is_watched() -> bool:
    """Whether a tool watches the transport of httpx, or httpcore underneath."""
    return not is_original(httpx.AsyncHTTPTransport.handle_async_request) or httpcore_is_watched()


def httpcore_is_watched() -> bool:
    """Whether a tool watches httpcore."""
    if "httpcore" not in sys.modules:
        return False
    import httpcore

    classes = (httpcore.AsyncConnectionPool, httpcore.AsyncHTTPConnection)
    return not all(is_original(kind.handle_async_request) for kind in classes)
