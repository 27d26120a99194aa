"""A list of calls in memory that grows while it is read, and the oddities that its pages may have."""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from attrs import define, field

from plivo_async import AsyncClient, Fetched
from plivo_async.requester import Requester
from plivo_async.resources.listing.page import Row, RowPage, decode_page
from plivo_async.resources.listing.reading import AnyPage, PageRequest
from plivo_async.resources.listing.seen import key_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@define(eq=False)
class SimulatedList:
    """`rows` are pairs of an end time, in seconds before NOW, and a number; the newest first."""

    rows: list[tuple[float, int]] = field(factory=list[tuple[float, int]])
    most_rows: int = 20
    longest: timedelta = timedelta(days=30)
    # Changes the body of a page, before it is sent.
    alter: Callable[[dict[str, Any], int], object] = lambda page, number: page
    # Called before a request is answered, with its number from 1.
    before: Callable[[int], None] = lambda number: None
    queries: list[dict[str, str]] = field(factory=list[dict[str, str]], init=False)
    next_number: int = 0

    def fill(self, count: int, days: float) -> None:
        """Spread calls evenly over the last days."""
        for number in range(count):
            self.add(days * 86400 * (number + 0.5) / count)

    def add(self, age: float) -> None:
        """Add a call that ended so many seconds before NOW."""
        bisect.insort(self.rows, (age, self.next_number))
        self.next_number += 1

    def window(self, query: dict[str, str]) -> list[tuple[float, int]]:
        if "end_time__gte" not in query:
            return self.rows
        since, until = (age_of(query[f"end_time__{bound}"]) for bound in ("gte", "lt"))
        # A greater age is an earlier time.
        first = bisect.bisect_right(self.rows, (until, 2**60))
        return self.rows[first : bisect.bisect_right(self.rows, (since, 2**60))]

    def answer(self, query: dict[str, str]) -> object:
        """The page for a query, altered; None for a span that is too long."""
        self.queries.append(query)
        number = len(self.queries)
        self.before(number)
        if "end_time__gte" in query:
            span = age_of(query["end_time__gte"]) - age_of(query["end_time__lt"])
            if span > self.longest.total_seconds():
                return None
        rows, offset = self.window(query), int(query["offset"])
        limit = min(int(query["limit"]), self.most_rows)
        found = rows[offset : offset + limit]
        page = {
            "api_id": f"request-{number}",
            "meta": {
                "limit": limit,
                "offset": offset,
                "next": f"/v1/Account/MA/Call/?offset={offset + limit}"
                if offset + limit < len(rows)
                else None,
                "previous": None,
                "total_count": len(rows),
            },
            "objects": [
                {"call_uuid": uuid_of(number), "end_time": time_of(age), "total_amount": "0.00850"}
                for age, number in found
            ],
        }
        return self.alter(page, number)

    def page(self, request: PageRequest) -> AnyPage | None:
        """The page for a request of a walk."""
        query = request.window.query("end_time")
        altered: Any = self.answer(query | {"limit": str(request.limit), "offset": str(request.offset)})
        if altered is None:
            return None
        read = decode_page(json.dumps(altered).encode())
        rows = [Row(key_of(row["call_uuid"]), Fetched(row["call_uuid"], row)) for row in read.rows]
        return RowPage(rows, read.total, read.goes_on)

    def respond(self, request: httpx.Request) -> httpx.Response:
        altered = self.answer(dict(request.url.params))
        if altered is None:
            return httpx.Response(400, json={"error": "the span is too long"})
        if isinstance(altered, httpx.Response):
            return altered
        if isinstance(altered, bytes):
            return httpx.Response(200, content=altered)
        return httpx.Response(200, content=json.dumps(altered))

    def client(self, **options: Any) -> AsyncClient:
        options = {"rate_limit": None, **options}
        return AsyncClient("MA", "token", http_client=self.http_client(), **options)

    def http_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.respond))

    def requester(self) -> Requester:
        return self.client()._core.requester

    def uuids(self) -> set[str]:
        return {uuid_of(number) for _, number in self.rows}


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def time_of(age: float) -> str:
    return (NOW - timedelta(seconds=age)).isoformat(" ", timespec="seconds")


def age_of(text: str) -> float:
    return (NOW - datetime.fromisoformat(text).replace(tzinfo=UTC)).total_seconds()
