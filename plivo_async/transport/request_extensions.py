"""What the pool reads in a request besides its method, headers and body."""

from __future__ import annotations

from typing import Protocol

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.fair_semaphore import Lane
from plivo_async.urls import DEFAULT_PORTS

# Scheme, host and port of a URL, and the name that the server's certificate has to have, if not the host.
Origin = tuple[str, str, int, str | None]


class _Limits(Protocol):
    lane: Lane


class Notes(Protocol):
    """Notes what happens to the request of a call."""

    def connection_awaited(self, seconds: float, *, has_one: bool) -> None:
        """Note that the wait for a connection has ended, and whether there is one."""
        ...

    def connection_closed(self, failure: BaseException) -> None:
        """Note that the request is sent once more, because the server had closed the connection."""
        ...


class _Call(Protocol):
    limits: _Limits
    notes: Notes


def origin_of(request: httpx.Request) -> Origin:
    """Return where a request goes; only requests to the same origin share connections.

    Raises:
        httpx.UnsupportedProtocol: The URL is neither http nor https, or names no host.
        ConfigurationError: An extension cannot be used.
    """
    url, extensions = request.url, request.extensions
    scheme, host, port = url.scheme, url.raw_host.decode("ascii"), url.port
    if scheme not in DEFAULT_PORTS or not host:
        raise httpx.UnsupportedProtocol(
            f"a URL must begin with http:// or https:// and name a host, not begin with {scheme!r}",
            request=request,
        )
    if "trace" in extensions:
        raise ConfigurationError("a ConnectionPool does not support the extension 'trace'")
    server_hostname: str | None = None
    if scheme == "https" and "sni_hostname" in extensions:
        server_hostname = extensions["sni_hostname"]
        if not isinstance(server_hostname, str) or not server_hostname:
            raise ConfigurationError("the extension 'sni_hostname' must be a host name, a str")
    return scheme, host, DEFAULT_PORTS[scheme] if port is None else port, server_hostname


UNSENT = "plivo_async.unsent"
"""The extension of a request that was cancelled while it waited for a connection."""

UNFINISHED_STEP = "plivo_async.unfinished_step"
"""The extension of a request that was cancelled while its connection was opened: the step it was in."""


def lane_of(request: httpx.Request) -> Lane:
    """Return whose queue a request waits in; None for one without a lane."""
    # What `context.CallState` attaches, which knows more of the package than a transport should.
    call: _Call | None = request.extensions.get("plivo_async")
    return None if call is None else call.limits.lane


def notes_of(request: httpx.Request) -> Notes | None:
    """Return what notes the fate of a request; None for one that belongs to no call."""
    call: _Call | None = request.extensions.get("plivo_async")
    return None if call is None else call.notes
