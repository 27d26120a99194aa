"""Batch: the records of many calls at once, as its user sees it. `sender` does the work."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Self

from plivo_async.errors import ConfigurationError, PlivoError
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS
from plivo_async.resources.item import Item
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.outcome import Failed, Fetched, Outcome
from plivo_async.resources.progress import Progress
from plivo_async.resources.sender import Sender, with_message
from plivo_async.resources.source import Source
from plivo_async.validation import whole_number

DEFAULT_CONCURRENCY = 32


@exported
class Batch(Progress):
    """The records of many calls. Iterate over it within `async with`, or await it. A batch runs once.

    An iteration yields each outcome as soon as it is known. It reads only a few call UUIDs ahead, at most
    twice `concurrency`. `await` returns all outcomes in the order of the input. In both cases each call UUID
    that was read has exactly one outcome.

    The batch holds while the rate limit, a 429 or an outage stops all calls: it reads no call UUIDs, and
    `holding` has the reason. It sends the calls that failed for this reason again. PatienceExceededError
    ends the batch if it holds for longer than `patience`.

    The batch stops, and reads no more, at an error that every further call would raise too. It yields the
    outcomes that it already has, and then raises the error:

    - AuthenticationError: the credentials are refused.
    - LifetimeError: the client is closed, or cannot work in this event loop or process.
    - PatienceExceededError: nothing could be sent for `patience` seconds.
    - An error that no pause mends, such as TLSError, if all of the first calls end with it.
    - An exception of the iterable of call UUIDs.
    - An exception of custom middleware that is neither a PlivoError nor an exception of httpx.

    The end of the block cancels all calls under way, and closes the iterable if it is a generator.

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
        source = Source(call_uuids)
        whole_number("concurrency", concurrency, least=1)
        super().__init__(lane or BatchLane(DEFAULT_PATIENCE_SECONDS))
        self._sender = Sender(
            fetch, source, concurrency, self._lane, deliver=self._deliver, changed=self._changed
        )
        self._ready: deque[tuple[int, Outcome]] = deque()
        self._came = asyncio.Event()

    def __repr__(self) -> str:
        return self._text()

    async def __aenter__(self) -> Self:
        self._begin("a batch runs once; call get_many() again")
        self._sender.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._sender.close()
        finally:
            self._end_clock()

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    async def __anext__(self) -> Outcome:
        return (await self._next())[1]

    def __await__(self) -> Generator[Any, None, list[Outcome]]:
        """Run the batch to its end.

        Returns:
            All outcomes, in the order of the input.

        Raises:
            PlivoError: The batch stopped. The errors of single calls are in the outcomes.
        """
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
            if self._sender.is_over:
                raise self._end()
            self._came.clear()
            await self._came.wait()
        self._sender.taken()
        return self._ready.popleft()

    def _end(self) -> BaseException:
        failure, stopped_by = self._sender.failure, self._sender.stopped_by
        if failure is not None:
            return failure
        if stopped_by is None:
            return StopAsyncIteration()
        return with_message(stopped_by, f"the batch stopped after {self.done} outcomes: {stopped_by}")

    def _deliver(self, item: Item, result: CallDetailRecord | PlivoError) -> None:
        self.done += 1
        if isinstance(result, PlivoError):
            self.failed += 1
            outcome: Outcome = Failed(item.call_uuid, result)
        else:
            outcome = Fetched(item.call_uuid, result)
        self._ready.append((item.number, outcome))
        self._came.set()

    def _changed(self) -> None:
        if self._sender.is_over:
            self._end_clock()
        self._came.set()
