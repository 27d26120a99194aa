"""What the 429s of a server reveal about its rate limit. Pure: the time and the randomness are passed in."""

from __future__ import annotations

import math

from attrs import define, field

from plivo_async.middleware.limit_finder import LimitFinder
from plivo_async.middleware.sliding_log import SlidingLog
from plivo_async.rate_limit import RateLimit

_FIRST_BLOCK_WINDOWS = 0.125
_LONGEST_FIRST_BLOCK_SECONDS = 1.0
_JITTER_SHARE = 0.25
_LONGEST_RETRY_AFTER_SECONDS = 3600.0
# A window that another client keeps full opens for a short time only, which few probes meet.
_LONGEST_BLOCK_WINDOWS = 0.25
_PROBES_BEFORE_LONGER_BLOCKS = 24
# From then on a Retry-After has jitter: each led to the same part of the window of the server.
_PROBES_IN_STEP = 2
_STEP_JITTER_WINDOWS = 0.5
# 2.0 ** 1024 overflows.
_MOST_DOUBLINGS = 64


@define(eq=False)
class LimitEstimator:
    """Keeps to a rate limit that is lower than configured, or shared with other clients.

    The log never lets more requests pass than the limit. A 429 therefore means that the configured limit is
    too high, or that other clients use it too. A permit is the number of the epoch that it was taken in. The
    first 429 to a request of an epoch ends the epoch.

    Block: The first 429 of an epoch blocks all requests for its Retry-After. Without one, the pause doubles
        with each epoch from `per` / 8 (at most 1 s) to `per`, plus up to 25 % of jitter. While others have
        most of the limit, it is `per` / 4 instead for the second to the 24th in a row: there is room in a
        short part of each window only. A Retry-After that led to another 429 cannot shorten that pause, and
        after two of them it has jitter. Later 429s of the same epoch can extend the block only.
    Probe: After the block one request is sent alone. Its response, other than 429, lets the others follow.
        If there is none within `per` seconds, another request becomes the probe.
    New limit: At most once in `per` seconds, a new epoch lowers the limit, as LimitFinder decides. Requests
        of the epoch that are in flight and admitted later raise it again.

    Attributes:
        configured: The limit to start with, and the highest.
        log: The requests of the last window. Its `limit` is the current limit.
        blocked_until: Time before which no request may be sent.
        epoch: Number of the current epoch.
    """

    configured: RateLimit
    log: SlidingLog = field(init=False)
    _finder: LimitFinder = field(init=False)
    blocked_until: float = field(default=-math.inf, init=False)
    epoch: int = field(default=0, init=False)
    _first_epoch: int = field(default=0, init=False)
    _next_paced: float = field(default=-math.inf, init=False)
    _consecutive_429s: int = field(default=0, init=False)
    _probe_expires: float = field(default=-math.inf, init=False)
    # Count of the epoch that lowered the limit last; no epoch has the number -1.
    _counted_epoch: int = field(default=-1, init=False)
    _admitted_before_429: int = field(default=0, init=False)
    _shrunk_at: float = field(default=-math.inf, init=False)
    _grows_at: float = field(default=math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        self._finder = LimitFinder(self.configured.requests)
        self.log = SlidingLog(self.configured.requests, self.configured.per)

    @property
    def current_limit(self) -> int:
        """How many requests may pass within `per` seconds."""
        return self.log.limit

    @property
    def paced(self) -> bool:
        """Whether requests are evenly spaced."""
        return self._finder.paced

    def delay(self, now: float) -> float:
        """Seconds until a request may be sent, at the earliest; 0 for now, infinity while a probe is out."""
        if now < self.blocked_until:
            return self.blocked_until - now
        if now < self._probe_expires:
            return math.inf
        if now >= self._grows_at:
            self._grow(now)
        delay = self.log.delay(now)
        return max(delay, self._next_paced - now) if self.paced else delay

    def take(self, now: float) -> int:
        """Take the permit that `delay` found free."""
        self.log.take()
        if self._consecutive_429s:
            self._probe_expires = now + self.log.per
        if self.paced:
            self._next_paced = max(now, self._next_paced) + self.log.per / self.log.limit
        return self.epoch

    def release(self, permit: int, now: float) -> None:
        """Release a permit: a response other than 429 arrived, or there will be none."""
        if permit < self._first_epoch:
            return
        self.log.release(now)
        if permit == self.epoch:
            self._consecutive_429s, self._probe_expires = 0, -math.inf
        elif permit == self._counted_epoch:
            self._admitted_before_429 += 1
            self._finder.admitted_late(self._admitted_before_429)
            self.log.limit = self._finder.limit

    def throttled(self, permit: int, retry_after: float | None, now: float, random: float = 0.0) -> None:
        """Release a permit after a 429.

        Args:
            permit: The permit of the request.
            retry_after: The Retry-After of the response in seconds; None without one.
            now: The time in seconds.
            random: The jitter of a pause, from 0 to 1.
        """
        if permit < self._first_epoch:
            return
        self.log.discard()
        ends_epoch = permit == self.epoch
        block = 0.0 if retry_after is None else min(retry_after, _LONGEST_RETRY_AFTER_SECONDS)
        if ends_epoch:
            self.epoch += 1
            self._consecutive_429s += 1
            self._probe_expires = -math.inf
            if retry_after is None:
                block = self._block(now, random)
            elif self._consecutive_429s > 1:
                block = max(block, self._block(now, random))
                if self._consecutive_429s > _PROBES_IN_STEP:
                    block += _STEP_JITTER_WINDOWS * self.log.per * random
            if now - self._shrunk_at >= self.log.per:
                self._shrink(now, block)
        self.blocked_until = max(self.blocked_until, now + block)

    def abandon(self, now: float) -> None:
        """Release all permits and ignore them from now on. The server may have counted their requests."""
        while self.log.in_flight:
            self.log.release(now)
        self.epoch += 1
        self._first_epoch, self._probe_expires = self.epoch, -math.inf

    def _block(self, now: float, random: float) -> float:
        per, doublings = self.log.per, self._consecutive_429s - 1
        block = min(_LONGEST_FIRST_BLOCK_SECONDS, _FIRST_BLOCK_WINDOWS * per)
        if doublings and 2 * self.log.admitted(now)[0] < self.log.limit:
            block = _LONGEST_BLOCK_WINDOWS * per
            doublings = max(0, doublings + 1 - _PROBES_BEFORE_LONGER_BLOCKS)
        block = min(per, block * 2.0 ** min(doublings, _MOST_DOUBLINGS))
        return block * (1.0 + _JITTER_SHARE * random)

    def _shrink(self, now: float, block: float) -> None:
        log, finder = self.log, self._finder
        admitted, seconds = log.admitted(now)
        full_burst = log.per / (log.per + seconds) if seconds < log.per / 2 else None
        counts = finder.is_counting
        finder.throttled(admitted, log.in_flight, full_burst)
        self._admitted_before_429, self._counted_epoch = admitted, self.epoch - 1 if counts else -1
        log.limit = finder.limit
        self._shrunk_at = now
        self._grows_at = now + finder.quiet_windows(block / log.per) * log.per

    def _grow(self, now: float) -> None:
        self._finder.grow()
        self.log.limit = self._finder.limit
        at_most = self.log.limit == self.configured.requests
        self._grows_at = math.inf if at_most else now + self.log.per
