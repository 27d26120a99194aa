"""Listing: the records of a span of time, as its user sees them. `walk` decides, this sends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from plivo_async.errors import BadRequestError, PlivoError
from plivo_async.exported import exported
from plivo_async.resources.held import held
from plivo_async.resources.item import Item
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.listing.fetcher import PageFetcher
from plivo_async.resources.listing.page import Page, Row, RowPage, page_of
from plivo_async.resources.listing.reading import PageRequest
from plivo_async.resources.listing.report import ListReport
from plivo_async.resources.listing.spans import Span, Window
from plivo_async.resources.listing.walk import Walk
from plivo_async.resources.outcome import Failed, Fetched
from plivo_async.resources.progress import Progress
from plivo_async.resources.sender import Sender, with_message
from plivo_async.resources.source import Source

Record = TypeVar("Record")

_AGAIN = "a list runs once; call list() again"


class _Requests:
    """The pages that a walk asks for, as a source for a Sender."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.changed = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[PageRequest]:
        return self

    async def __anext__(self) -> PageRequest:
        while True:
            request = self._walk.ask()
            if request is not None:
                return request
            if self._walk.is_over:
                raise StopAsyncIteration
            self.changed.clear()
            await self.changed.wait()


@exported
class Listing(Progress, Generic[Record]):
    """The records of a span of time. Await it for the first page, or iterate over all. It runs once.

    An iteration yields each record once, the newest first, as a Fetched. For a row that cannot be read it
    yields a Failed, whose error has the row's JSON as its `body`. A record that Plivo writes while the list
    is read is yielded when it is found. At the end, `report` has whether the list is complete.

    Use `async with` around the iteration if you may leave it early: the end of the block cancels the requests
    under way. Without it they end when Python collects the iterator.

    The list holds while the rate limit, a 429 or an outage stops all requests, and `holding` has the reason.
    An error ends the iteration if the list holds for longer than `patience`, or if a page cannot be read
    after all attempts.

    The attributes and properties may be read at any time, and in any thread.

    Attributes:
        done (int): The number of outcomes so far.
        failed (int): The number of outcomes so far that are a Failed.
    """

    def __init__(
        self,
        fetcher: PageFetcher[Record],
        span: Span | None,
        *,
        page_size: int,
        concurrency: int,
        patience: float | None,
        lane: object = None,
    ) -> None:
        super().__init__(BatchLane(patience, fetcher.requester.notes))
        self._fetcher = fetcher
        self._span = span
        self._page_size = page_size
        self._concurrency = concurrency
        self._outer_lane = lane
        self._walk: Walk | None = None
        self._ready: deque[tuple[PageRequest, list[Row[Record]]]] = deque()
        self._came = asyncio.Event()
        self._error: PlivoError | None = None
        self._is_exhausted = False
        self._iterator: AsyncIterator[Fetched[Record] | Failed] | None = None
        self._requests = 0
        self._total: int | None = None

    @property
    def total(self) -> int | None:
        """How many records there are; None until that is known, and if Plivo sends no total."""
        return self._total if self._walk is None else self._walk.total

    @property
    def report(self) -> ListReport:
        """Whether the list is complete, and how it was read; not final before the end."""
        walk, span = self._walk, self._span
        warnings = () if span is None else span.warnings
        facts: dict[str, Any] = {}
        if walk is not None:
            warnings = (*warnings, *walk.warnings)
            facts = {"repeated": walk.repeated, "late": walk.late, "missing": walk.missing}
        return ListReport(
            complete=walk is not None and self._is_exhausted and walk.complete,
            since=None if span is None else span.since,
            until=None if span is None else span.until,
            records=self.done - self.failed,
            failed=self.failed,
            requests=self._requests,
            warnings=warnings,
            **facts,
        )

    def __repr__(self) -> str:
        return self._text(total=self.total)

    def _windows(self) -> list[Window]:
        return [Window()] if self._span is None else self._span.windows(self._fetcher.spec.longest_window)

    # The first page

    def __await__(self) -> Generator[Any, None, Page[Record]]:
        """Fetch the first page.

        Returns:
            The newest records, at most `page_size` of them.

        Raises:
            PlivoError: The page cannot be read, as in `calls.get`.
        """
        return self._first_page().__await__()

    async def _first_page(self, *, holds: bool = False) -> Page[Record]:
        self._begin(_AGAIN)
        try:
            return await (held(self._page, self._lane) if holds else self._page(self._outer_lane))
        finally:
            self._end_clock()

    async def _page(self, lane: object) -> Page[Record]:
        window: Window = self._windows()[0]
        while True:
            request = PageRequest(window, 0, self._page_size, self._page_size)
            try:
                rows = await self._fetcher.fetch(request, lane)
            except BadRequestError as error:
                self._requests += error.attempts
                halves = window.halves() if error.status == 400 else None
                if halves is None:
                    raise
                window = halves[0]
                continue
            page = page_of(rows, window.since, window.until)
            self._requests += rows.attempts
            self._total = page.total
            self.failed = len(page.failed)
            self.done = len(page.records) + self.failed
            return page

    # All records

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        closing: Any = getattr(self._iterator, "aclose", None)
        if closing is not None:
            await closing()

    def __aiter__(self) -> AsyncIterator[Fetched[Record] | Failed]:
        self._begin(_AGAIN)
        self._iterator = self._outcomes()
        return self._iterator

    async def _outcomes(self) -> AsyncIterator[Fetched[Record] | Failed]:
        walk = self._walk = Walk(self._windows(), self._page_size)
        requests = _Requests(walk)

        def deliver(item: Item, result: RowPage[Record] | PlivoError) -> None:
            request = cast("PageRequest", item.call_uuid)
            if request.offset == 0:
                # Not counted as read ahead: the first pages of all windows come before their turn.
                sender.taken()
            if isinstance(result, PlivoError):
                self._requests += result.attempts
                turns = walk.refused(request) if result.status == 400 else None
                if turns is None:
                    self._error = self._error or result
                    walk.stop()
                    turns = []
            else:
                self._requests += item.attempts + result.attempts
                turns = walk.received(request, result)
            self._ready.extend(turns)
            requests.changed.set()
            self._came.set()

        async def fetch(request: PageRequest) -> RowPage[Record]:
            return await self._fetcher.fetch(request, self._lane)

        sender: Sender[RowPage[Record]] = Sender(
            fetch, Source(requests), self._concurrency, self._lane, deliver=deliver, changed=self._came.set
        )
        sender.start()
        try:
            while True:
                while not self._ready:
                    if sender.is_over or self._error is not None:
                        self._raise_end(sender)
                        return
                    self._came.clear()
                    await self._came.wait()
                request, rows = self._ready.popleft()
                for row in rows:
                    self.done += 1
                    self.failed += isinstance(row.outcome, Failed)
                    yield row.outcome
                if request.offset:
                    sender.taken()
        finally:
            try:
                await sender.close()
            finally:
                self._end_clock()

    def _raise_end(self, sender: Sender[RowPage[Record]]) -> None:
        if sender.failure is not None:
            raise sender.failure
        error = sender.stopped_by or self._error
        self._is_exhausted = error is None
        if error is not None:
            raise with_message(error, f"the list stopped after {self.done} records: {error}")


async def held_page(listing: Listing[Record]) -> Page[Record]:
    """Fetch the first page of a list, and hold as its iteration does."""
    # Not public: a page that a user awaits fails at once, as a call does.
    held_listing: Any = listing
    page: Page[Record] = await held_listing._first_page(holds=True)
    return page
