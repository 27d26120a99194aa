"""When the next request may be sent under a rate limit. Pure: the time and chance are passed in."""

from __future__ import annotations

import math
from collections import deque

from attrs import define, field, frozen

from plivo_async.rate_limit import RateLimit

_GROWTH = 0.01
_QUIET_WINDOWS = 6
_SHARED = 0.75
_BACKOFF = 0.85
_FIRST_PART = 0.125
_FIRST_PAUSE = 1.0
_JITTER = 0.25
_LONGEST_PAUSE = 3600.0


@frozen
class Permit:
    """Leave to send one request; `wave` tells which 429s belong together."""

    wave: int


@define
class RateWindow:
    """A log of what was sent, anchored at the answers.

    The server counts a request at some time before it answers. So a permit that is free again `per` seconds
    after its answer can never make a window of the server's hold more than the limit, wherever that window
    begins: fixed, sliding or bucket. (Where no answer comes, the permit is anchored at the time at which the
    request was given up; a server may count it a little later.)

    A 429 therefore says that the limit is lower than told, or shared. The first of a wave closes the gate,
    for its Retry-After or for a pause that grows; then one request probes before all others follow. What
    passed until then becomes the new limit, or, where that meets a 429 again, what a bucket would have let
    pass. Where almost all of the limit had passed, somebody else takes the rest: from then on requests are
    spread over the window, so that both sides meet the 429s, and each further wave takes off 15 %. After six
    quiet windows the limit grows back, by 1 %, 2 %, 4 % and so on a window; where that meets a 429, it
    returns to what was good before.
    """

    limit: RateLimit
    allowed: int = field(init=False)
    spread: bool = field(default=False, init=False)
    in_flight: int = field(default=0, init=False)
    gate: float = field(default=-math.inf, init=False)
    _free_again: deque[float] = field(factory=deque[float], init=False)
    _next_spread: float = field(default=-math.inf, init=False)
    _wave: int = field(default=0, init=False)
    _strikes: int = field(default=0, init=False)
    _probe_lost: float = field(default=-math.inf, init=False)
    _passed: int = field(default=0, init=False)
    _counted_wave: int = field(default=-1, init=False)
    _bucket_share: float | None = field(default=None, init=False)
    _shrunk: float = field(default=-math.inf, init=False)
    _good: int = field(init=False)
    _growth: int = field(default=0, init=False)
    _grows: float = field(default=math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        self.allowed = self._good = self.limit.requests

    def delay(self, now: float) -> float:
        """Seconds until a permit may be free, at the earliest: 0 for now, infinity while a probe is out."""
        if now < self.gate:
            return self.gate - now
        if now < self._probe_lost:
            return math.inf
        free_again = self._free_again
        while free_again and free_again[0] <= now:
            free_again.popleft()
        if now >= self._grows:
            self._grow(now)
        excess = self.in_flight + len(free_again) - self.allowed
        if excess >= 0:
            # What is still under way is free a window after its answer, which comes now at the earliest.
            return free_again[excess] - now if excess < len(free_again) else self.limit.per
        return max(0.0, self._next_spread - now) if self.spread else 0.0

    def take(self, now: float) -> Permit:
        """The permit that `delay` found free."""
        self.in_flight += 1
        if self._strikes:
            # Where its answer takes longer than a window, the next one probes.
            self._probe_lost = now + self.limit.per
        if self.spread:
            self._next_spread = max(now, self._next_spread) + self.limit.per / self.allowed
        return Permit(self._wave)

    def release(self, permit: Permit, now: float) -> None:
        """An answer other than 429 came, or none will: the server may have counted the request until now."""
        self.in_flight -= 1
        self._free_again.append(now + self.limit.per)
        if permit.wave == self._wave:
            self._strikes, self._probe_lost = 0, -math.inf
        elif permit.wave == self._counted_wave:
            # It was under way when the 429s came, and passed too.
            self._passed += 1
            self.allowed = self._good = max(self.allowed, min(self._passed, self.limit.requests))

    def throttled(self, permit: Permit, retry_after: float | None, now: float, random: float = 0.0) -> None:
        """The answer was 429; `retry_after` in seconds, `random` in [0, 1)."""
        self.in_flight -= 1
        first = permit.wave == self._wave
        if first:
            self._wave += 1
            self._strikes += 1
            self._probe_lost = -math.inf
            if now - self._shrunk >= self.limit.per:
                self._shrink(now)
        pause = 0.0 if retry_after is None else min(retry_after, _LONGEST_PAUSE)
        # A Retry-After that proved too short, 0 say, is not relied on again.
        if first and (retry_after is None or self._strikes > 1):
            shortest = min(_FIRST_PAUSE, _FIRST_PART * self.limit.per)
            growing = min(self.limit.per, shortest * 2.0 ** min(self._strikes - 1, 64))
            pause = max(pause, growing * (1.0 + _JITTER * random))
        self.gate = max(self.gate, now + pause)

    def _shrink(self, now: float) -> None:
        least = max(1, self.allowed // 2)
        self._counted_wave = -1
        if self.allowed > self._good:
            self.allowed = self._good
        elif self.spread:
            self.allowed = max(1, int(self.allowed * _BACKOFF))
        elif self._bucket_share is not None:
            # Where `least` was allowed, though fewer had passed, it was no bucket that misled the count.
            share = self._bucket_share if self._passed >= self.allowed else 1.0
            self.allowed = max(least, min(self.allowed, round(self._passed * share)))
            self._bucket_share = None
        else:
            self._count(now, least)
        self._good = self.allowed
        self._shrunk = now
        self._growth = max(1, round(self.limit.requests * _GROWTH))
        self._grows = now + _QUIET_WINDOWS * self.limit.per

    def _count(self, now: float, least: int) -> None:
        log = [due for due in self._free_again if due > now]
        self._passed, self._counted_wave = len(log), self._wave - 1
        seconds = now - log[0] + self.limit.per if log else 0.0
        if self._passed >= _SHARED * self.allowed:
            self.spread = True
        elif seconds < self.limit.per / 2 or self._passed < least:
            # A bucket was full when the first of them passed, and refilled since.
            self._bucket_share = self.limit.per / (self.limit.per + seconds)
        self.allowed = max(least, min(self._passed, self.allowed))

    def _grow(self, now: float) -> None:
        self._good, self._bucket_share = self.allowed, None
        self.allowed = min(self.limit.requests, self.allowed + self._growth)
        self._growth *= 2
        self._grows = now + self.limit.per
        if self.allowed == self.limit.requests:
            self._good, self.spread, self._grows = self.allowed, False, math.inf
