"""Connections that wait for the next request, until they expire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plivo_async.transport.connection import Connection
    from plivo_async.transport.request_extensions import Origin


class IdleConnections:
    """Idle connections, in the order of their last use.

    Args:
        expiry_seconds: How long a connection may be idle.
    """

    def __init__(self, expiry_seconds: float) -> None:
        self._expiry_seconds = expiry_seconds
        self._entries: list[tuple[float, Origin, Connection]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def alive(self) -> int:
        """How many of them can be used."""
        return sum(not connection.lost for _, _, connection in self._entries)

    def take(self, origin: Origin, now: float) -> Connection | None:
        """Remove and return the connection to this origin that was used last; None if there is none."""
        for index in range(len(self._entries) - 1, -1, -1):
            since, known, connection = self._entries[index]
            if known == origin:
                del self._entries[index]
                expired = since + self._expiry_seconds <= now
                # Bytes sent between two exchanges must not pass for the response to the next request.
                if not (expired or connection.lost or connection.has_input):
                    return connection
                connection.abort()
        return None

    def keep(self, connection: Connection, origin: Origin) -> None:
        """Add a connection whose exchange has just ended."""
        loop = asyncio.get_running_loop()
        self._entries.append((loop.time(), origin, connection))
        if self._timer is None:
            self._set_timer(loop)

    def close_oldest(self) -> None:
        """Close the connection that has been idle the longest."""
        self._entries.pop(0)[2].abort()

    def close_unproven(self, origin: Origin, moment: float) -> None:
        """Close the connections to an origin that have received nothing since this moment."""
        kept: list[tuple[float, Origin, Connection]] = []
        for entry in self._entries:
            since, known, connection = entry
            if known == origin and since <= moment:
                connection.abort()
            else:
                kept.append(entry)
        self._entries = kept

    def clear(self) -> None:
        """Forget them all; none is closed."""
        self._entries.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at(self._entries[0][0] + self._expiry_seconds, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._entries and self._entries[0][0] + self._expiry_seconds <= loop.time():
            self.close_oldest()
        if self._entries:
            self._set_timer(loop)
