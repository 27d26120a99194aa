"""What a fake Plivo was asked for and sent."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from plivo_async.exported import exported
from plivo_async.record.model import FrozenMapping
from plivo_async.testing.replies import Reply
from plivo_async.testing.requests import RecordedRequest, Request

_KEPT_REQUESTS = 10_000


@exported
@frozen(kw_only=True)
class FakeStatistics:
    """The counts of requests and responses of a FakePlivo since it was built.

    Attributes:
        requests: The number of requests by kind, as in `RecordedRequest.kind`.
        statuses: The number of requests by status, as text; "dropped" counts lost connections.
        over_limit: The number of requests that the rate limit refused with 429.
        bytes_sent: The bytes of all bodies.
        records_sent: The number of records in all bodies.
    """

    requests: Mapping[str, int] = field(converter=FrozenMapping, hash=False)
    statuses: Mapping[str, int] = field(converter=FrozenMapping, hash=False)
    over_limit: int
    bytes_sent: int
    records_sent: int

    def to_dict(self) -> dict[str, Any]:
        """Return the counts in their JSON form."""
        return {
            "requests": dict(self.requests),
            "statuses": dict(self.statuses),
            "over_limit": self.over_limit,
            "bytes_sent": self.bytes_sent,
            "records_sent": self.records_sent,
        }


@define
class RequestLog:
    """The last requests, and counts of all."""

    requests: deque[RecordedRequest] = field(factory=lambda: deque[RecordedRequest](maxlen=_KEPT_REQUESTS))
    statuses: Counter[int | None] = field(factory=Counter[int | None])
    kinds: Counter[str] = field(factory=Counter[str])
    bytes_sent: int = 0
    records_sent: int = 0

    def add(self, request: Request, reply: Reply, clock: float) -> None:
        """Record a request and its reply."""
        self.statuses[reply.seen_status] += 1
        self.requests.append(request.recorded(reply.seen_status, clock))
        self.kinds[str(request.route.kind)] += 1
        drop = reply.drop
        sent = len(reply.body if drop is None else reply.body[: drop.after or 0])
        self.bytes_sent += sent
        self.records_sent += reply.records if drop is None else 0

    def statistics(self, over_limit: int) -> FakeStatistics:
        """Return the counts."""
        names = {
            "dropped" if status is None else str(status): count for status, count in self.statuses.items()
        }
        return FakeStatistics(
            requests=dict(sorted(self.kinds.items())),
            statuses=dict(sorted(names.items())),
            over_limit=over_limit,
            bytes_sent=self.bytes_sent,
            records_sent=self.records_sent,
        )
