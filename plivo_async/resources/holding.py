"""Whether the calls of a batch may be sent now, and why not. Pure: time and randomness are passed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from attrs import define, field, frozen

from plivo_async.errors import PatienceExceededError, PlivoError
from plivo_async.exported import exported
from plivo_async.resources.verdict import is_counted, is_hopeless

DEFAULT_PATIENCE_SECONDS = 900.0
"""How long a batch waits by default while nobody may send.

Most outages of a hosted API, and every restart, failover and deployment, are over within a quarter of an
hour. A job that starts each hour still ends before the next one. A longer outage needs a person, who should
hear of it.
"""

# With 3 % of errors at random, so many in a row happen once in 10 ** 12 requests. With the default of 3
# attempts, two calls that fail by themselves, one after the other, are fewer.
FAILURES_OF_AN_OUTAGE = 8
# Enough to rule out chance where the failure is one that waiting cannot heal.
_HOPELESS_FAILURES = 5
_FIRST_GAP_SECONDS = 0.5
_GAP_GROWTH = 1.5
# 10 minutes cost about 50 probes, and the recovery is noticed 15 s late at the most.
_LONGEST_GAP_SECONDS = 15.0
_JITTER_SHARE = 0.25
# A timer of an event loop may fire that much early.
_TIMER_TOLERANCE_SECONDS = 0.001

HoldReason: TypeAlias = Literal["rate limit", "throttled", "outage"]


@exported
@frozen
class Holding:
    """Why a batch sends nothing at the moment, and until when.

    Attributes:
        reason: "rate limit": the limiter of the client has no permit. "throttled": Plivo returned a 429.
            "outage": eight attempts in a row failed, or the first request after a 429 did.
        since: When it began, in seconds of the clock of the event loop.
        until: When the next request may be sent, by the same clock; None while that depends on a response.
        error: The last failure; None for the rate limit.
    """

    reason: HoldReason
    since: float
    until: float | None = None
    error: PlivoError | None = None

    def text(self, now: float) -> str:
        """Return the reason and the wait in a few words, such as `outage, next request in 3.2 s`.

        Args:
            now: The present, in seconds of the clock of the event loop.
        """
        left = self.seconds_left(now)
        return self.reason if left is None else f"{self.reason}, next request in {left:.1f} s"

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds from `now` until the next request may be sent; None if that is not known.

        Args:
            now: The present, in seconds of the clock of the event loop.
        """
        return None if self.until is None else max(0.0, self.until - now)


def patience_error(holding: Holding, patience: float, now: float) -> PatienceExceededError:
    """Build the error that ends a batch which holds for longer than its patience."""
    left = holding.seconds_left(now) or 0.0
    until = datetime.now(UTC) + timedelta(seconds=left)
    when = f"in {left:.0f} s, at {until:%Y-%m-%d %H:%M:%S} UTC"
    if holding.reason == "rate limit":
        fact = f"the rate limit lets the next request pass {when}"
    elif holding.reason == "throttled":
        fact = f"HTTP 429: the next request may be sent {when}"
    else:
        fact = f"no call has succeeded for {now - holding.since:.0f} s, the next probe is due {when}"
    last = holding.error
    error = PatienceExceededError(
        f"{fact}; patience={patience:g}" + (f"; last failure: {last}" if last else ""),
        retry_after=left,
        until=until,
    )
    if last is not None:
        error.status, error.api_id = last.status, last.api_id
        error.headers, error.body = last.headers, last.body
    error.__cause__ = last
    return error


