"""A semaphore that serves lanes in turn: many waiters in one lane do not delay the few in another."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

Lane = object
_Turns = OrderedDict[asyncio.Future[bool], None]


class FairSemaphore:
    """Permits for tasks in lanes: first come, first served within a lane, round robin between lanes.

    A cancelled waiter never keeps a permit, and no permit is lost.

    Args:
        permits: How many tasks may hold one at once; a lock is a semaphore with one.

    Attributes:
        free: How many permits nobody holds. While it is not 0, nobody waits.
    """

    def __init__(self, permits: int = 1) -> None:
        self.free = permits
        self._lanes: OrderedDict[Lane, _Turns] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many tasks wait."""
        return sum(len(turns) for turns in self._lanes.values())

    async def acquire(self, lane: Lane) -> bool:
        """Wait for a permit.

        Returns:
            True with a permit, to be given back by `release`. False without one, after `recall`.
        """
        if self.free:
            self.free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(lane, OrderedDict())[turn] = None
        try:
            return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                if turn.result():
                    self.release()
            else:
                self._leave(lane, turn)
            raise

    def release(self) -> None:
        """Hand the permit to the first waiter of the lane that has waited longest for its turn."""
        while self._lanes:
            lane, turns = self._lanes.popitem(last=False)
            while turns:
                turn, _ = turns.popitem(last=False)
                if _waits(turn):
                    if turns:
                        # To the end of the round.
                        self._lanes[lane] = turns
                    turn.set_result(True)
                    return
        self.free += 1

    def recall(self) -> None:
        """Wake every waiter with False, so that it checks again whether to wait.

        Waiters that acquire again keep their relative order.
        """
        lanes, self._lanes = self._lanes, OrderedDict()
        for turns in lanes.values():
            for turn in turns:
                if _waits(turn):
                    turn.set_result(False)

    def _leave(self, lane: Lane, turn: asyncio.Future[bool]) -> None:
        turns = self._lanes.get(lane)
        if turns is not None:
            turns.pop(turn, None)
            if not turns:
                del self._lanes[lane]


def _waits(turn: asyncio.Future[bool]) -> bool:
    # Tasks of a closed event loop can neither be woken nor hold a permit.
    return not turn.done() and not turn.get_loop().is_closed()
