"""Reading: the pages of one window, from the newest row to the oldest. Pure: it decides what is asked."""

from __future__ import annotations

from array import array
from collections import deque
from typing import Any, TypeAlias

from attrs import define, field, frozen

from plivo_async.resources.listing.page import RowPage
from plivo_async.resources.listing.seen import Seen
from plivo_async.resources.listing.spans import Window

# Enough of a key to find a row again near its place.
LOW_BITS = 0xFFFFFFFF
# So many pages in a row without a new record: the server gives the same rows for every offset. Records that
# come late move fewer.
_STALE_PAGES = 50
AnyPage: TypeAlias = RowPage[Any]


@frozen(eq=False)
class PageRequest:
    """One page to be asked for.

    Attributes:
        window: Of the query.
        offset: How many rows come before it.
        limit: How many rows are asked for.
        rows: How many rows are expected.
    """

    window: Window
    offset: int
    limit: int
    rows: int


@define(eq=False)
class Totals:
    """The totals that the pages of a window report.

    Attributes:
        latest: The total of the latest page that has one; None if none has.
        most: The highest so far.
        least: The lowest so far.
        wrong: Whether there are more rows than the totals, so that they prove nothing.
    """

    latest: int | None = field(default=None, init=False)
    most: int = field(default=0, init=False)
    least: int | None = field(default=None, init=False)
    wrong: bool = field(default=False, init=False)

    @property
    def usable(self) -> int | None:
        """The latest total; None if there is none, or totals are wrong."""
        return None if self.wrong else self.latest

    def note(self, total: int | None) -> None:
        """Note the total of a page."""
        if total is not None:
            self.latest, self.most = total, max(self.most, total)
            self.least = total if self.least is None else min(self.least, total)

    def compare(self, rows: int) -> None:
        """Note how many different rows there are at least: records are never removed."""
        if self.latest is not None and rows > self.most:
            self.wrong = True


