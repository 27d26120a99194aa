"""Sender: sends the calls of a batch, holds, and stops. It does; `holding`, `pending` and `item` decide."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from attrs import evolve

from plivo_async.errors import AuthenticationError, ClientClosedError, DeadlineExceededError, PlivoError
from plivo_async.logs import log_call
from plivo_async.resources.cleanup import outlast
from plivo_async.resources.holding import patience_error
from plivo_async.resources.item import Item
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.pending import Pending
from plivo_async.resources.source import Source
from plivo_async.resources.verdict import Verdict, verdict
from plivo_async.resources.workers import Workers

_logger = logging.getLogger("plivo_async.batch")

_Result = TypeVar("_Result")

# A multiple of the concurrency.
_LOOK_AHEAD_FACTOR = 2
# Errors that every further call would raise too.
_STOPPING = (AuthenticationError, ClientClosedError)


class Sender(Generic[_Result]):
    """Sends each item of a source, again and again until it has a result, or a failure of its own.

    Args:
        fetch: Sends one item, and returns its result or raises its error.
        source: Where the items are read.
        concurrency: How many may be under way.
        lane: Knows why nothing may be sent.
        deliver: Called once for each item that was read, with its result or its error.
        changed: Called when a worker has ended.

    Attributes:
        failure: An exception that is no error of a call, such as one of the source. It ends the reading.
        stopped_by: An error that every further call would raise too. It ends the reading and the sending.
    """

    def __init__(
        self,
        fetch: Callable[[Any], Awaitable[_Result]],
        source: Source,
        concurrency: int,
        lane: BatchLane,
        *,
        deliver: Callable[[Item, _Result | PlivoError], None],
        changed: Callable[[], None],
    ) -> None:
        self._fetch = fetch
        self._source = source
        self._concurrency = concurrency
        self._lane = lane
        self._gate = lane.gate
        self._deliver = deliver
        self._changed = changed
        self._pending = Pending(source, lane.gate, _LOOK_AHEAD_FACTOR * concurrency)
        self._workers = Workers(self._work, self._has_work, self._worker_ended, self._cannot_begin)
        self._sending = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at: float | None = None
        self._closing = False
        self._holds = False
        self.failure: BaseException | None = None
        self.stopped_by: PlivoError | None = None

    @property
    def is_over(self) -> bool:
        """Whether no further item will be delivered."""
        return self._closing or (self._pending.is_over and not self._workers)

    def start(self) -> None:
        """Begin to read and to send soon."""
        self._lane.notes.batches += 1
        self._lane.changed = self._look
        self._workers.start()

    def taken(self) -> None:
        """Note that an item has been taken which was delivered."""
        self._pending.ahead -= 1
        self._workers.add()

    async def close(self) -> None:
        """Cancel all calls under way, and close the source if it is a generator.

        Raises:
            asyncio.CancelledError: Cancelled meanwhile; raised when everything is closed.
            Exception: The one that the source raises when it is closed.
        """
        self._lane.notes.batches -= not self._closing
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        try:
            # First of all, and without a wait that a cancellation could end.
            self._source.close_now()
        finally:
            cancellation = await self._workers.end()
            closing = asyncio.ensure_future(self._source.close())
            cancellation = await outlast({closing}) or cancellation
            if cancellation is not None:
                raise cancellation
            closing.result()

    # Sending

    def _may_send(self) -> bool:
        has_room = self._sending + self._workers.starting < self._concurrency
        return has_room and not self._lane.queues and self._gate.admits(_now())

    def _has_work(self) -> bool:
        if self._closing or not self._may_send():
            return False
        return self._pending.can_read or self._pending.can_repeat(sending=self._sending > 0)

    def _worker_ended(self, failure: BaseException | None) -> None:
        # Cancelled by somebody else, or by its source, it has lost an item.
        if failure is not None and not self._closing:
            self.failure = self.failure or failure
            self._pending.stop()
        if not self.is_over:
            self._workers.add()
        self._changed()

    def _cannot_begin(self, failure: BaseException) -> None:
        """End the batch: its event loop gives it no task, so nothing that is left will ever be sent."""
        self.failure = self.failure or failure
        self._pending.stop()
        list(self._pending.drain())
        self._changed()

    async def _work(self) -> None:
        while (item := await self._take()) is not None:
            self._workers.add()
            result = await self._send(item)
            if result is not None and item.number:
                self._deliver(item, result)

    async def _take(self) -> Item | None:
        """Return the next item to be sent; None if there is none at the moment."""
        while self._has_work():
            item = self._pending.repeated(sending=self._sending > 0)
            if item is None:
                if self._pending.has_failed:
                    # A source may wait for the outcome of a call that failed: another worker sends it again.
                    asyncio.get_running_loop().call_soon(self._workers.add)
                item = await self._pending.read()
                if item is None:
                    continue
                if self.stopped_by is not None:
                    self._deliver(item, _unsent(item, self.stopped_by))
                    continue
                if not self._may_send():
                    self._pending.put_first(item)
                    continue
            item.sent(self._gate, self._gate.admit())
            self._sending += 1
            return item
        return None

    async def _send(self, item: Item) -> _Result | PlivoError | None:
        """Send an item; return its result or its error, None if it is to be sent again."""
        try:
            result = await self._fetch(item.call_uuid)
        except PlivoError as error:
            return self._failed(item, error)
        else:
            self._gate.succeeded(item.probe)
            self._pending.known_good = item.call_uuid
            return result
        finally:
            self._sending -= 1
            self._gate.ended(item.probe)
            if self._gate.closed:
                self._look()
            elif self._holds:
                self._log_holding()

    def _failed(self, item: Item, error: PlivoError) -> PlivoError | None:
        gate, now = self._gate, _now()
        kind = verdict(error)
        if isinstance(error, _STOPPING):
            self._stop(error)
        elif kind is Verdict.OWN:
            gate.succeeded(item.probe)
        elif kind is Verdict.THROTTLED:
            gate.throttled(error, now, random.random())  # noqa: S311
        elif kind is Verdict.SHARED:
            gate.call_failed(item.probe, error, now, random.random())  # noqa: S311
        gate.ended(item.probe)
        self._look()
        stopped_by = self.stopped_by
        if stopped_by is not None and isinstance(error, DeadlineExceededError) and not error.attempts:
            # It waited for the rate limit when the batch stopped.
            return _unsent(item, stopped_by)
        if item.goes_again(error, kind, gate) and stopped_by is None:
            if item.number:
                self._pending.put_last(item)
            return None
        return error

    # Holding and stopping

    def _look(self) -> None:
        """Stop if nothing may be sent for too long; else see to it that the sending goes on in time."""
        if self._closing or self.stopped_by is not None:
            return
        now = _now()
        if self._gate.closed and not self._holds:
            self._log_holding()
        if self._gate.is_hopeless and self._gate.error is not None:
            self._stop(self._gate.error)
            return
        holding, patience = self._lane.holding(now), self._gate.patience
        if holding is not None and patience is not None and self._lane.exhausted(now):
            self._stop(patience_error(holding, patience, now))
            return
        when = self._lane.wakes_at()
        # A time that has come sets no timer, which would fire again and again: if there is nothing to send
        # now, the end of a call brings the batch back here.
        self._wake_at(when if when is not None and when > now else None)
        self._workers.add()

    def _log_holding(self) -> None:
        holding, now = self._gate.holding(), _now()
        self._holds = holding is not None
        if holding is None:
            log_call(_logger, logging.INFO, None, "the batch goes on")
            return
        error = holding.error
        log_call(
            *(_logger, logging.INFO, None, "the batch holds: %s (%s)", holding.text(now)),
            type(error).__name__,
            status=None if error is None else error.status,
            wait=holding.seconds_left(now),
        )

    def _wake_at(self, when: float | None) -> None:
        if self._timer is not None:
            # Not the timer's own time: uvloop returns a handle without one for a time that comes at once.
            if when == self._wakes_at:
                return
            self._timer.cancel()
            self._timer = None
        self._wakes_at = when
        if when is not None:
            self._timer = asyncio.get_running_loop().call_at(when, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._look()

    def _stop(self, error: PlivoError) -> None:
        if self.stopped_by is not None:
            return
        self.stopped_by = error
        self._wake_at(None)
        self._pending.stop()
        for item in self._pending.drain():
            self._deliver(item, _unsent(item, error))
        self._lane.dismiss()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _unsent(item: Item, stopped_by: PlivoError) -> PlivoError:
    if item.error is not None:
        return item.error
    error = with_message(stopped_by, f"not asked for: {stopped_by.message}")
    asked = item.call_uuid
    error.call_uuid = str(asked) if isinstance(asked, str | uuid.UUID) else None
    return error


def with_message(error: PlivoError, message: str) -> PlivoError:
    """Return a copy of an error with another message and the same cause."""
    changed = evolve(error, message=message)
    changed.__cause__ = error.__cause__
    return changed
