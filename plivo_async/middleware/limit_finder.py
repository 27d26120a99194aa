"""Which limit the 429s of a server reveal, and how much of it is a client's share. Pure."""

from __future__ import annotations

from enum import Enum, auto

from attrs import define, field

# Shares of the current limit.
_SHARED_FROM_SHARE = 0.65
_FAR_LESS_SHARE = 0.4
_SAME_COUNT_TOLERANCE = 0.1
_MISSING_TOLERANCE = 0.03
# Shares of the limit that was configured.
_LARGEST_SHARE = 0.5
_PACED_FROM_SHARE = 0.52
_SHARED_BACKOFF = 0.1
# How much more the largest client leaves to the others than they had.
_GIFT = 2.25
_FIRST_GROWTH_SHARE = 0.01
_FIRST_SHARED_GROWTH_SHARE = 0.05
_MOST_GROWTH_SHARE = 0.2
_QUIET_WINDOWS = 6.0
_SHARED_QUIET_WINDOWS = 2.0
# A growth that fails costs a pause, so it is tried only after so many times of the pause.
_QUIET_PAUSES = 10.0


class _Finding(Enum):
    """What the 429s have shown so far."""

    # Nothing: there was none, or the limit has grown to the configured one since.
    NOTHING = auto()
    # Less than half of the limit was admitted: the limit is far lower, or other clients use it.
    FAR_LESS = auto()
    # The count of the requests admitted is the limit, as long as each further 429 confirms it.
    COUNT = auto()
    # Other clients use a part of the limit.
    SHARED = auto()


