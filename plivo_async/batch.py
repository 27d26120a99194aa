"""Many calls at once: Batch, and what becomes of each call UUID, Fetched or Failed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from attrs import frozen

from plivo_async.checks import brief, whole_number
from plivo_async.errors import AuthenticationError, ConfigurationError, LifetimeError, PlivoError
from plivo_async.models import CallDetailRecord

DEFAULT_CONCURRENCY = 32

_LOOK_AHEAD = 2
# What every further call would fail with too.
_STOPPING = (AuthenticationError, LifetimeError)


@frozen
class Fetched:
    """The record of one call; `call_uuid` is what was asked for."""

    call_uuid: Any
    record: CallDetailRecord


@frozen
class Failed:
    """Why there is no record of one call; `call_uuid` is what was asked for, as it came."""

    call_uuid: Any
    error: PlivoError


Outcome = Fetched | Failed


class Batch:
    """The records of many calls: `async with` it and iterate, or await it. Once.

    Iterated, it gives each outcome as it comes and pulls call UUIDs from their source only a little ahead, at
    most twice `concurrency`. Awaited, it gives all outcomes in the order of the input. Either way each input
    that was pulled has exactly one outcome.

    What the source raises is raised after the outcomes of what came before it. So is AuthenticationError once
    the credentials are refused, and LifetimeError once the client is closed: nothing more is pulled then,
    because it would fail the same way.

    Attributes: `done` counts outcomes, `failed` those without a record, `elapsed` is in seconds, `rate` in
    outcomes a second. They may be read at any time.
    """

    def __init__(
        self,
        fetch: Callable[[Any], Awaitable[CallDetailRecord]],
        ids: Iterable[Any] | AsyncIterable[Any],
        concurrency: int,
    ) -> None:
        self._fetch = fetch
        self._source = _Source(ids)
        self._concurrency = whole_number("concurrency", concurrency, least=1)
        self._ahead = asyncio.Semaphore(_LOOK_AHEAD * concurrency)
        self._ready: deque[tuple[int, Outcome]] = deque()
        self._came = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._stopped_by: PlivoError | None = None
        self._entered = self._over = False
        self._began = self._ended = 0.0
        self.done = 0
        self.failed = 0

    @property
    def elapsed(self) -> float:
        """Seconds since it began, or from its begin to its end."""
        if not self._entered or self._over:
            return self._ended - self._began
        return asyncio.get_running_loop().time() - self._began

    @property
    def rate(self) -> float:
        """Outcomes a second, on the whole."""
        return self.done / self.elapsed if self.elapsed > 0 else 0.0

    def __repr__(self) -> str:
        state = "ended" if self._over else "under way" if self._entered else "not begun"
        return f"<Batch {state}: done={self.done}, failed={self.failed}>"

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError("a batch runs once; call get_many() again")
        self._entered = True
        self._began = asyncio.get_running_loop().time()
        self._add_worker()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended, self._over = asyncio.get_running_loop().time(), True
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)

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
        if not self._entered:
            raise ConfigurationError("iterate a batch within: async with client.calls.get_many(ids) as batch")
        while not self._ready:
            if not self._workers or self._over:
                raise self._end()
            self._came.clear()
            await self._came.wait()
        self._ahead.release()
        return self._ready.popleft()

    def _end(self) -> BaseException:
        if self._failure is not None and not self._over:
            return self._failure
        if self._stopped_by is not None and not self._over:
            return _copy(
                self._stopped_by, f"the batch stopped after {self.done} outcomes: {self._stopped_by}"
            )
        return StopAsyncIteration()

    def _add_worker(self) -> None:
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and worker.exception() is not None:
            self._failure = self._failure or worker.exception()
            self._source.exhausted = True
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
            return Failed(call_uuid, _copy(self._stopped_by, f"not asked for: {self._stopped_by}"))
        try:
            return Fetched(call_uuid, await self._fetch(call_uuid))
        except PlivoError as error:
            if isinstance(error, _STOPPING):
                self._stopped_by, self._source.exhausted = error, True
            return Failed(call_uuid, error)


def _copy(error: PlivoError, message: str) -> PlivoError:
    return type(error)(
        message, status=error.status, api_id=error.api_id, attempts=error.attempts, body=error.body
    )


class _Source:
    """One iterator that all workers pull from, sync or async, and numbers for what came out of it."""

    def __init__(self, ids: Iterable[Any] | AsyncIterable[Any]) -> None:
        # A str is an iterable of characters, each of which would look like a call UUID.
        if isinstance(ids, str | bytes | bytearray) or not isinstance(ids, Iterable | AsyncIterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"ids must be an iterable or async iterable of call UUIDs, such as a list, not {brief(ids)}"
            )
        self._ids = ids
        self._iterator: Iterator[Any] | AsyncIterator[Any] | None = None
        self._pulling = asyncio.Lock()
        self._pulled = 0
        self.exhausted = False

    async def pull(self) -> tuple[int, Any] | None:
        """The next id and its number; None at the end. Raises what the source raises."""
        async with self._pulling:
            if self.exhausted:
                return None
            if self._iterator is None:
                ids = self._ids
                self._iterator = aiter(ids) if isinstance(ids, AsyncIterable) else iter(ids)
            try:
                if isinstance(self._iterator, AsyncIterator):
                    call_uuid = await anext(self._iterator)
                else:
                    call_uuid = next(self._iterator)
            except (StopIteration, StopAsyncIteration):
                self.exhausted = True
                return None
            self._pulled += 1
            return self._pulled, call_uuid
