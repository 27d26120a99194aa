"""The permits of one process, and what Redis does not know of them yet. Pure: the time is passed in."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from plivo_async.exported import exported

# Others have to wait a window anyway for a permit that is given back.
_LAG_WINDOWS = 0.01
_LONGEST_LAG_SECONDS = 0.05
# A process that dies has renewed its permits so long ago at the most.
_RENEWALS_WITHIN_LOST_AFTER = 3
# No permit is of this epoch.
_NO_EPOCH = -1

What: TypeAlias = Literal["keep", "release", "unused", "throttled"]


@exported
@frozen
class Permit:
    """A permit to send one request.

    Attributes:
        number: The number of the permit in this process, from 0.
        epoch: How many pauses after a 429 there had been when the permit was given.
        local: The permit of the `fallback`; None if Redis gave the permit.
    """

    number: int
    epoch: int = _NO_EPOCH
    local: Any = None


@frozen
class Event:
    """What happened to a permit.

    Attributes:
        what: "keep": its request is under way. "release": its response is here. "unused": no request was
            sent with it. "throttled": the response was a 429.
        permit: The permit.
        at: When, in seconds.
        retry_after: Seconds that a 429 asks to wait; -1 if it does not ask.
    """

    what: What
    permit: Permit
    at: float
    retry_after: float = 0.0

    def value(self, now: float) -> float:
        """Return the number of seconds that the script needs."""
        return self.retry_after if self.what == "throttled" else max(0.0, now - self.at)


@frozen
class Call:
    """One call of the script: what it reports, and which permits it asks for.

    Attributes:
        events: What happened.
        first: The number of the first permit.
        wanted: How many.
    """

    events: tuple[Event, ...]
    first: int
    wanted: int


@define(eq=False)
class Ledger:
    """Keeps what has to be reported to Redis until a call has reported it.

    Attributes:
        per: The length of a window in seconds.
        lost_after: Seconds after which Redis takes a permit for lost that is not renewed.
        first_number: The number of the first permit.
    """

    per: float
    lost_after: float
    first_number: int = 0
    _next_number: int = field(init=False)
    _in_flight: dict[int, Permit] = field(factory=dict[int, Permit], init=False)
    _events: deque[Event] = field(factory=deque[Event], init=False)
    _is_urgent: bool = field(default=False, init=False)
    _renewed_at: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._next_number = self.first_number

    def of_child(self) -> Ledger:
        """Return the ledger of a forked process. It does not take the permits of its parent for its own."""
        return Ledger(self.per, self.lost_after, self._next_number)

    @property
    def in_flight(self) -> int:
        """How many permits have no response yet."""
        return len(self._in_flight)

    def local(self, permit: Any, now: float) -> Permit:
        """Return the permit for one of the local limiter. Redis counts it as soon as it is back."""
        self._next_number += 1
        taken = Permit(self._next_number - 1, local=permit)
        self._in_flight[taken.number] = taken
        self._events.append(Event("keep", taken, now))
        return taken

    def release(self, permit: Permit, now: float) -> None:
        """Note that the response of a permit is here, or that there will be none."""
        self._end(Event("release", permit, now))

    def unused(self, permit: Permit, now: float) -> None:
        """Note that no request was sent with a permit."""
        self._end(Event("unused", permit, now))

    def throttled(self, permit: Permit, retry_after: float | None, now: float) -> None:
        """Note that the response of a permit was a 429."""
        self._is_urgent = True
        self._end(Event("throttled", permit, now, -1.0 if retry_after is None else retry_after))

    def _end(self, event: Event) -> None:
        if self._in_flight.pop(event.permit.number, None) is not None:
            self._events.append(event)

    @property
    def has_news(self) -> bool:
        """Whether there is something to report but that requests are under way."""
        return bool(self._events)

    @property
    def due(self) -> float | None:
        """Return when the next call has to be made; None if there is nothing to report."""
        if self._events:
            lag = 0.0 if self._is_urgent else min(_LONGEST_LAG_SECONDS, self.per * _LAG_WINDOWS)
            return self._events[0].at + lag
        return self._renewed_at + self._renewal_seconds if self._in_flight else None

    @property
    def _renewal_seconds(self) -> float:
        return self.lost_after / _RENEWALS_WITHIN_LOST_AFTER

    def call(self, wanted: int, now: float) -> Call:
        """Return the next call of the script."""
        events = tuple(event for event in self._events if now - event.at <= self.lost_after)
        self._events.clear()
        self._is_urgent = False
        if now - self._renewed_at >= self._renewal_seconds:
            self._renewed_at = now
            events += tuple(Event("keep", permit, now) for permit in self._in_flight.values())
        call = Call(events, self._next_number, wanted)
        self._next_number += wanted
        return call

    def succeeded(self, call: Call, granted: int, epoch: int) -> list[Permit]:
        """Return the permits that a call was given."""
        permits = [Permit(call.first + index, epoch) for index in range(granted)]
        self._in_flight.update((permit.number, permit) for permit in permits)
        return permits

    def failed(self, call: Call, now: float) -> None:
        """Note that a call has no reply. Redis may have given its permits to nobody: give them back."""
        renewed = [event for event in call.events if event.what != "keep"]
        taken = (Permit(call.first + index) for index in range(call.wanted))
        self._events.extendleft(reversed([*renewed, *(Event("unused", permit, now) for permit in taken)]))
        self.renew()

    def renew(self) -> None:
        """Have the next call report every permit in flight."""
        self._renewed_at = float("-inf")

    def abandon(self, now: float) -> None:
        """Give back the permits of an event loop that is closed: their requests may have been counted."""
        for permit in list(self._in_flight.values()):
            self.release(permit, now)