@define(eq=False)
class LimitFinder:
    """Lowers a limit at 429s, and raises it when there are none.

    Count: The number of requests admitted in the last window is the limit of the server, unless other
        clients use a part of it. Lower than half of the limit, it is believed when it comes twice.
    Token bucket: A bucket admits a full burst plus its refill, so the count can be too high. If the new limit
        is throttled too, it is lowered once more to the fill rate that explains the count.
    Shared limit: Other clients use a part if less is admitted than the count was before. A client that has
        more than half of the configured limit is the largest then, and leaves the others 2.25 times of what
        they had, until it has half; one that
        has less lowers it by up to 5 %: by more with each window in a row, by less the smaller it is.
        A client that had less than half of its own limit admitted does not lower it: others have to.
    Pacing: On a limit that is shared, or may be, the requests are evenly spaced, so that every client meets
        the 429s.
    Recovery: After six windows without a 429 the limit grows by 1 %, 2 %, 4 % and so on of the configured
        limit per window, a shared one after two windows or more by 5 %, 10 %, 20 %. All clients of a shared
        limit add the same, and the larger ones lose more at the next 429: so their shares become equal.

    Attributes:
        configured: The limit to start with, and the highest.
        limit: The current limit.
        paced: Whether requests should be evenly spaced.
    """

    configured: int
    limit: int = field(init=False)
    paced: bool = field(default=False, init=False)
    _finding: _Finding = field(default=_Finding.NOTHING, init=False)
    _good: int = field(init=False)
    _count: int = field(default=0, init=False)
    _bucket_share: float | None = field(default=None, init=False)
    _cuts_in_a_row: int = field(default=0, init=False)
    _growth_share: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.limit = self._good = self.configured

    def throttled(self, admitted: int, in_flight: int, full_burst: float | None) -> None:
        """Lower the limit after a 429.

        Args:
            admitted: The number of requests admitted in the last window.
            in_flight: The number of those without a response.
            full_burst: The share of `admitted` that a token bucket was filled with, if it was full at the
                first of them; None if it cannot have been.
        """
        grew, self.limit = self.limit > self._good, min(self.limit, self._good)
        if self._finding is _Finding.NOTHING:
            self._find(admitted, full_burst)
        elif self._finding is _Finding.FAR_LESS and self._is_counted_again(admitted):
            self.limit, self.paced, self._finding = admitted, False, _Finding.COUNT
        elif self._finding is _Finding.FAR_LESS and admitted < self.limit // 2:
            self._count = admitted
        elif self._finding is _Finding.COUNT and self._bucket_share is not None and not grew:
            # If the limit became half, more than had been admitted, no bucket misled the count.
            share = self._bucket_share if self._count >= self.limit else 1.0
            self.limit = max(1, self.limit // 2, min(self.limit, round(self._count * share)))
            self._bucket_share = None
        elif self._finding is _Finding.COUNT and grew and not self._is_less(admitted + in_flight):
            self.paced = False
        elif self._finding is _Finding.COUNT and not self.paced and not self._is_less(admitted + in_flight):
            self.limit, self.paced = max(1, min(self.limit, admitted)), True
        else:
            self.paced, self._finding = True, _Finding.SHARED
            if 2 * (admitted + in_flight) >= self.limit:
                self._give_way(admitted)
        self._good = self.limit
        if self._is_shared:
            self._growth_share = _FIRST_SHARED_GROWTH_SHARE
        else:
            self._growth_share = min(_FIRST_GROWTH_SHARE, 0.1 * self.limit / self.configured)

    def _find(self, admitted: int, full_burst: float | None) -> None:
        at_least, self._count = max(1, self.limit // 2), admitted
        self._finding = _Finding.COUNT
        if admitted >= _SHARED_FROM_SHARE * self.limit:
            self.paced = True
        elif admitted < _FAR_LESS_SHARE * self.limit:
            self.paced, self._finding = True, _Finding.FAR_LESS
        else:
            self._bucket_share = full_burst
        self.limit = max(at_least, min(admitted, self.limit))

    def _is_counted_again(self, admitted: int) -> bool:
        difference = abs(admitted - self._count)
        return 0 < admitted < self.limit and difference <= _SAME_COUNT_TOLERANCE * admitted

    def _is_less(self, admitted: int) -> bool:
        return admitted < (1.0 - _MISSING_TOLERANCE) * self._good

    def _give_way(self, admitted: int) -> None:
        half = _LARGEST_SHARE * self.configured
        self._cuts_in_a_row += 1
        if self.limit > half:
            limit = max(half, min(self.limit, self.configured - _GIFT * (self.configured - admitted)))
        else:
            limit = self.limit / (1.0 + _SHARED_BACKOFF * self._cuts_in_a_row * self.limit / self.configured)
        self.limit = max(1, round(limit))

    def admitted_late(self, count: int) -> None:
        """Raise the limit to the count that lowered it, which has become larger."""
        self._count = count
        self.limit = self._good = max(self.limit, min(count, self.configured))

    @property
    def is_counting(self) -> bool:
        """Whether the next 429 is the first, whose count becomes the limit."""
        return self._finding is _Finding.NOTHING

    @property
    def _is_shared(self) -> bool:
        return self._finding in {_Finding.SHARED, _Finding.FAR_LESS}

    def quiet_windows(self, pause: float) -> float:
        """Return how many windows without a 429 let it grow.

        Args:
            pause: The one after the last 429, in windows.
        """
        return max(_SHARED_QUIET_WINDOWS, _QUIET_PAUSES * pause) if self._is_shared else _QUIET_WINDOWS

    def grow(self) -> None:
        """Raise the limit after a window without a 429."""
        self._good, self._bucket_share, self._cuts_in_a_row = self.limit, None, 0
        step = max(1, round(self.configured * self._growth_share))
        self.limit = min(self.configured, self.limit + step)
        self._growth_share *= 2
        self.paced = self.paced or self.limit > _PACED_FROM_SHARE * self.configured
        if self._is_shared:
            self._growth_share = min(self._growth_share, _MOST_GROWTH_SHARE)
        if self.limit == self.configured:
            self._good, self.paced, self._finding = self.limit, False, _Finding.NOTHING
