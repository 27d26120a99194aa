"""Round: finds the rows that came late into a window that has been read. Pure.

A record that is written late is inserted by its time, and moves every row behind it. So the place of a
known row shows how many came before it. Where that number is the same at both ends of a region, nothing came
in between. A bisection finds a late row among 100,000 with 13 pages.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

from attrs import define, field

# How far from its place a row is looked for, because more rows come late meanwhile.
_SLACK_ROWS = 64
# How many probes may find no row that is known, before the whole region is read.
_MAX_PROBES = 4
# If more pages than one in so many has a late row, to read them all costs less.
_DENSE_SHARE = 3
# A larger region is divided first, so that few rows are held at once.
_MAX_SCANNED_PAGES = 64

# The rows of a region in their order: parts that are known, and parts that are being found.
_Node: TypeAlias = "list[array[int] | _Node]"


@define(eq=False)
class Region:
    """A part of the list between two rows whose place is known.

    Attributes:
        offset: Of its first row in the list as it is now.
        known: The low bits of the keys of its rows, as far as they are known.
        extra: How many rows it has besides.
        total: How many rows the list had when its ends were found.
        node: Where its rows go when they are found.
    """

    offset: int
    known: array[int]
    extra: int
    total: int
    node: _Node = field(factory=list[Any])
    probes: int = field(default=0, init=False)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.known) + self.extra


@define(eq=False)
class _Scan:
    """A region that is read in whole."""

    region: Region
    missing: int
    pages: dict[int, list[int]] = field(factory=dict[int, list[int]], init=False)
    new: set[int] = field(factory=set[int], init=False)
    distinct: set[int] = field(factory=set[int], init=False)
    placed: int = field(default=0, init=False)


class Round:
    """One search for `total - len(order)` rows.

    Args:
        order: The low bits of the keys of all rows that are known, in the order of the list.
        total: How many there are.
        page_size: How many rows a page has at most.

    Attributes:
        is_sound: Whether every page had as many rows as it should.
        is_ordered: Whether the rows that are known were where they should be. A row that the list has twice
            is not.
    """

    def __init__(self, order: array[int], total: int, page_size: int) -> None:
        self._page_size = page_size
        self._root: _Node = []
        self._todo: deque[tuple[int, Region | _Scan]] = deque()
        self._under_way = 0
        self.is_sound = self.is_ordered = True
        self._plan(Region(0, order, total - len(order), total, self._root))

    @property
    def can_ask(self) -> bool:
        """Whether there is an offset to be asked for now."""
        return bool(self._todo)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be asked, and nothing is under way."""
        return not self._todo and not self._under_way

    def ask(self) -> tuple[int, Any]:
        """Return the next offset, and the tag that `received` expects with the page."""
        self._under_way += 1
        offset, part = self._todo.popleft()
        return offset, (offset, part)

    def received(self, asked: Any, keys: list[int], new: Collection[int], total: int) -> None:
        """Take in a page.

        Args:
            asked: From `ask`.
            keys: The low bits of the keys of its rows.
            new: Those of the rows that were not known.
            total: How many rows the list has now.
        """
        self._under_way -= 1
        offset, part = asked
        if isinstance(part, _Scan):
            self._scanned(offset, part, keys, new)
        elif not keys:
            self._shortened(offset, part)
        else:
            self._probed(offset, part, keys, new, total)

    def order(self) -> array[int]:
        """Return the low bits of the keys of all rows, those found included."""
        found = array("I")
        stack: list[array[int] | _Node] = [self._root]
        while stack:
            node = stack.pop()
            if isinstance(node, list):
                stack.extend(reversed(node))
            else:
                found.extend(node)
        return found

    def _plan(self, region: Region) -> None:
        """Decide how a region is searched."""
        pages = -(-region.rows // self._page_size)
        self.is_ordered = self.is_ordered and region.extra >= 0
        if region.extra <= 0:
            region.node.append(region.known)
        elif region.probes >= _MAX_PROBES or (
            region.extra * _DENSE_SHARE >= pages and pages <= _MAX_SCANNED_PAGES
        ):
            scan = _Scan(region, pages)
            self._todo.extend((region.offset + number * self._page_size, scan) for number in range(pages))
        else:
            # The middle, then the middles of the halves.
            share = (4, 2, 6, 1)[region.probes] / 8
            self._todo.append((region.offset + int(share * (region.rows - self._page_size)), region))

    def _scanned(self, offset: int, scan: _Scan, keys: list[int], new: Collection[int]) -> None:
        region = scan.region
        wanted = min(self._page_size, region.offset + region.rows - offset)
        self.is_sound = self.is_sound and len(keys) >= wanted
        here = set(new).union(region.known)
        self.is_ordered = self.is_ordered and all(key in here for key in keys[:wanted])
        scan.pages[offset] = keys
        scan.distinct.update(keys[:wanted])
        scan.placed += min(wanted, len(keys))
        scan.new.update(new)
        scan.missing -= 1
        if not scan.missing:
            here = scan.new.union(region.known)
            found = [key for place in sorted(scan.pages) for key in scan.pages[place] if key in here]
            # Else some rows are twice.
            self.is_ordered = self.is_ordered and len(scan.distinct) == scan.placed
            region.node.append(_merged(found, region.known))

    def _shortened(self, offset: int, region: Region) -> None:
        """Note that the list ends before an offset, whatever its total is."""
        self.is_sound = False
        region.extra = max(0, offset - region.offset - len(region.known))
        self._plan(region)

    def _probed(self, offset: int, region: Region, keys: list[int], new: Collection[int], total: int) -> None:
        places = [self._place(offset + number, region, key) for number, key in enumerate(keys)]
        found = [place for place in places if place is not None]
        if not found:
            # All of them are new, or the list has moved by far. Another place may have a row that is known.
            region.probes += 1
            middle = min(len(region.known), offset - region.offset)
            region.known[middle:middle] = array("I", [key for key in keys if key in new])
            region.extra -= len(new)
            self._plan(region)
            return
        first, last = min(found), max(found)
        before, behind = region.known[:first], region.known[last + 1 :]
        # Rows that came since may be before this place, or behind it: both sides are searched for them.
        end = region.offset + region.rows + max(0, total - region.total)
        left = Region(region.offset, before, offset - region.offset - len(before), total)
        right = Region(offset + len(keys), behind, end - offset - len(keys) - len(behind), total)
        here = [key for key, place in zip(keys, places, strict=True) if place is not None or key in new]
        region.node.extend([left.node, _merged(here, region.known[first : last + 1]), right.node])
        self._plan(left)
        self._plan(right)

    @staticmethod
    def _place(offset: int, region: Region, key: int) -> int | None:
        """Return where a row is among those that are known; None if it is not."""
        latest = offset - region.offset + _SLACK_ROWS
        earliest = latest - region.extra - 2 * _SLACK_ROWS
        try:
            return region.known.index(key, max(0, earliest), max(0, latest))
        except ValueError:
            return None


def _merged(found: Iterable[int], known: Iterable[int]) -> array[int]:
    """Return what was found, and behind it what was known and has moved elsewhere meanwhile; each once."""
    rows = dict.fromkeys(found)
    rows.update(dict.fromkeys(known))
    return array("I", rows)
