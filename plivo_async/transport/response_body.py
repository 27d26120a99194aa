"""ResponseBody: the body of a response of the pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from plivo_async._httpx import httpx

if TYPE_CHECKING:
    from plivo_async.transport.connection import Connection
    from plivo_async.transport.pool import ConnectionPool
    from plivo_async.transport.request_extensions import Origin


class ResponseBody(httpx.AsyncByteStream):
    """The body of a response, the `stream` of what the pool returns.

    Not a generator: asyncio closes an abandoned generator in a task of its own.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        connection: Connection,
        request: httpx.Request,
        origin: Origin,
        timeout: float | None,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._request = request
        self._origin = origin
        self._timeout = timeout
        self._closed = False

    def take(self, limit: int) -> bytes | None:
        """Return the whole body and release the connection, if all of it was received; None otherwise.

        A cheap alternative to iterating, for a stream that was not iterated before.

        Args:
            limit: Bytes that the body may have; a longer one is not taken.
        """
        content = None if self._closed else self._connection.take_body(limit)
        if content is not None:
            self._close()
        return content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            # The connection may serve another request by now.
            raise StopAsyncIteration
        try:
            chunk = await self._connection.body(self._request, self._timeout)
        except BaseException:
            self._close()
            raise
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self._close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._pool.give_back(self._connection, self._origin)
