"""How many requests a rate limit lets pass now. Pure: the time is passed in."""

from __future__ import annotations

from collections import deque

from attrs import define, field


@define(eq=False)
class SlidingLog:
    """A sliding-window log, kept by the times of the responses.

    A server counts a request at some time before it responds. A permit is therefore in use from the request
    until `per` seconds after its response. Then no window of the server holds more than `limit` requests,
    wherever it begins and whether the server counts by fixed windows, sliding windows or a token bucket.
    A request without a response is logged when it is given up; the server may count it a little later.

    Attributes:
        limit: How many permits there are. It may be changed at any time.
        per: Length of a window in seconds.
        in_flight: How many requests have a permit and no response yet.
    """

    limit: int
    per: float
    in_flight: int = field(default=0, init=False)
    # Ascending: responses are logged in the order of time.
    _free_again: deque[float] = field(factory=deque[float], init=False)

    def delay(self, now: float) -> float:
        """Seconds until a permit is free, at the earliest; 0 if one is free now."""
        free_again = self._free_again
        while free_again and free_again[0] <= now:
            free_again.popleft()
        excess = self.in_flight + len(free_again) - self.limit
        if excess < 0:
            return 0.0
        # A request in flight has its response now at the earliest, and frees its permit a window later.
        return free_again[excess] - now if excess < len(free_again) else self.per

    def take(self) -> None:
        """Take the permit that `delay` found free."""
        self.in_flight += 1

    def release(self, now: float) -> None:
        """Log a response. The permit is free again in `per` seconds."""
        self.in_flight -= 1
        self._free_again.append(now + self.per)

    def discard(self) -> None:
        """Free a permit at once: the server refused the request and did not count it."""
        self.in_flight -= 1

    def admitted(self, now: float) -> tuple[int, float]:
        """Number of requests logged in the last `per` seconds, and the seconds since the first of them."""
        free_again = [time for time in self._free_again if time > now]
        return len(free_again), now - free_again[0] + self.per if free_again else 0.0
