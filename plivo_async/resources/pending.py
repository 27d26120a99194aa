"""Pending: the calls of a batch that are still to be sent. It decides which is next, and sends nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from plivo_async.resources.holding import Gate
from plivo_async.resources.item import Item
from plivo_async.resources.source import Source


class Pending:
    """The calls to be read from a source, and before them those that were read and are to be sent.

    Args:
        source: Where the call UUIDs are read.
        gate: Whether calls may be sent.
        most_ahead: How many items may have been read whose outcome nobody has taken.

    Attributes:
        ahead: How many items have been read whose outcome nobody has taken.
        known_good: The call UUID of the latest record; None before the first.
    """

    def __init__(self, source: Source, gate: Gate, most_ahead: int) -> None:
        self._source = source
        self._gate = gate
        self._most_ahead = most_ahead
        self._again: deque[Item] = deque()
        self.ahead = 0
        self.known_good: Any = None

    @property
    def is_over(self) -> bool:
        """Whether no item is left."""
        return self._source.over and not self._again

    @property
    def has_failed(self) -> bool:
        """Whether an item that was read is to be sent again."""
        return bool(self._again)

    @property
    def can_read(self) -> bool:
        """Whether another item may be read."""
        source = self._source
        return not (source.over or source.pulling) and self.ahead < self._most_ahead

    def can_repeat(self, *, sending: bool) -> bool:
        """Return whether an item that failed is next; `sending`: whether others are under way."""
        if not self._again:
            return False
        # A call that failed waits for the success of another, unless there is no other.
        return self._gate.closed or self._again[0].is_due(self._gate) or not (sending or self.can_read)

    def repeated(self, *, sending: bool) -> Item | None:
        """Remove and return the item that is next if it was read before; None if another is to be read."""
        gate, again = self._gate, self._again
        if not gate.closed:
            return again.popleft() if self.can_repeat(sending=sending) else None
        # Every second probe asks for a call that was there before. If it responds, the service is not at
        # fault: the calls that fail are.
        if gate.probes % 2 and self.known_good is not None:
            return Item(0, self.known_good)
        if not again or (len(again) == 1 and gate.probes and self.can_read):
            return None
        return again.popleft()

    async def read(self) -> Item | None:
        """Read the next item; None at the end of the source."""
        pulled = await self._source.pull()
        if pulled is None:
            return None
        self.ahead += 1
        return Item(*pulled)

    def put_first(self, item: Item) -> None:
        """Keep an item that cannot be sent now, before all others."""
        self._again.appendleft(item)

    def put_last(self, item: Item) -> None:
        """Keep an item that failed and goes again, behind those that failed before it."""
        self._again.append(item)

    def stop(self) -> None:
        """Read nothing more, even if a task is waiting for the next item."""
        self._source.stop()

    def drain(self) -> Iterator[Item]:
        """Remove each item that was read and is to be sent."""
        while self._again:
            yield self._again.popleft()
