"""BatchLane: what the calls of one batch report while they are under way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from plivo_async.client_notes import ClientNotes
from plivo_async.context import CallState, Supervisor
from plivo_async.errors import PlivoError
from plivo_async.resources.holding import Gate, Holding


class BatchLane(Supervisor):
    """The lane of a batch. It knows which calls wait for a permit, and hands failed attempts to the gate.

    A call that waits for the rate limit is not at fault for the wait, so its deadline does not run. One such
    call is enough: as long as it waits, the batch pulls no other. That needs a limiter which knows when the
    next request may pass; for another one, up to `concurrency` calls wait.

    Attributes:
        gate: Whether calls may be sent.
        notes: What the client notes of all its calls.
        changed: Called when a call has its permit, or the gate may have closed.
    """

    def __init__(self, patience: float | None, notes: ClientNotes | None = None) -> None:
        self.gate = Gate(patience)
        self.notes = ClientNotes() if notes is None else notes
        self.changed: Callable[[], None] = lambda: None
        self._waiting: dict[CallState, None] = {}
        self._waiting_since = 0.0
        self._delay: Callable[[], float] | None = None

    @property
    def queues(self) -> bool:
        """Whether a call waits for a limiter that knows how long, so that another would only wait too."""
        return bool(self._waiting) and self._delay is not None and self._delay() > 0

    def waits(self, state: CallState, delay: Callable[[], float] | None) -> None:
        """A call begins to wait for a permit."""
        if not self._waiting:
            self._waiting_since = asyncio.get_running_loop().time()
        self._delay = delay
        self._waiting[state] = None
        self.changed()

    def goes_on(self, state: CallState) -> None:
        """A call has its permit, or waits no longer."""
        del self._waiting[state]
        # Since a permit was given, the wait is another one.
        self._waiting_since = asyncio.get_running_loop().time()
        self.changed()

    def attempt_failed(self, error: PlivoError) -> None:
        """An attempt failed, and may be tried again."""
        if error.status != 429:
            self.gate.attempt_failed(error, asyncio.get_running_loop().time(), random.random())  # noqa: S311
            self.changed()

    @property
    def holds(self) -> bool:
        """Whether a call that failed has to return to the batch, which sends it again later."""
        return self.gate.closed

    def holding(self, now: float) -> Holding | None:
        """Return why nothing is sent; None if something may be."""
        if not self._waiting or self.gate.closed:
            return self.gate.holding()
        delay = float("inf") if self._delay is None else self._delay()
        until = now + delay if delay < float("inf") else None
        return Holding("rate limit", self._waiting_since, until)

    def exhausted(self, now: float) -> bool:
        """Return whether nobody may send for longer than the patience."""
        patience = self.gate.patience
        if patience is None or not self._waiting or self.gate.closed:
            return self.gate.exhausted(now)
        ends = self._waiting_since + patience
        delay = 0.0 if self._delay is None else self._delay()
        # A timer of an event loop may fire a little early.
        return now >= ends - 0.001 or ends < now + delay < float("inf")

    def wakes_at(self) -> float | None:
        """Return when to look again, by the clock of the event loop; None if an event comes first."""
        gate = self.gate
        if gate.closed:
            return None if gate.probing else gate.until
        if self._waiting and gate.patience is not None:
            return self._waiting_since + gate.patience
        return None

    def dismiss(self) -> None:
        """End the wait of every call that waits for a permit."""
        now = asyncio.get_running_loop().time()
        for state in self._waiting:
            state.expire(now)
