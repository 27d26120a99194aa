"""What the 429s of a server reveal about its rate limit. Pure: the time and the randomness are passed in."""

from __future__ import annotations

import math

from attrs import define, field

from plivo_async.middleware.sliding_log import SlidingLog
from plivo_async.rate_limit import RateLimit

# Shares of the current limit.
_SHARED_FROM_SHARE = 0.75
_SHARED_BACKOFF_SHARE = 0.85
# A share of the limit that was configured.
_FIRST_GROWTH_SHARE = 0.01
_QUIET_WINDOWS = 6
_FIRST_BLOCK_WINDOWS = 0.125
_LONGEST_FIRST_BLOCK_SECONDS = 1.0
_JITTER_SHARE = 0.25
_LONGEST_RETRY_AFTER_SECONDS = 3600.0
# 2.0 ** 1024 overflows.
_MOST_DOUBLINGS = 64


@define(eq=False)
class LimitEstimator:
    """Keeps to a rate limit that is lower than configured, or shared with other clients.

    The log never lets more requests pass than the limit. A 429 therefore means that the configured limit is
    too high, or that other clients use it too. A permit is the number of the epoch that it was taken in. The
    first 429 to a request of an epoch ends the epoch.

    Block: The first 429 of an epoch blocks all requests for its Retry-After. Without one, the pause doubles
        with each epoch from `per` / 8 (at most 1 s) to `per`, plus up to 25 % of jitter. A Retry-After that
        led to another 429 cannot shorten that pause. Later 429s of the same epoch can extend the block only.
    Probe: After the block one request is sent alone. Its response, other than 429, lets the others follow.
        If there is none within `per` seconds, another request becomes the probe.
    New limit: At most once in `per` seconds, a new epoch lowers the limit to the number of requests admitted
        in the last `per` seconds, but at least to half. Requests of the epoch that are in flight and
        admitted later raise it again.
    Token bucket: A bucket admits a full burst plus its refill, so the count can be too high. If the new limit
        is throttled too, it is lowered once more to the fill rate that explains the count.
    Shared limit: If at least 75 % of the limit had been admitted, other clients use the rest. From then on
        requests are evenly spaced, so that every client meets the 429s, and each epoch cuts 15 %.
    Recovery: After six windows without a cut the limit grows by 1 %, 2 %, 4 % and so on of the configured
        limit per window. A 429 during the growth returns to the limit of the window before.

    Attributes:
        configured: The limit to start with, and the highest.
        log: The requests of the last window. Its `limit` is the current limit.
        blocked_until: Time before which no request may be sent.
        paced: Whether requests are evenly spaced.
        epoch: Number of the current epoch.
    """

    configured: RateLimit
    log: SlidingLog = field(init=False)
    blocked_until: float = field(default=-math.inf, init=False)
    paced: bool = field(default=False, init=False)
    epoch: int = field(default=0, init=False)
    _first_epoch: int = field(default=0, init=False)
    _next_paced: float = field(default=-math.inf, init=False)
    _consecutive_429s: int = field(default=0, init=False)
    _probe_expires: float = field(default=-math.inf, init=False)
    # Count of the epoch that lowered the limit last; no epoch has the number -1.
    _counted_epoch: int = field(default=-1, init=False)
    _admitted_before_429: int = field(default=0, init=False)
    _bucket_share: float | None = field(default=None, init=False)
    _shrunk_at: float = field(default=-math.inf, init=False)
    _last_good_limit: int = field(init=False)
    _grows_at: float = field(default=math.inf, init=False)
    _growth_step: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.log = SlidingLog(self.configured.requests, self.configured.per)
        self._last_good_limit = self.configured.requests

    @property
    def current_limit(self) -> int:
        """How many requests may pass within `per` seconds."""
        return self.log.limit

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
            admitted = min(self._admitted_before_429, self.configured.requests)
            self.log.limit = self._last_good_limit = max(self.log.limit, admitted)

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
        if ends_epoch:
            self.epoch += 1
            self._consecutive_429s += 1
            self._probe_expires = -math.inf
            if now - self._shrunk_at >= self.log.per:
                self._shrink(now)
        block = 0.0 if retry_after is None else min(retry_after, _LONGEST_RETRY_AFTER_SECONDS)
        if ends_epoch and (retry_after is None or self._consecutive_429s > 1):
            block = max(block, self._growing_block() * (1.0 + _JITTER_SHARE * random))
        self.blocked_until = max(self.blocked_until, now + block)

    def abandon(self, now: float) -> None:
        """Release all permits and ignore them from now on. The server may have counted their requests."""
        while self.log.in_flight:
            self.log.release(now)
        self.epoch += 1
        self._first_epoch, self._probe_expires = self.epoch, -math.inf

    def _growing_block(self) -> float:
        per = self.log.per
        first = min(_LONGEST_FIRST_BLOCK_SECONDS, _FIRST_BLOCK_WINDOWS * per)
        return min(per, first * 2.0 ** min(self._consecutive_429s - 1, _MOST_DOUBLINGS))

    def _shrink(self, now: float) -> None:
        log = self.log
        at_least = max(1, log.limit // 2)
        self._counted_epoch = -1
        if log.limit > self._last_good_limit:
            log.limit = self._last_good_limit
        elif self.paced:
            log.limit = max(1, int(log.limit * _SHARED_BACKOFF_SHARE))
        elif self._bucket_share is not None:
            # If the limit became half, more than had been admitted, no bucket misled the count.
            share = self._bucket_share if self._admitted_before_429 >= log.limit else 1.0
            log.limit = max(at_least, min(log.limit, round(self._admitted_before_429 * share)))
            self._bucket_share = None
        else:
            self._count(now, at_least)
        self._last_good_limit = log.limit
        self._shrunk_at = now
        self._growth_step = max(1, round(self.configured.requests * _FIRST_GROWTH_SHARE))
        self._grows_at = now + _QUIET_WINDOWS * log.per

    def _count(self, now: float, at_least: int) -> None:
        log = self.log
        admitted, seconds = log.admitted(now)
        self._admitted_before_429, self._counted_epoch = admitted, self.epoch - 1
        if admitted >= _SHARED_FROM_SHARE * log.limit:
            self.paced = True
        elif seconds < log.per / 2 or admitted < at_least:
            # A bucket was full at the first of these requests and was refilled since.
            self._bucket_share = log.per / (log.per + seconds)
        log.limit = max(at_least, min(admitted, log.limit))

    def _grow(self, now: float) -> None:
        log = self.log
        self._last_good_limit, self._bucket_share = log.limit, None
        log.limit = min(self.configured.requests, log.limit + self._growth_step)
        self._growth_step *= 2
        self._grows_at = now + log.per
        if log.limit == self.configured.requests:
            self._last_good_limit, self.paced, self._grows_at = log.limit, False, math.inf
