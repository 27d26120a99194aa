"""client.calls.list from end to end, over a simulated list."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from plivo_async import (
    CallDetailRecord,
    ConfigurationError,
    DecodeError,
    Failed,
    Fetched,
    Listing,
)
from tests.resources.listing.simulated import NOW, SimulatedList, uuid_of

DAY = timedelta(days=1)
Calls = Listing[CallDetailRecord]


def listed(calls: SimulatedList, days: float = 89, **options: Any) -> Calls:
    return calls.client(retry=None).calls.list(NOW - timedelta(days=days), NOW, **options)


async def uuids_of(listing: Calls) -> list[Any]:
    return [outcome.call_uuid async for outcome in listing]


def full(count: int, days: float = 89) -> SimulatedList:
    calls = SimulatedList()
    calls.fill(count, days)
    return calls


class TestIteration:
    async def test_yields_every_record_once_the_newest_first(self) -> None:
        listing = listed(full(1234))
        assert await uuids_of(listing) == [uuid_of(number) for number in range(1234)]
        assert listing.report.complete

    async def test_yields_typed_records(self) -> None:
        [outcome] = [outcome async for outcome in listed(full(1))]
        assert isinstance(outcome, Fetched)
        assert outcome.record.total_amount == Decimal("0.00850")
        assert outcome.record.end_time == NOW - 44.5 * DAY

    async def test_sends_both_bounds_in_utc_and_no_window_above_30_days(self) -> None:
        calls = full(10)
        await uuids_of(listed(calls))
        windows = {(query["end_time__gte"], query["end_time__lt"]) for query in calls.queries}
        assert windows == {
            ("2026-10-29 12:00:00", "2026-11-28 12:00:00"),
            ("2026-09-29 12:00:00", "2026-10-29 12:00:00"),
            ("2026-08-31 12:00:00", "2026-09-29 12:00:00"),
        }

    async def test_sends_the_filters_with_each_request(self) -> None:
        calls = full(50, 1)
        await uuids_of(listed(calls, 1, call_direction="inbound", bill_duration__gte=60))
        assert {(q["call_direction"], q["bill_duration__gte"]) for q in calls.queries} == {("inbound", "60")}

    async def test_of_a_window_takes_as_many_requests_as_it_has_pages(self) -> None:
        calls = full(100, 7)
        listing = listed(calls, 7)
        await uuids_of(listing)
        assert len(calls.queries) == listing.report.requests == 5

    async def test_of_nothing_ends(self) -> None:
        listing = listed(SimulatedList())
        assert await uuids_of(listing) == []
        assert listing.report.complete

    async def test_runs_once(self) -> None:
        listing = listed(full(3))
        await uuids_of(listing)
        with pytest.raises(ConfigurationError, match="a list runs once"):
            await uuids_of(listing)
        with pytest.raises(ConfigurationError, match="a list runs once"):
            await listing

    async def test_shows_its_progress(self) -> None:
        listing = listed(full(45))
        assert repr(listing) == "<Listing not begun: done=0, failed=0, total=None>"
        assert (listing.elapsed, listing.rate, listing.holding) == (0, 0, None)
        async with listing:
            async for _ in listing:
                break
            assert (listing.done, listing.failed, listing.total) == (1, 0, 45)
            assert repr(listing) == "<Listing under way: done=1, failed=0, total=45>"
            assert not listing.report.complete
        assert listing.rate > 0
        assert repr(listing) == "<Listing ended: done=1, failed=0, total=45>"
        assert not listing.report.complete


class TestFirstPage:
    async def test_is_one_request(self) -> None:
        calls = full(100)
        page = await listed(calls)
        assert [record.call_uuid for record in page.records] == [uuid_of(number) for number in range(20)]
        assert (page.total, page.since, page.until) == (34, NOW - 30 * DAY, NOW)
        assert page.api_id == "request-1"
        assert len(calls.queries) == 1

    async def test_has_the_rows_that_cannot_be_read(self) -> None:
        calls = full(3, 1)
        calls.alter = lambda page, number: (
            page["objects"].insert(1, {"call_uuid": "odd", "end_time": 5}) or page
        )
        page = await listed(calls, 1)
        assert len(page.records) == 3
        [failed] = page.failed
        assert failed.call_uuid == "odd"


async def test_a_row_that_cannot_be_read_costs_no_other() -> None:
    calls = full(30, 1)
    odd = '{"call_uuid": "odd", "end_time":"yesterday"}'

    def alter(page: dict[str, Any], number: int) -> bytes:
        text = json.dumps(page)
        return text.replace(
            '"objects": [', f'"objects": [{odd}, ' if number == 1 else '"objects": ['
        ).encode()

    calls.alter = alter
    outcomes = [outcome async for outcome in listed(calls, 1)]
    [failed] = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(outcomes) == 31
    assert (failed.call_uuid, failed.error.body) == ("odd", odd.encode())
    assert isinstance(failed.error, DecodeError)
    assert failed.error.fields == ("end_time",)
