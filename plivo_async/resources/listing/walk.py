"""Walk: every record of a span once. Pure: it decides which page is asked for, and which rows come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from plivo_async.resources.listing.checking import Checking
from plivo_async.resources.listing.reading import AnyPage, PageRequest, Reading
from plivo_async.resources.listing.seen import Seen
from plivo_async.resources.listing.spans import Window

# A page whose turn it is, with the rows of it that come out.
Turn = tuple[PageRequest, list[Any]]

# Whatever is found, a list ends.
_MAX_SWEEPS = 10


class Walk:
    """Reads the windows of a span, the newest first, and then checks each of them.

    The first pages of all windows are asked for first, because they have the totals. The checks are last, so
    that they find the records which come late during the walk.

    Args:
        windows: The newest first.
        page_size: How many rows a page is asked for.
    """

    def __init__(self, windows: Iterable[Window], page_size: int) -> None:
        self._page_size = page_size
        self._seen = Seen()
        self._readings = [Reading(window, page_size, self._seen) for window in windows]
        self._owners: dict[PageRequest, Reading | Checking] = {}
        # The turns of windows whose turn it is not.
        self._held: dict[Reading, list[Turn]] = {}
        self._current = 0
        self._checkings: list[Checking] = []
        self._sweeps = self._late_before = 0
        self._unsettled: list[str] = []
        self._is_stopped = self._is_split = self._has_page = False

    @property
    def is_over(self) -> bool:
        """Whether no further page is to be asked for, and none is under way."""
        if self._is_stopped:
            return True
        checks = self._checkings
        return self._is_read and bool(checks) and all(checking.is_over for checking in checks)

    @property
    def _is_read(self) -> bool:
        return self._current >= len(self._readings)

    def ask(self) -> PageRequest | None:
        """Return the next page to be asked for; None if there is none at the moment."""
        if self._is_stopped:
            return None
        if self._is_split and not self._has_page and self._owners:
            # Perhaps the server refuses every window. To find that out takes one request for each length.
            return None
        owner = next(self._askable(), None)
        if owner is None:
            return None
        request = owner.ask()
        self._owners[request] = owner
        return request

    def _askable(self) -> Iterator[Reading | Checking]:
        yield from (reading for reading in self._readings if not reading.has_begun)
        yield from (reading for reading in self._readings[self._current :] if reading.can_ask)
        yield from (checking for checking in self._checkings if checking.can_ask)

    def received(self, request: PageRequest, page: AnyPage) -> list[Turn]:
        """Take a page in; return the pages whose turn it is, with the rows of them that come out."""
        owner = self._owners.pop(request)
        self._has_page = True
        if isinstance(owner, Checking):
            turns = [(request, owner.received(request, page))]
            self._sweep()
            return turns
        if owner not in self._readings:
            # It was split meanwhile.
            return [(request, [])]
        self._held.setdefault(owner, []).extend(owner.received(request, page))
        return self._turns()

    def _turns(self) -> list[Turn]:
        turns: list[Turn] = []
        while not self._is_read:
            reading = self._readings[self._current]
            turns += self._held.pop(reading, [])
            if not reading.is_over:
                return turns
            self._current += 1
        last = self._readings[-1]
        self._checkings = [
            Checking(reading, self._seen, is_last=reading is last) for reading in self._readings
        ]
        return turns

    def _sweep(self) -> None:
        """Check all windows again if the check of one found something: that took time."""
        if len(self._checkings) > 1 and all(checking.is_over for checking in self._checkings):
            self._sweeps += 1
            late = self.late
            if late > self._late_before and self._sweeps >= _MAX_SWEEPS:
                self._unsettled = ["records were still written late when the list ended"]
            elif late > self._late_before:
                for checking in self._checkings:
                    checking.check_again()
            self._late_before = late

    def refused(self, request: PageRequest) -> list[Turn] | None:
        """Split the window of a page that the server refuses.

        Returns:
            The pages whose turn it is; None if the window cannot be split.
        """
        owner = self._owners.pop(request)
        if owner not in self._readings:
            return None if isinstance(owner, Checking) else [(request, [])]
        halves = request.window.halves()
        if halves is None:
            return None
        self._is_split = True
        place = self._readings.index(owner)
        # The rows that were read stay: the halves leave them out.
        newer, older = (Reading(half, self._page_size, self._seen, own=Seen()) for half in halves)
        self._readings[place : place + 1] = [newer, older]
        self._held[newer] = self._held.pop(owner, [])
        return [(request, [])]

    def stop(self) -> None:
        """Ask for nothing more."""
        self._is_stopped = True

    @property
    def total(self) -> int | None:
        """How many records there are; None if that is not known."""
        totals = [reading.totals.usable for reading in self._readings]
        known = [total for total in totals if total is not None]
        return sum(known) if len(known) == len(totals) else None

    @property
    def complete(self) -> bool:
        """Whether every record came out."""
        return self.is_over and not self._is_stopped and all(c.complete for c in self._checkings)

    @property
    def missing(self) -> int | None:
        """How many records did not come out; None if that is not known."""
        missing = [checking.missing for checking in self._checkings]
        known = [count for count in missing if count is not None]
        return sum(known) if missing and len(known) == len(missing) else None

    @property
    def repeated(self) -> int:
        """How many rows came again, before the checks."""
        return sum(reading.repeated for reading in self._readings)

    @property
    def late(self) -> int:
        """How many records were found by the checks."""
        return sum(checking.late for checking in self._checkings)

    @property
    def warnings(self) -> list[str]:
        """What could not be reconciled."""
        warnings = [
            f"{checking.window.text}: {warning}"
            for checking in self._checkings
            for warning in checking.warnings
        ]
        return [*warnings, *self._unsettled]
