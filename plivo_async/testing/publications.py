"""The records of a fake Plivo that are not written yet, and when they will be."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from attrs import define


@define
class _Publication:
    """When a record becomes available: after so many further requests, at a time, after so many lists."""

    requests: int
    at: float
    lists: int


class Publications:
    """Records that are withheld, by name. Times are seconds of the clock of the fake.

    Args:
        publish: Called with the name of each record that becomes available.
    """

    def __init__(self, publish: Callable[[str], object]) -> None:
        self._publish = publish
        self._withheld: dict[str, _Publication] = {}
        self._lists = 0
        self._due_by_clock: list[tuple[float, str]] = []
        self._due_by_list: list[tuple[int, str]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._withheld

    def withhold(self, name: str, requests: int, at: float, lists: int) -> None:
        """Withhold a record for requests for it, until a time, and for list requests."""
        publication = _Publication(requests, at, self._lists + lists)
        self._withheld[name] = publication
        heapq.heappush(self._due_by_clock, (at, name))
        heapq.heappush(self._due_by_list, (publication.lists, name))

    def is_published(self, name: str, clock: float) -> bool:
        """Whether a request for a record, which is counted, gets it."""
        publication = self._withheld.get(name)
        if publication is None:
            return True
        if publication.requests > 0:
            publication.requests -= 1
            self._publish_if_due(name, clock)
            return False
        return self._publish_if_due(name, clock)

    def count_list(self, clock: float) -> None:
        """Count a list request, and publish what is due."""
        while self._due_by_clock and self._due_by_clock[0][0] <= clock:
            self._publish_if_due(heapq.heappop(self._due_by_clock)[1], clock)
        while self._due_by_list and self._due_by_list[0][0] <= self._lists:
            self._publish_if_due(heapq.heappop(self._due_by_list)[1], clock)
        self._lists += 1

    def _publish_if_due(self, name: str, clock: float) -> bool:
        publication = self._withheld.get(name)
        if publication is None:
            return True
        if publication.requests or clock < publication.at or self._lists < publication.lists:
            return False
        del self._withheld[name]
        self._publish(name)
        return True
