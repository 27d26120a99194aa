"""A lock that lanes take in turn: many waiters in one lane do not hold up the few in another."""

from __future__ import annotations

import asyncio
from collections import deque

Lane = object


class FairLock:
    """Within a lane first come, first served. A cancelled wait takes nothing; a turn is never lost."""

    def __init__(self) -> None:
        self.held = False
        self._lanes: dict[Lane, deque[asyncio.Future[None]]] = {}

    async def acquire(self, lane: Lane) -> None:
        """Wait for a turn."""
        if not self.held:
            self.held = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(lane, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Hand the lock to the lane that has waited longest for its turn."""
        while self._lanes:
            lane, waiting = next(iter(self._lanes.items()))
            del self._lanes[lane]
            turn = waiting.popleft()
            if waiting:
                # To the end of the round.
                self._lanes[lane] = waiting
            if not turn.done():
                turn.set_result(None)
                return
        self.held = False
