"""Progress: what a batch and a list show of themselves while they run."""

from __future__ import annotations

import asyncio

from plivo_async.errors import ConfigurationError
from plivo_async.lifetime import running_loop
from plivo_async.resources.holding import Holding
from plivo_async.resources.lane import BatchLane


class Progress:
    """The clock and the counts of something that runs once.

    Args:
        lane: Through which it sends.

    Attributes:
        done (int): The number of outcomes.
        failed (int): The number of outcomes without a record.
    """

    def __init__(self, lane: BatchLane) -> None:
        self._lane = lane
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = 0.0
        self._ended: float | None = None
        self.done: int = 0
        self.failed: int = 0

    @property
    def elapsed(self) -> float:
        """Seconds since it began, until now or until its end."""
        return (self._now() if self._ended is None else self._ended) - self._began

    @property
    def rate(self) -> float:
        """Outcomes per second, over the whole time so far; 0 before it begins."""
        elapsed = self.elapsed
        return self.done / elapsed if elapsed > 0 else 0.0

    @property
    def holding(self) -> Holding | None:
        """Why nothing is sent at the moment, and until when; None while requests may be sent."""
        if self._loop is None or self._ended is not None:
            return None
        return self._lane.holding(self._now())

    def _text(self, **facts: object) -> str:
        state = "not begun" if self._loop is None else "under way" if self._ended is None else "ended"
        holding = self.holding
        why = "" if holding is None else f", holding: {holding.text(self._now())}"
        counts = {"done": self.done, "failed": self.failed, **facts}
        shown = ", ".join(f"{name}={value}" for name, value in counts.items())
        return f"<{type(self).__name__} {state}: {shown}{why}>"

    def _now(self) -> float:
        return self._began if self._loop is None else self._loop.time()

    def _begin(self, again: str) -> None:
        if self._loop is not None:
            raise ConfigurationError(again)
        self._loop = running_loop()
        self._began = self._now()

    def _end_clock(self) -> None:
        if self._ended is None:
            self._ended = self._now()
