"""Serves an ASGI app on a loopback port, in a thread or in the running event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeAlias

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
Serving: TypeAlias = AbstractAsyncContextManager[None]

_HOST = "127.0.0.1"


@exported
class FakeServer:
    """Serves an app on 127.0.0.1 during a `with` block, in a thread, or an `async with` block, in this loop.

    Entering returns the URL. At the end connections are closed at once and requests in progress are
    cancelled. No signal handlers are installed, and uvicorn's loggers are not changed.

    Args:
        app: An ASGI 3 app.
        port: The port; 0 for a free one.

    Raises:
        ConfigurationError: On entering, if uvicorn is not installed.
        OSError: On entering, if the port is in use.
    """

    def __init__(self, app: App, port: int = 0) -> None:
        self._app = app
        self._port = port

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
        listener = socket.create_server((_HOST, self._port))
        return serving(self._app, listener), f"http://{_HOST}:{listener.getsockname()[1]}"

    def _run(self, serving: Serving) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_stopped(serving))

    async def _serve_until_stopped(self, serving: Serving) -> None:
        async with serving:
            await self._stop.wait()
