"""Whether a tool watches httpx: a tracer, an error tracker, a recorder or a mock.

These tools replace functions in classes of httpx and httpcore, at any time: before this package is imported,
after a client is built, for one test. So the functions are compared for each request, which costs less than a
microsecond. Nothing is sent here.
"""

from __future__ import annotations

import sys
from operator import attrgetter, is_
from types import FunctionType, SimpleNamespace

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
_OF_HTTPCORE = ("AsyncConnectionPool.handle_async_request", "AsyncHTTPConnection.handle_async_request")


class Watch:
    """Notices when a tool replaces one of the functions that a request of a client would call.

    Args:
        client_type: `httpx.AsyncClient`, or what a tool has put in its place.
    """

    def __init__(self, client_type: type) -> None:
        self._places = SimpleNamespace(client=client_type, transport=httpx.AsyncHTTPTransport)
        self._names = [*(f"client.{name}" for name in _OF_THE_CLIENT), "transport.handle_async_request"]
        self._knows_httpcore = False
        self._look_at()

    def _look_at(self, *names: str) -> None:
        self._names.extend(names)
        self._read = attrgetter(*self._names)
        # As they were last found when none was replaced.
        self._originals: tuple[object, ...] = (None,) * len(self._names)

    def is_on(self) -> bool:
        """Whether one of them is not the library's own at the moment."""
        if not self._knows_httpcore and "httpcore" in sys.modules:
            # Nothing of it can be replaced before.
            import httpcore

            self._knows_httpcore = True
            self._places.httpcore = httpcore
            self._look_at(*(f"httpcore.{name}" for name in _OF_HTTPCORE))
        try:
            found = self._read(self._places)
        except AttributeError:
            # A mock is in the place of a class.
            return True
        # By identity, because some wrappers are equal to what they wrap.
        if all(map(is_, found, self._originals)):
            return False
        if not all(map(is_original, found)):
            return True
        self._originals = found
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
    httpcore = sys.modules.get("httpcore")
    return httpcore is not None and not all(is_original(attrgetter(name)(httpcore)) for name in _OF_HTTPCORE)
