"""Which of many 429s begins a pause, as far as their Retry-After alone shows it. Pure."""

from __future__ import annotations

import math

# A 429 without a Retry-After, and those of the requests in flight at that time.
_UNKNOWN_SECONDS = 1.0


class Pause:
    """The pause that the latest 429 asked for."""

    def __init__(self) -> None:
        self._until = -math.inf

    def begun(self, retry_after: float | None, now: float) -> float | None:
        """Return the seconds of the pause that a 429 begins; None for a 429 within one."""
        seconds = _UNKNOWN_SECONDS if retry_after is None else retry_after
        begins = now >= self._until
        self._until = max(self._until, now + seconds)
        return seconds if begins else None
