"""Checking: whether a window that has been read is complete, and what is missing. Pure.

A window is complete if it has as many different rows as its total states. Only the oldest records are ever
removed, so the rows that are known were all there when the total was counted: if they are as many, they are
the same rows. That holds whatever moved meanwhile. Where totals are of no use, a reading that gets no row
twice is complete: a row that came before the place of the reading would have moved another one behind it.

If every place was read and there are fewer rows than the total, then the list has some rows twice, or the
server does not keep their order, such as that of calls that ended in the same second. A second reading shows
which: it finds other rows only if the order changes.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from plivo_async.resources.listing.reading import LOW_BITS, AnyPage, PageRequest, Reading
from plivo_async.resources.listing.round import Round
from plivo_async.resources.listing.seen import Seen

# Without progress so often while nothing moves, what is missing cannot be found.
_IDLE_ROUNDS = 2
# Without progress so often while rows move, to read all pages finds more than a search.
_LOST_ROUNDS = 3
_TAIL_ROWS = 20
# How many rows may get too old while a list is read.
_TRIMMED_ROWS = 10_000
# Whatever progress there is, a list ends.
_MAX_ROUNDS = 25
_MAX_READINGS = 5
# Where the order of rows changes, each reading finds two of three rows that are missing.
_MAX_UNORDERED_READINGS = 12


class _Step(Enum):
    CHECK = "ask for the newest page"
    TAIL = "ask for the oldest page"
    ROUND = "search"
    READ = "read again"
    OVER = "over"


class Checking:
    """Checks a window, and searches until what is known and the total agree.

    Args:
        reading: The window, read.
        seen: The keys of all rows that the list has yielded.
        is_last: Whether nothing was read after it, so that its totals are those of the end.

    Attributes:
        window: The window that is checked.
        complete: Whether every record of the window was found.
        missing: How many records were not found; None if that is not known.
        warnings: The findings that need attention, in words.
        late: How many records were found here.
    """

    def __init__(self, reading: Reading, seen: Seen, *, is_last: bool) -> None:
        self._seen = seen
        self.window = reading.window
        self._page_size = min(reading.page_size, reading.step or reading.page_size)
        self._totals = reading.totals
        self._order = reading.order
        # Where the keys of the rows of this window are, perhaps with others.
        self._keys = seen if reading.own is None else reading.own
        self._known = len(reading.order)
        self._round: Round | None = None
        self._again: Reading | None = None
        self._tags: dict[PageRequest, Any] = {}
        self._waiting = 0
        self._known_before = self._longest_page = 0
        self._rounds = self._lost = self._idle = self._readings = 0
        self._totals_in_round: set[int | None] = set()
        self._step = _Step.CHECK
        self.complete = False
        self.missing: int | None = None
        self.warnings: list[str] = []
        self.late = 0
        # How many rows the list has twice.
        self._spare = _spare(reading)
        # Before the window is read again: how many rows were late, and the total.
        self._before = (0, 0)
        self._is_unordered = False
        if self._totals.usable is None:
            self._without_total(moved=reading.moved)
        elif _is_doubtful(reading):
            self._read()
        elif is_last and self._known + self._spare == self._totals.latest == self._totals.most:
            self._finish()

    @property
    def is_over(self) -> bool:
        """Whether it is known if the window is complete."""
        return self._step is _Step.OVER

    @property
    def can_ask(self) -> bool:
        """Whether there is a page to be asked for now."""
        if self._step in (_Step.CHECK, _Step.TAIL):
            return not self._waiting
        if self._round is not None:
            return self._round.can_ask
        return self._again is not None and self._again.can_ask

    def ask(self) -> PageRequest:
        """Return the next page to be asked for, which `can_ask` allows."""
        self._waiting += 1
        if self._again is not None:
            return self._again.ask()
        offset, limit, tag = 0, self._page_size, None
        if self._round is not None:
            offset, tag = self._round.ask()
        elif self._step is _Step.TAIL:
            limit = _TAIL_ROWS
            # One row more than there is, if the total is right.
            offset = max(0, (self._totals.latest or 0) - limit + 1)
        request = PageRequest(self.window, offset, limit, limit)
        self._tags[request] = tag
        return request

    def received(self, request: PageRequest, page: AnyPage) -> list[Any]:
        """Take a page in; return the rows that are new."""
        self._waiting -= 1
        if self._again is not None:
            new = [row for _, rows in self._again.received(request, page) for row in rows]
            self.late += len(new)
            if self._again.is_over:
                self._read_again(self._again)
            return new
        self._totals.note(page.total)
        new, unknown = self._take(page)
        tag = self._tags.pop(request)
        if self._step is _Step.TAIL:
            if request.offset + len(page.rows) == page.total:
                self._trim([row.key & LOW_BITS for row in page.rows])
            self._checked(page.total)
        elif self._round is None:
            for place, row in enumerate(page.rows):
                if row.key in unknown:
                    self._order.insert(place, row.key & LOW_BITS)
            self._checked(page.total)
        else:
            self._totals_in_round.add(page.total)
            keys = [row.key & LOW_BITS for row in page.rows]
            latest = self._totals.latest or 0
            self._round.received(tag, keys, {key & LOW_BITS for key in unknown}, latest)
            if self._round.is_over:
                self._searched(self._round)
        return new

    def _take(self, page: AnyPage) -> tuple[list[Any], set[int]]:
        """Return the rows of a page that are new to the list, and the keys of those new to the window."""
        new: list[Any] = []
        unknown: set[int] = set()
        for row in page.rows:
            is_new = self._seen.add(row.key)
            if is_new:
                new.append(row)
            if is_new if self._keys is self._seen else self._keys.add(row.key):
                unknown.add(row.key)
        self.late += len(new)
        self._known += len(unknown)
        self._longest_page = max(self._longest_page, len(page.rows))
        return new, unknown

    def check_again(self) -> None:
        """Check the window once more, because the checks of others lasted a while; not without totals."""
        if self.complete and self._totals.usable is not None:
            self._step, self.complete, self.missing = _Step.CHECK, False, None
            self._rounds = self._lost = self._idle = 0

    def _checked(self, total: int | None) -> None:
        """Compare what is known with a total that was counted while nothing else of the window was read."""
        known = self._known + self._spare
        if total is None:
            self._without_total(moved=1)
        elif known == total:
            self._finish()
        elif known > total and self._step is not _Step.TAIL:
            self._step = _Step.TAIL
        elif known > total:
            self._totals.wrong = True
            self._without_total(moved=1)
        elif self._idle >= _IDLE_ROUNDS or self._rounds >= _MAX_ROUNDS:
            self._give_up(total - known)
        elif self._idle or self._lost >= _LOST_ROUNDS:
            self._lost = 0
            self._read()
        else:
            self._rounds += 1
            self._known_before = self._known
            self._totals_in_round = {total}
            self._step, self._round = _Step.ROUND, Round(self._order, total, self._page_size)

    def _trim(self, keys: list[int]) -> None:
        """Forget the rows behind the last one that the list still has: those got too old to be kept."""
        kept = len(self._order)
        while kept and len(self._order) - kept < _TRIMMED_ROWS and self._order[kept - 1] not in keys:
            kept -= 1
        if not keys or (kept and self._order[kept - 1] in keys):
            self._known -= len(self._order) - kept
            del self._order[kept:]

    def _searched(self, search: Round) -> None:
        found = self._known - self._known_before
        # Before the total changed, no row moved.
        is_quiet = len(self._totals_in_round) == 1
        self._order = search.order()
        self._round = None
        self._step = _Step.CHECK
        if not search.is_sound and 0 < self._longest_page < self._page_size:
            # The server has a limit of its own.
            self._page_size = self._longest_page
        elif is_quiet and search.is_sound and search.is_ordered:
            # Every place was looked at.
            self._finish()
        elif found:
            self._idle = self._lost = 0
        elif not is_quiet:
            self._lost += 1
        elif search.is_ordered:
            # The list ends before its total.
            self._give_up(self._totals.most - self._known - self._spare)
        else:
            self._idle += 1

    def _without_total(self, *, moved: int) -> None:
        if not self._readings:
            why = "is wrong" if self._totals.wrong else "is missing"
            self.warnings.append(f"total_count {why}: checked by reading until no row moved")
        if not moved:
            self._finish()
        elif self._readings < _MAX_READINGS and self._idle < _IDLE_ROUNDS:
            self._readings += 1
            self._read()
            self._totals.wrong = True
        else:
            self._give_up(None)

    def _read(self) -> None:
        """Read the window again from its newest row."""
        self._step = _Step.READ
        self._before = self.late, self._totals.most
        self._again = Reading(self.window, self._page_size, self._seen, own=Seen())
        self._totals = self._again.totals

    def _read_again(self, reading: Reading) -> None:
        self._again = None
        late, total = self._before
        # Records that were written meanwhile are new in any order.
        if reading.moved and self.late - late > self._totals.most - total:
            self._is_unordered = True
        if self._is_unordered and self._totals.usable is not None:
            self._read_unordered(reading, self.late - late)
            return
        found = len(reading.order) > self._known
        self._order, self._known = reading.order, len(reading.order)
        self._keys = self._seen if reading.own is None else reading.own
        if self._totals.usable is None:
            self._idle = 0 if found else self._idle + 1
            self._without_total(moved=reading.moved)
        else:
            self._idle = 0 if found or not self._idle else self._idle + 1
            self._spare = _spare(reading)
            self._step = _Step.CHECK

    def _read_unordered(self, reading: Reading, found: int) -> None:
        """Read until the rows of all readings together are as many as the total."""
        self._order, self._keys, self._spare = reading.order, self._seen, 0
        self._known += found
        self._idle = 0 if found else self._idle + 1
        self._readings += 1
        if self._known >= self._totals.most:
            self._idle, self._step = 0, _Step.CHECK
        elif self._readings < _MAX_UNORDERED_READINGS and self._idle < _IDLE_ROUNDS:
            self._read()
        else:
            self._give_up(self._totals.most - self._known)

    def _finish(self) -> None:
        self._step = _Step.OVER
        self.complete, self.missing = True, 0

    def _give_up(self, missing: int | None) -> None:
        self._step = _Step.OVER
        self.missing = missing
        fact = (
            "rows moved in every reading"
            if missing is None
            else f"{missing} of the records that Plivo counts were not found"
        )
        self.warnings.append(fact)


def _is_doubtful(reading: Reading) -> bool:
    """Return whether rows came on two pages, in place of others."""
    return reading.moved > 0 and _spare(reading) > 0


def _spare(reading: Reading) -> int:
    """Return how many rows the list is known to have twice."""
    return reading.totals.most - len(reading.order) if reading.is_proven else 0
