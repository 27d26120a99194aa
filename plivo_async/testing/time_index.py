"""Names of records in the order of their times, newest first."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from attrs import define


class TimeIndex:
    """Names in the order of their times, newest first; times are microseconds since 1970."""

    def __init__(self, entries: Iterable[tuple[int, str]] = ()) -> None:
        # Negative, because bisect needs an ascending order. Names of one time stay as they were given.
        ordered = sorted(((-time, name) for time, name in entries), key=lambda entry: entry[0])
        self._keys = array("q", [key for key, _ in ordered])
        self._names = [name for _, name in ordered]

    def add(self, time: int, name: str) -> None:
        """Add a name, before those of the same time."""
        position = bisect_left(self._keys, -time)
        self._keys.insert(position, -time)
        self._names.insert(position, name)

    def remove(self, time: int, name: str) -> None:
        """Remove a name that was added with this time."""
        position = self._names.index(name, bisect_left(self._keys, -time), bisect_right(self._keys, -time))
        del self._keys[position], self._names[position]

    def between(self, since: int, until: int) -> Selection:
        """Return the names of the times from `since`, included, to `until`, excluded."""
        begin = bisect_right(self._keys, -until)
        return Selection(self._keys, self._names, begin, max(begin, bisect_right(self._keys, -since)))


@define
class Selection:
    """Some neighbours in a list of names, and of the negative times in another; neither is copied."""

    keys: Sequence[int]
    names: Sequence[str]
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def page(self, offset: int, size: int) -> Sequence[str]:
        """Return up to `size` names from an offset."""
        begin = self.begin + offset
        return self.names[begin : max(begin, min(begin + size, self.end))]

    def entries(self) -> Iterator[tuple[int, str]]:
        """Return each time with its name."""
        for position in range(self.begin, self.end):
            yield -self.keys[position], self.names[position]