@define(eq=False)
class Gate:
    """Open while calls may be sent. It closes for all when a failure concerns all.

    Throttled: After a 429 it is closed for its Retry-After; without one, for a gap.
    Outage: After `FAILURES_OF_AN_OUTAGE` failed attempts without a success it is closed for a gap.
    Probe: Then one call may be sent. Its success opens the gate. Its failure closes it for a longer gap,
        so an outage costs single requests. Gaps have jitter, so that many clients do not return at once.
    Success: The service responded as it should, to any call. During an outage the response to a call that
        was sent earlier counts too; after a 429 only that of the probe, for the server has asked for a pause.

    Attributes:
        patience: Seconds that the gate may be closed; None for any time.
        successes: The number of calls that the service responded to as it should.
        failures: The number of attempts that failed for a reason that may concern all.
        probes: The number of probes since it was closed.
        since: When it was closed; None while it is open.
        until: When the next probe may be sent.
        error: The last failure.
    """

    patience: float | None = DEFAULT_PATIENCE_SECONDS
    successes: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)
    probes: int = field(default=0, init=False)
    since: float | None = field(default=None, init=False)
    until: float = field(default=0.0, init=False)
    error: PlivoError | None = field(default=None, init=False)
    _reason: HoldReason = field(default="outage", init=False)
    _failures_in_a_row: int = field(default=0, init=False)
    _hopeless_in_a_row: int = field(default=0, init=False)
    _probe: int = field(default=0, init=False)
    _last_probe: int = field(default=0, init=False)
    _gap: float = field(default=_FIRST_GAP_SECONDS, init=False)

    @property
    def closed(self) -> bool:
        """Whether no call but a probe may be sent."""
        return self.since is not None

    @property
    def probing(self) -> bool:
        """Whether a probe is under way."""
        return self._probe != 0

    def admits(self, now: float) -> bool:
        """Return whether a call may be sent now."""
        return self.since is None or (not self._probe and now >= self.until - _TIMER_TOLERANCE_SECONDS)

    def admit(self) -> int:
        """Let a call pass that `admits` allows; return the number of the probe, 0 for a call that is none."""
        if self.since is None:
            return 0
        self.probes += 1
        self._last_probe += 1
        self._probe = self._last_probe
        return self._probe

    def ended(self, probe: int) -> None:
        """Let another probe pass if this one, the result of `admit`, is still the one that counts."""
        if probe == self._probe:
            self._probe = 0

    def succeeded(self, probe: int) -> None:
        """Note that the service responded to a call as it should; `probe` is the result of `admit`."""
        self.successes += 1
        self._failures_in_a_row = self._hopeless_in_a_row = 0
        if self.since is not None and (self._is_current(probe) or self._reason == "outage"):
            self.since = self.error = None
            self.probes = self._probe = 0
            self._gap = _FIRST_GAP_SECONDS

    def attempt_failed(self, error: PlivoError, now: float, random: float) -> None:
        """Note a failed attempt of a call; `random` is from 0 to 1."""
        self.failures += 1
        self._failures_in_a_row += 1
        self._hopeless_in_a_row = self._hopeless_in_a_row + 1 if is_hopeless(error) else 0
        self.error = error
        if self.since is None and self._failures_in_a_row >= FAILURES_OF_AN_OUTAGE:
            self._close("outage", now)
            self._wait(now, random)

    def call_failed(self, probe: int, error: PlivoError, now: float, random: float) -> None:
        """Note that a call failed after its attempts; a probe that fails delays the next one."""
        if not self._is_current(probe):
            if not is_counted(error):
                self.attempt_failed(error, now, random)
            return
        self._reason, self.error = "outage", error
        self._gap = min(_LONGEST_GAP_SECONDS, self._gap * _GAP_GROWTH)
        self._wait(now, random)

    def throttled(self, error: PlivoError, now: float, random: float) -> None:
        """Note a 429 that a call did not wait for itself: nobody sends before its Retry-After is over."""
        if self.since is None:
            self._close("throttled", now)
        self._reason, self.error = "throttled", error
        if error.retry_after is None:
            self._wait(now, random)
            self._gap = min(_LONGEST_GAP_SECONDS, self._gap * _GAP_GROWTH)
        else:
            jitter = _FIRST_GAP_SECONDS * _JITTER_SHARE * random
            self.until = max(self.until, now + error.retry_after + jitter + _TIMER_TOLERANCE_SECONDS)

    @property
    def is_hopeless(self) -> bool:
        """Whether no call succeeded, and several failed for a reason that no pause heals."""
        return not self.successes and self._hopeless_in_a_row >= _HOPELESS_FAILURES

    def exhausted(self, now: float) -> bool:
        """Return whether it has been closed, or is known to be closed, for longer than `patience`."""
        if self.since is None or self.patience is None or self._probe:
            return False
        ends = self.since + self.patience
        return now >= ends - _TIMER_TOLERANCE_SECONDS or self.until > ends

    def holding(self) -> Holding | None:
        """Return why it is closed; None while it is open."""
        if self.since is None:
            return None
        return Holding(self._reason, self.since, None if self._probe else self.until, self.error)

    def _is_current(self, probe: int) -> bool:
        return probe != 0 and probe == self._probe

    def _close(self, reason: HoldReason, now: float) -> None:
        self._reason, self.since, self.until = reason, now, now

    def _wait(self, now: float, random: float) -> None:
        until = max(self.until, now + self._gap * (1.0 - _JITTER_SHARE * random))
        if self.since is not None and self.patience is not None and now < self.since + self.patience:
            # The last probe is sent when the patience ends, not after.
            until = min(until, self.since + self.patience)
        self.until = until
