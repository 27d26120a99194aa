"""A lock that lanes take in turn: many waiters in one lane do not hold up the few in another."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

Lane = object
_Turns = OrderedDict[asyncio.Future[bool], None]


class FairLock:
    """Within a lane first come, first served. A cancelled wait takes nothing; a turn is never lost."""

    def __init__(self) -> None:
        self.held = False
        self._lanes: OrderedDict[Lane, _Turns] = OrderedDict()

    async def acquire(self, lane: Lane) -> bool:
        """Wait for a turn: True, to be given back by `release`. False, without one, after `recall`."""
        if not self.held:
            self.held = True
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
        """Hand the lock to the lane that has waited longest for its turn."""
        while self._lanes:
            lane, turns = self._lanes.popitem(last=False)
            while turns:
                turn, _ = turns.popitem(last=False)
                if not turn.done():
                    if turns:
                        # To the end of the round.
                        self._lanes[lane] = turns
                    turn.set_result(True)
                    return
        self.held = False

    def recall(self) -> None:
        """Send back all who wait, to look whether it is still worth it; who waits again keeps the order."""
        lanes, self._lanes = self._lanes, OrderedDict()
        for turns in lanes.values():
            for turn in turns:
                if not turn.done():
                    turn.set_result(False)

    def _leave(self, lane: Lane, turn: asyncio.Future[bool]) -> None:
        turns = self._lanes.get(lane)
        if turns is not None:
            turns.pop(turn, None)
            if not turns:
                del self._lanes[lane]
