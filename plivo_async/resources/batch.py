"""Batch: the records of many calls at once. It does the sending; `holding` and `item` decide."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from plivo_async.errors import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    LifetimeError,
    PlivoError,
)
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.cleanup import outlast
from plivo_async.resources.holding import (
    DEFAULT_PATIENCE_SECONDS,
    Holding,
    Verdict,
    patience_error,
    verdict,
)
from plivo_async.resources.item import Item
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.outcome import Failed, Fetched, Outcome
from plivo_async.resources.source import Source
from plivo_async.validation import whole_number

DEFAULT_CONCURRENCY = 32

# A multiple of the concurrency.
_LOOK_AHEAD_FACTOR = 2
# Errors that every further call would raise too.
_STOPPING = (AuthenticationError, LifetimeError)


@exported
class Batch:
    """The records of many calls, to iterate within `async with`, or to await; a batch runs once.

    An iteration yields each outcome as soon as it is known. It reads only a few call UUIDs ahead of their
    use, at most twice `concurrency`. `await` returns all outcomes in the order of the input. In both cases
    each call UUID that was read has exactly one outcome.

    The batch holds while the rate limit, a 429 or an outage stops all calls: it reads no call UUIDs, and
    `holding` has the reason. It sends the calls that failed for this reason again. PatienceExceededError
    ends the batch if it holds for longer than `patience`.

    The batch stops, and reads no more, at an error that every further call would raise too. It yields the
    outcomes it already has, and then raises the error:

    - AuthenticationError: the credentials are refused.
    - LifetimeError: the client is closed.
    - PatienceExceededError: nothing could be sent for `patience` seconds.
    - An error that no pause mends, such as TLSError, if all of the first calls end in it.
    - An exception of the iterable of call UUIDs.
    - An exception of custom middleware that is neither a PlivoError nor an exception of httpx.

    The end of the block cancels all calls under way, and closes the source if it is a generator.

    The attributes and properties may be read at any time, and in any thread.

    Attributes:
        done (int): The number of outcomes.
        failed (int): The number of outcomes without a record.
    """

    def __init__(
        self,
        fetch: Callable[[Any], Awaitable[CallDetailRecord]],
        call_uuids: Iterable[Any] | AsyncIterable[Any],
        concurrency: int,
        lane: BatchLane | None = None,
    ) -> None:
        self._fetch = fetch
        self._source = Source(call_uuids)
        self._concurrency = whole_number("concurrency", concurrency, least=1)
        self._lane = lane or BatchLane(DEFAULT_PATIENCE_SECONDS)
        self._lane.changed = self._changed
        self._gate = self._lane.gate
        self._ready: deque[tuple[int, Outcome]] = deque()
        # How many were pulled and not taken by the consumer.
        self._ahead = 0
        # Pulled and to be sent, most of them again.
        self._again: deque[Item] = deque()
        self._known_good: Any = None
        self._came = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._sending = 0
        # How many workers have been created that have not begun, and whether one is being created.
        self._starting = 0
        self._staffing = False
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = False
        self._failure: BaseException | None = None
        self._stopped_by: PlivoError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: contextvars.Context | None = None
        self._began = 0.0
        self._ended: float | None = None
        self.done = 0
        self.failed = 0

    @property
    def elapsed(self) -> float:
        """Seconds since it began, or from its begin to its end."""
        return (self._now() if self._ended is None else self._ended) - self._began

    @property
    def rate(self) -> float:
        """Outcomes a second, on the whole."""
        elapsed = self.elapsed
        return self.done / elapsed if elapsed > 0 else 0.0

    @property
    def holding(self) -> Holding | None:
        """Why nothing is sent at the moment, and until when; None if something may be, or it has ended."""
        if self._loop is None or self._ended is not None:
            return None
        return self._lane.holding(self._now())

    def __repr__(self) -> str:
        state = "not begun" if self._loop is None else "under way" if self._ended is None else "ended"
        holding = self.holding
        why = "" if holding is None else f", holding: {holding.text(self._now())}"
        return f"<Batch {state}: done={self.done}, failed={self.failed}{why}>"

    def _now(self) -> float:
        return self._began if self._loop is None else self._loop.time()

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise ConfigurationError("a batch runs once; call get_many() again")
        self._loop = asyncio.get_running_loop()
        self._began = self._now()
        self._context = contextvars.copy_context()
        # Not at once: an eager task would pull before the block begins.
        self._loop.call_soon(self._staff)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leaving = True
        if self._timer is not None:
            self._timer.cancel()
        try:
            # First of all, and without a wait that a cancellation could end.
            self._source.close_now()
        finally:
            for worker in self._workers:
                worker.cancel()
            cancellation = await outlast(self._workers)
            closing = asyncio.ensure_future(self._source.close())
            cancellation = await outlast({closing}) or cancellation
            self._end_clock()
            if cancellation is not None:
                raise cancellation
            closing.result()

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    async def __anext__(self) -> Outcome:
        return (await self._next())[1]

    def __await__(self) -> Generator[Any, None, list[Outcome]]:
        return self._all().__await__()

    async def _all(self) -> list[Outcome]:
        outcomes: list[tuple[int, Outcome]] = []
        async with self:
            try:
                while True:
                    outcomes.append(await self._next())
            except StopAsyncIteration:
                pass
        outcomes.sort(key=lambda numbered: numbered[0])
        return [outcome for _, outcome in outcomes]

    async def _next(self) -> tuple[int, Outcome]:
        if self._loop is None:
            raise ConfigurationError("iterate a batch within: async with client.calls.get_many(ids) as batch")
        while not self._ready:
            if self._is_over:
                raise self._end()
            self._came.clear()
            await self._came.wait()
        self._ahead -= 1
        self._staff()
        return self._ready.popleft()

    def _end(self) -> BaseException:
        if self._failure is not None:
            return self._failure
        if self._stopped_by is None:
            return StopAsyncIteration()
        return _with_message(
            self._stopped_by, f"the batch stopped after {self.done} outcomes: {self._stopped_by}"
        )

    # Workers: tasks that send one call after the other, as long as there is one to be sent.

    @property
    def _is_over(self) -> bool:
        return self._leaving or (self._source.over and not self._workers and not self._again)

    @property
    def _can_pull(self) -> bool:
        source = self._source
        return not (source.over or source.pulling) and self._ahead < _LOOK_AHEAD_FACTOR * self._concurrency

    @property
    def _may_send(self) -> bool:
        has_room = self._sending + self._starting < self._concurrency
        return has_room and not self._lane.queues and self._gate.admits(self._now())

    @property
    def _has_work(self) -> bool:
        return self._may_send and (self._can_pull or self._can_repeat)

    @property
    def _can_repeat(self) -> bool:
        if not self._again:
            return False
        # A call that failed waits for the success of another, unless there is no other.
        return self._gate.closed or self._again[0].is_due(self._gate) or not (self._can_pull or self._sending)

    def _staff(self) -> None:
        """Start one more worker if there is work; it will start the next."""
        # A worker that an eager task factory runs at once returns here, and starts no other within itself.
        if self._staffing or self._context is None:
            return
        self._staffing = True
        while self._has_work and not self._leaving:
            self._starting += 1
            worker = self._context.run(asyncio.create_task, self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)
            if self._starting:
                # The event loop begins it later.
                break
        self._staffing = False

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        # Cancelled by somebody else, or by its source, it has lost an id.
        failure = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if failure is not None and not self._leaving:
            self._failure = self._failure or failure
            self._source.stop()
            # It may have ended before it began.
            self._starting = 0
        if self._is_over:
            self._end_clock()
        else:
            self._staff()
        self._came.set()

    async def _work(self) -> None:
        self._starting -= 1
        while (item := await self._take()) is not None:
            self._staff()
            outcome = await self._send(item)
            if outcome is not None and item.number:
                self._deliver(item.number, outcome)

    async def _take(self) -> Item | None:
        """Return the next call to be sent; None if there is none at the moment."""
        while self._has_work:
            item = self._repeated()
            if item is None:
                pulled = await self._source.pull()
                if pulled is None:
                    continue
                self._ahead += 1
                item = Item(*pulled)
                if self._stopped_by is not None:
                    self._deliver(item.number, self._unsent(item, self._stopped_by))
                    continue
                if not self._may_send:
                    self._again.appendleft(item)
                    continue
            item.sent(self._gate, self._gate.admit())
            self._sending += 1
            return item
        return None

    def _repeated(self) -> Item | None:
        """Return a call to be sent again; None to pull another one."""
        gate, again = self._gate, self._again
        if not gate.closed:
            return again.popleft() if self._can_repeat else None
        # Every second probe asks for a call that was there before. If it responds, the service is not at
        # fault: the calls that fail are.
        if gate.probes % 2 and self._known_good is not None:
            return Item(0, self._known_good)
        if not again or (len(again) == 1 and gate.probes and self._can_pull):
            return None
        return again.popleft()

    async def _send(self, item: Item) -> Outcome | None:
        """Send a call; return its outcome, None if it is to be sent again."""
        try:
            record = await self._fetch(item.call_uuid)
        except PlivoError as error:
            return self._failed(item, error)
        else:
            self._gate.succeeded(item.probe)
            self._known_good = item.call_uuid
            return Fetched(item.call_uuid, record)
        finally:
            self._sending -= 1
            self._gate.ended(item.probe)
            if self._gate.closed:
                self._changed()

    def _failed(self, item: Item, error: PlivoError) -> Outcome | None:
        gate, now = self._gate, self._now()
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
        self._changed()
        stopped_by = self._stopped_by
        if stopped_by is not None and isinstance(error, DeadlineExceededError) and not error.attempts:
            # It waited for the rate limit when the batch stopped.
            return self._unsent(item, stopped_by)
        if item.goes_again(error, kind, gate) and stopped_by is None:
            if item.number:
                self._again.append(item)
            return None
        return Failed(item.call_uuid, error)

    def _deliver(self, number: int, outcome: Outcome) -> None:
        self.done += 1
        self.failed += isinstance(outcome, Failed)
        self._ready.append((number, outcome))
        self._came.set()

    # Holding

    def _changed(self) -> None:
        """Stop if the batch holds for too long; else see to it that it goes on in time."""
        if self._loop is None or self._leaving or self._stopped_by is not None:
            return
        now = self._now()
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
        self._staff()

    def _wake_at(self, when: float | None) -> None:
        if self._timer is not None:
            if when == self._timer.when() and not self._timer.cancelled():
                return
            self._timer.cancel()
            self._timer = None
        if when is not None and self._loop is not None:
            self._timer = self._loop.call_at(when, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._changed()

    def _stop(self, error: PlivoError) -> None:
        if self._stopped_by is not None:
            return
        self._stopped_by = error
        self._wake_at(None)
        self._source.stop()
        while self._again:
            item = self._again.popleft()
            self._deliver(item.number, self._unsent(item, error))
        self._lane.dismiss()

    def _unsent(self, item: Item, stopped_by: PlivoError) -> Failed:
        error = item.error or _with_message(stopped_by, f"not asked for: {stopped_by}")
        return Failed(item.call_uuid, error)

    def _end_clock(self) -> None:
        if self._ended is None:
            self._ended = self._now()


def _with_message(error: PlivoError, message: str) -> PlivoError:
    changed = evolve(error, message=message)
    changed.__cause__ = error.__cause__
    return changed
