"""Many calls at once: Batch, and what becomes of each call UUID, Fetched or Failed."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Self

from attrs import evolve, frozen

from plivo_async.errors import (
    AuthenticationError,
    ConfigurationError,
    LifetimeError,
    PlivoError,
)
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.source import Source
from plivo_async.validation import whole_number

DEFAULT_CONCURRENCY = 32

_LOOK_AHEAD = 2
# What every further call would fail with too.
_STOPPING = (AuthenticationError, LifetimeError)


@exported
@frozen
class Fetched:
    """The record of one call; `call_uuid` is what was asked for."""

    call_uuid: str | uuid.UUID
    record: CallDetailRecord


@exported
@frozen
class Failed:
    """Why there is no record of one call; `call_uuid` is what was asked for, as it came."""

    call_uuid: str | uuid.UUID
    error: PlivoError


Outcome = Fetched | Failed


@exported
class Batch:
    """The records of many calls: `async with` it and iterate, or await it. Once.

    Iterated, it gives each outcome as it comes and pulls call UUIDs from their source only a little ahead, at
    most twice `concurrency`. Awaited, it gives all outcomes in the order of the input. Either way each input
    that was pulled has exactly one outcome.

    What the source raises is raised after the outcomes of what came before it. So is AuthenticationError once
    the credentials are refused, and LifetimeError once the client is closed: nothing more is pulled then,
    because it would fail the same way. And so is what middleware of your own raises, if it is no PlivoError
    and no exception of httpx.

    At the end of the block all that is under way is cancelled, and a generator that was the source is closed.

    Attributes: `done` counts outcomes, `failed` those without a record, `elapsed` is in seconds, `rate` in
    outcomes a second. They may be read at any time, in any thread.
    """

    def __init__(
        self,
        fetch: Callable[[Any], Awaitable[CallDetailRecord]],
        call_uuids: Iterable[Any] | AsyncIterable[Any],
        concurrency: int,
    ) -> None:
        self._fetch = fetch
        self._source = Source(call_uuids)
        self._concurrency = whole_number("concurrency", concurrency, least=1)
        self._ahead = asyncio.Semaphore(_LOOK_AHEAD * concurrency)
        self._ready: deque[tuple[int, Outcome]] = deque()
        self._came = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._leaving = False
        self._failure: BaseException | None = None
        self._stopped_by: PlivoError | None = None
        self._clock: Callable[[], float] | None = None
        self._began = 0.0
        self._ended: float | None = None
        self.done = 0
        self.failed = 0

    @property
    def elapsed(self) -> float:
        """Seconds since it began, or from its begin to its end."""
        if self._clock is None:
            return 0.0
        return (self._clock() if self._ended is None else self._ended) - self._began

    @property
    def rate(self) -> float:
        """Outcomes a second, on the whole."""
        elapsed = self.elapsed
        return self.done / elapsed if elapsed > 0 else 0.0

    def __repr__(self) -> str:
        state = "not begun" if self._clock is None else "under way" if self._ended is None else "ended"
        return f"<Batch {state}: done={self.done}, failed={self.failed}>"

    async def __aenter__(self) -> Self:
        if self._clock is not None:
            raise ConfigurationError("a batch runs once; call get_many() again")
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._add_worker()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leaving = True
        if self._workers:
            for worker in self._workers:
                worker.cancel()
            await asyncio.wait(self._workers)
        await self._source.close()

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
        if self._clock is None:
            raise ConfigurationError("iterate a batch within: async with client.calls.get_many(ids) as batch")
        while not self._ready:
            if not self._workers:
                raise self._end()
            self._came.clear()
            await self._came.wait()
        self._ahead.release()
        return self._ready.popleft()

    def _end(self) -> BaseException:
        if self._failure is not None:
            return self._failure
        if self._stopped_by is None:
            return StopAsyncIteration()
        message = f"the batch stopped after {self.done} outcomes: {self._stopped_by}"
        return evolve(self._stopped_by, message=message)

    def _add_worker(self) -> None:
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        # Cancelled by somebody else, or by its source, it has lost an id.
        failure = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if failure is not None and not self._leaving:
            self._failure = self._failure or failure
            self._source.stop()
        if not self._workers and self._clock is not None:
            self._ended = self._clock()
        self._came.set()

    async def _work(self) -> None:
        while True:
            await self._ahead.acquire()
            pulled = await self._source.pull()
            if pulled is None:
                return
            # One worker more for each id that is there, up to as many as may be under way.
            if len(self._workers) < self._concurrency:
                self._add_worker()
            number, call_uuid = pulled
            outcome = await self._outcome(call_uuid)
            self.done += 1
            self.failed += isinstance(outcome, Failed)
            self._ready.append((number, outcome))
            self._came.set()

    async def _outcome(self, call_uuid: Any) -> Outcome:
        if self._stopped_by is not None:
            error = evolve(self._stopped_by, message=f"not asked for: {self._stopped_by}")
            return Failed(call_uuid, error)
        try:
            return Fetched(call_uuid, await self._fetch(call_uuid))
        except PlivoError as error:
            if isinstance(error, _STOPPING):
                self._stop(error)
            return Failed(call_uuid, error)

    def _stop(self, error: PlivoError) -> None:
        self._stopped_by = self._stopped_by or error
        self._source.stop()