@define(eq=False)
class Reading:
    """Reads one window once.

    With a total, pages are asked for side by side, up to the total; without one, each page after the one
    before. A page that is shorter than expected is asked for the rest.

    Attributes:
        window: The window that is read.
        page_size: How many rows a page is asked for.
        seen: The keys of all rows that the list has yielded.
        own: The keys of the rows of this reading; None where `seen` serves.
        totals: The totals of its pages.
        order: The low bits of the keys of its rows, in the order of the list: 4 bytes for each.
        repeated: How many rows came that this reading had.
        moved: How many of them came because a row was written late, and moved others behind it.
        step: How many rows a page has, as the first one shows; 0 before it.
        is_stuck: Whether it ended because the server gives the same rows for every offset.
    """

    window: Window
    page_size: int
    seen: Seen
    own: Seen | None = None
    totals: Totals = field(factory=Totals)
    order: array[int] = field(factory=lambda: array("I"), init=False)
    repeated: int = field(default=0, init=False)
    moved: int = field(default=0, init=False)
    is_stuck: bool = field(default=False, init=False)
    step: int = field(default=0, init=False)
    _planned: int = field(default=0, init=False)
    _gap: PageRequest | None = field(default=None, init=False)
    _goes_on: bool = field(default=True, init=False)
    _stale: int = field(default=0, init=False)
    _reached: int = field(default=0, init=False)
    _has_hole: bool = field(default=False, init=False)
    _surplus: frozenset[int] = field(default=frozenset(), init=False)
    _waiting: deque[PageRequest] = field(factory=deque[PageRequest], init=False)
    _arrived: dict[PageRequest, AnyPage] = field(factory=dict[PageRequest, AnyPage], init=False)

    @property
    def is_proven(self) -> bool:
        """Whether every place of the list was read, and nothing was written late meanwhile.

        If the total is higher than the number of rows, then some of them are in the list twice. Not so many
        that a page has nothing else: that server sends the same page for every offset.
        """
        return self.totals.least == self.totals.most == self._reached and not self._has_hole

    @property
    def has_begun(self) -> bool:
        """Whether the first page was asked for."""
        return self._planned > 0

    @property
    def is_over(self) -> bool:
        """Whether the last page has arrived."""
        return self.has_begun and not self._waiting and not self.can_ask

    @property
    def can_ask(self) -> bool:
        """Whether there is a page to be asked for now."""
        if self._gap is not None or not self.has_begun:
            return True
        if not self.step:
            # The first page is under way: it has the total.
            return False
        total = self.totals.usable
        if self._goes_on and total is not None and self._planned < total:
            return True
        return self._goes_on and not self._waiting

    def ask(self) -> PageRequest:
        """Return the next page to be asked for, which `can_ask` allows."""
        if self._gap is not None:
            request, self._gap = self._gap, None
            # Its rows are between those that have arrived and those that are waited for.
            self._waiting.appendleft(request)
            return request
        request = PageRequest(self.window, self._planned, self.page_size, self.step or self.page_size)
        self._planned += request.rows
        self._waiting.append(request)
        return request

    def received(self, request: PageRequest, page: AnyPage) -> list[tuple[PageRequest, list[Any]]]:
        """Take a page in; return each page whose turn it is, with the rows that are new."""
        self.totals.note(page.total)
        self._arrived[request] = page
        turns: list[tuple[PageRequest, list[Any]]] = []
        while self._waiting and self._gap is None and self._waiting[0] in self._arrived:
            turn = self._waiting.popleft()
            turns.append((turn, self._read(turn, self._arrived.pop(turn))))
        return turns

    def _read(self, request: PageRequest, page: AnyPage) -> list[Any]:
        count, known = self._count(request, page), len(self.order)
        new = self._take(page, count)
        self.totals.compare(len(self.order))
        total = self.totals.usable
        reached = request.offset + count
        self._reached = max(self._reached, reached)
        is_idle = len(self.order) == known
        self._has_hole = self._has_hole or (is_idle and request.offset < (total or 0))
        if not self.step:
            # A server may have a limit of its own.
            self.step = count if count and (page.goes_on or reached < (total or 0)) else self.page_size
            self._planned = self.step
        elif 0 < count < request.rows and total is not None:
            end = min(request.offset + request.rows, total)
            if reached < end:
                self._gap = PageRequest(
                    self.window, reached, min(self.page_size, end - reached), end - reached
                )
        self._stale = self._stale + 1 if count and is_idle else 0
        self.is_stuck = self.is_stuck or self._stale >= _STALE_PAGES
        # A page without rows is the end, whatever the total is, unless rows follow. Without a total nothing
        # else is: the server may have a limit of its own, and `next` is null in some lists that go on.
        self._goes_on = count > 0 and not self.is_stuck
        if total is not None and reached >= total:
            self._goes_on = self._goes_on and page.goes_on
        if self._goes_on and not self._waiting and self._gap is None:
            # Whatever its length, the next page begins where this one ended.
            self._planned = max(reached, 1)
        return new

    @staticmethod
    def _count(request: PageRequest, page: AnyPage) -> int:
        """Return how many places of the list a page covers."""
        count = len(page.rows)
        # A page that is too long may have rows twice. To read a place again costs less than to skip it.
        return count if count <= request.limit else min(request.limit, len({row.key for row in page.rows}))

    def _take(self, page: AnyPage, count: int) -> list[Any]:
        new: list[Any] = []
        again: list[int] = []
        for row in page.rows:
            key = row.key
            is_new = self.seen.add(key)
            if is_new:
                new.append(row)
            if is_new if self.own is None else self.own.add(key):
                self.order.append(key & LOW_BITS)
            else:
                again.append(key)
        if again:
            self.repeated += len(again)
            keys = [row.key for row in page.rows]
            # Not moved: a row that is twice on the page, and one that was beyond the end of the last page.
            self.moved += sum(keys.count(key) == 1 and key not in self._surplus for key in again)
        self._surplus = frozenset()
        if len(page.rows) > count:
            self._surplus = frozenset(list(dict.fromkeys(row.key for row in page.rows))[count:])
        return new
