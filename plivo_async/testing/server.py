"""Serves an ASGI app on a port, of loopback by default, in a thread or in the running event loop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeAlias

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.validation import instance_of

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
Serving: TypeAlias = AbstractAsyncContextManager[None]

LOOPBACK = "127.0.0.1"
# This machine as it reaches itself, by an address that means every interface.
_LOCAL_NAMES = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - compared with, not bound to


@exported
class FakeServer:
    """Serves an app during a `with` block in a thread, or an `async with` block in this event loop.

    Entering returns the URL for this machine. The end of the block closes all connections and cancels the
    requests under way. The server installs no signal handlers, and does not change the loggers of uvicorn.

    Args:
        app: An ASGI 3 app.
        port: The port; 0 for a free one.
        host: The address to listen on. "0.0.0.0" and "::" mean every interface, for other machines too.

    Raises:
        ConfigurationError: The host is empty. On entering, if uvicorn is not installed.
        OSError: On entering, if the port is in use, or this machine does not have the address.
    """

    def __init__(self, app: App, port: int = 0, host: str = LOOPBACK) -> None:
        self._app = app
        self._port = port
        # A socket would take an empty name for every interface.
        if not instance_of("host", host, str):
            raise ConfigurationError("host must not be empty")
        self._host = host

    def __enter__(self) -> str:
        serving, url = self._listen()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(serving,), name="fake-plivo", daemon=True)
        self._thread.start()
        return url

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def __aenter__(self) -> str:
        self._serving, url = self._listen()
        await self._serving.__aenter__()
        return url

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._serving.__aexit__(None, None, None)

    def _listen(self) -> tuple[Serving, str]:
        try:
            from plivo_async.testing.protocol import serving
        except ModuleNotFoundError as missing:
            if str(missing.name).partition(".")[0] != "uvicorn":
                raise
            raise ConfigurationError(
                'serving a fake needs uvicorn: pip install "plivo-async[testing]"'
            ) from missing
        # Bound here, so that the URL is known and clients can connect before the loop runs.
        try:
            family, *_, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0]
        except UnicodeError:
            # A name that no DNS can have, such as one with two dots in a row.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
        listener = socket.create_server(address[:2], family=family)
        # Connections inherit it. Without it the body of a response waits about 40 ms for the ACK of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = _LOCAL_NAMES.get(self._host, self._host)
        return serving(self._app, listener), http_url(name, listener.getsockname()[1])

    def _run(self, serving: Serving) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_stopped(serving))

    async def _serve_until_stopped(self, serving: Serving) -> None:
        async with serving:
            await self._stop.wait()


def http_url(host: str, port: int) -> str:
    """Return the URL of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_every_interface(host: str) -> bool:
    """Return whether a host to listen on means every interface."""
    return host in _LOCAL_NAMES


def is_beyond_loopback(host: str) -> bool:
    """Return whether other machines may reach a server that listens on a host."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
