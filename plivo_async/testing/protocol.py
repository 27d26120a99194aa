"""A server made of uvicorn's HTTP protocol. The only module that imports uvicorn.

It uses inner classes of uvicorn, `H11Protocol` and `ServerState`, because `uvicorn.Server` installs signal
handlers, writes to loggers of the user's servers, and checks only ten times a second whether to stop. A new
version of uvicorn may break this, so the tests run with the lowest and the newest one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from plivo_async.testing.replies import CLOSE

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

# Large enough for hundreds of connections opened at once, which would otherwise wait for a repeated SYN.
BACKLOG = 2048
_KEEPALIVE_SECONDS = 60

_logger = logging.getLogger("plivo_async.testing")


class _Connection(H11Protocol):
    """A connection that the app can close, for `Drop`."""

    def __init__(self, config: Config, state: ServerState, connections: set[_Connection]) -> None:
        super().__init__(config, state, {})
        # uvicorn's loggers belong to the user's servers. This one reports exceptions in a test's functions.
        self.logger = _logger
        self.access_log = False
        self._all = connections
        self.lost = self.loop.create_future()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._all.add(self)
        self.app_state[CLOSE] = transport.close

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._all.discard(self)
        self.lost.set_result(None)


@asynccontextmanager
async def serving(app: App, listener: socket.socket) -> AsyncGenerator[None, None]:
    """Serve an app on a listening socket and close the socket at the end.

    At the end connections are closed at once and requests in progress are cancelled.
    """
    stopping = False

    async def run(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            # Raised by the cancellation below, which uvicorn would log as an error.
            if not stopping:
                raise

    config = Config(
        run,
        http=_Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        proxy_headers=False,
        timeout_keep_alive=_KEEPALIVE_SECONDS,
    )
    config.load()
    state = ServerState()
    connections: set[_Connection] = set()
    with listener:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Connection(config, state, connections), sock=listener, backlog=BACKLOG
        )
        try:
            yield
        finally:
            stopping = True
            # asyncio leaks sockets that it accepted just before its server is closed. So stop accepting, let
            # accepted sockets become connections, then close the server. uvloop has no remove_reader for
            # a listener and accepts until it is closed.
            with suppress(NotImplementedError):
                loop.remove_reader(listener)
            await _some_turns()
            server.close()
            await _some_turns()
            left = list(connections)
            for connection in left:
                connection.transport.abort()
            # A request in progress must learn that its client is gone before it is cancelled.
            await asyncio.gather(*(connection.lost for connection in left))
            tasks = list(state.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _some_turns() -> None:
    """Let the event loop turn accepted sockets into connections."""
    for _ in range(3):
        await asyncio.sleep(0)
