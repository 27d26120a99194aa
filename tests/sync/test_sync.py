"""A sync against a fake Plivo, and against lists that a fake Plivo does not send."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, cast

import pytest
from attrs import define, evolve, field

import plivo_async.sync
from plivo_async import (
    AsyncClient,
    CallDetailRecord,
    ConfigurationError,
    DecodeError,
    Failed,
    Fetched,
    PatienceExceededError,
    SyncTargetError,
)
from plivo_async.sync import Changes, Sync, SyncReport
from plivo_async.testing import FakePlivo
from tests.sync.memory_target import MemoryTarget
from tests.sync.records import NOW, call, state

TODAY = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def target() -> MemoryTarget:
    return MemoryTarget()


@pytest.fixture
def fake() -> FakePlivo:
    return FakePlivo((), rate_limit=None)


async def run(fake: FakePlivo, target: MemoryTarget, **options: Any) -> SyncReport:
    async with fake.client(rate_limit=None) as client:
        return await Sync(client, target, **options)


def ended(number: int, ago: timedelta, **fields: Any) -> CallDetailRecord:
    """Return a record of a call that ended so long before these tests began."""
    return call(number, end_time=(TODAY - ago).isoformat(" "), **fields)


def test_a_name_that_the_module_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sync_all'"):
        plivo_async.sync.sync_all  # noqa: B018


# Against a fake Plivo


async def test_the_first_sync_reads_all_that_plivo_keeps(fake: FakePlivo, target: MemoryTarget) -> None:
    now = datetime.now(UTC)
    ids = fake.generate(200, since=now - 89 * DAY, until=now)

    report = await run(fake, target)

    assert sorted(target.records) == sorted(ids)
    assert report.complete
    assert report.changes == Changes(new=200)
    assert target.states[-1].until == report.until
    assert target.states[-1].since == report.since == report.until - 90 * DAY
    assert target.states[-1].newest == max(record.end_time or now for record in target.records.values())
    assert report.requests == len(fake.requests)


async def test_a_later_sync_reads_the_look_back_and_what_is_new(
    fake: FakePlivo, target: MemoryTarget
) -> None:
    fake.add(ended(1, 8 * HOUR), ended(2, 3 * HOUR, total_amount=None), ended(3, HOUR))
    await run(fake, target)
    before = len(fake.requests)
    fake.add(ended(2, 3 * HOUR), ended(4, 2 * HOUR))

    report = await run(fake, target)

    assert report.changes == Changes(1, 1, 1, Counter(total_amount=1))
    assert report.since == (target.records[call(3).call_uuid].end_time or NOW) - 6 * HOUR
    assert len(target.records) == 4
    # The list, and the count of three months.
    assert len(fake.requests) - before <= 6


async def test_a_record_that_is_later_than_the_look_back_is_found_too(
    fake: FakePlivo, target: MemoryTarget
) -> None:
    now = datetime.now(UTC)
    ids = fake.generate(1000, since=now - 89 * DAY, until=now)
    late = ids[700]
    fake.publish_later(late, after_lists=60)
    await run(fake, target)
    assert late not in target.records
    before = len(fake.requests)
    fake.publish_later(late)

    report = await run(fake, target)

    assert late in target.records
    assert (report.changes.new, report.late) == (1, 1)
    assert len(fake.requests) - before < 40


async def test_a_row_that_cannot_be_read_is_searched_for_once(fake: FakePlivo, target: MemoryTarget) -> None:
    fake.add({**ended(1, 40 * DAY).to_dict(), "total_amount": "much"}, ended(2, HOUR))
    failed = list[Failed]()

    report = await run(fake, target, on_failed=failed.append)

    assert (report.failed, report.changes.new, report.complete) == (1, 1, True)
    assert [one.call_uuid for one in failed] == [call(1).call_uuid]
    assert target.states[-1].excess == 1
    assert (await run(fake, target)).failed == 0


async def test_a_target_of_another_account_is_refused(fake: FakePlivo, target: MemoryTarget) -> None:
    target.states.append(state(account="MA1"))
    with pytest.raises(SyncTargetError, match="calls of the account MA1, not of MA2025"):
        await run(fake, target)
    assert not fake.requests


@pytest.mark.parametrize("look_back", [timedelta(seconds=-1), timedelta(days=91)])
async def test_a_look_back_is_from_0_to_90_days(
    fake: FakePlivo, target: MemoryTarget, look_back: timedelta
) -> None:
    with pytest.raises(ConfigurationError, match="look_back must be from 0 to 90 days, not"):
        await run(fake, target, look_back=look_back)


# Against lists of a test


@define
class StubListing:
    """A list of some outcomes."""

    outcomes: list[Fetched[CallDetailRecord] | Failed]
    total: int | None
    is_complete: bool
    error: Exception | None = None
    done: int = 0
    failed: int = 0
    holding: Any = None

    @property
    def report(self) -> Any:
        missing = None if self.total is None else self.total - len(self.outcomes)
        return StubReport(self.is_complete, missing)

    async def _first_page(self, *, holds: bool) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def __aiter__(self) -> AsyncIterator[Fetched[CallDetailRecord] | Failed]:
        for outcome in self.outcomes:
            self.done += 1
            self.failed += isinstance(outcome, Failed)
            yield outcome
        if self.error is not None:
            raise self.error


@define
class StubReport:
    complete: bool
    missing: int | None
    requests: int = 1
    warnings: tuple[str, ...] = ("a warning",)


@define(slots=False)
class StubClient:
    """A client whose lists are those of a test.

    Attributes:
        records: The records that Plivo keeps.
        uncounted: Records that it counts and does not return.
        asked: The spans of the lists that were iterated.
    """

    records: list[CallDetailRecord] = field(factory=list[CallDetailRecord])
    uncounted: list[datetime] = field(factory=list[datetime])
    counts: bool = True
    error: Exception | None = None
    failed: list[Failed] = field(factory=list[Failed])
    asked: list[tuple[datetime, datetime]] = field(factory=list[tuple[datetime, datetime]])
    auth_id: str = "MA1"

    @property
    def calls(self) -> Self:
        return self

    def list(self, *, since: datetime, until: datetime, page_size: int, **_: Any) -> StubListing:
        found = [one for one in self.records if one.end_time is None or since <= one.end_time < until]
        hidden = sum(since <= end < until for end in self.uncounted)
        total = len(found) + hidden if self.counts else None
        if page_size > 1:
            self.asked.append((since, until))
        outcomes: list[Fetched[CallDetailRecord] | Failed] = [Fetched(one.call_uuid, one) for one in found]
        return StubListing([*outcomes, *self.failed], total, not hidden, self.error)

    def sync(self, target: MemoryTarget, **options: Any) -> Sync:
        return Sync(cast("AsyncClient", self), target, now=lambda: NOW, **options)


async def test_an_incomplete_list_does_not_advance_the_state(target: MemoryTarget) -> None:
    client = StubClient([call(1), call(60 * 24 * 50)], [NOW - 40 * DAY])

    report = await client.sync(target)

    assert not report.complete
    assert report.missing == 1
    assert report.warnings == ("a warning",)
    assert len(target.records) == 2
    # Spans of 1, 4 and 16 days were complete.
    assert target.states[-1].until == NOW - 69 * DAY
    client.uncounted.clear()
    assert (await client.sync(target)).complete
    assert target.states[-1].until == NOW


async def test_a_sync_that_fails_goes_on_after_what_was_read(target: MemoryTarget) -> None:
    client = StubClient([call(1), call(60 * 24 * 88)])
    failing = client.sync(target)
    real = client.list

    def failing_list(**arguments: Any) -> StubListing:
        listing = real(**arguments)
        if len(client.asked) == 3:
            listing.error = PatienceExceededError("an outage")
        return listing

    client.list = failing_list  # type: ignore[method-assign]
    with pytest.raises(PatienceExceededError):
        await failing
    done = client.asked[1][1]
    assert target.states[-1].until == done

    client.list = real  # type: ignore[method-assign]
    client.asked.clear()
    await client.sync(target)

    assert client.asked[0][0] == NOW - 88 * DAY - 6 * HOUR
    assert len(target.records) == 2


async def test_records_are_written_1000_at_a_time(target: MemoryTarget) -> None:
    client = StubClient([call(number) for number in range(1, 2501)])
    sync = client.sync(target)
    assert (sync.done, sync.total, sync.holding) == (0, None, None)

    await sync

    assert (sync.done, sync.failed, sync.changes.new) == (2500, 0, 2500)
    assert sync.total == 2500
    assert sync.holding is None
    # Before the last span, and in it: with the state of before, and then once with the new one.
    assert [one.until == NOW for one in target.states][-3:] == [False, False, True]


async def test_the_total_is_that_of_the_list_where_there_is_one(target: MemoryTarget) -> None:
    target.states.append(state())
    client = StubClient([call(number) for number in range(1, 11)])
    sync = client.sync(target)
    await sync
    assert sync.total == 10
    assert len(client.asked) == 1


async def test_without_a_count_of_plivo_a_sync_reads_all_the_same(target: MemoryTarget) -> None:
    client = StubClient([call(1)], counts=False)
    sync = client.sync(target)
    report = await sync
    assert report.complete
    assert sync.total is None
    assert target.states[-1].until == NOW


async def test_a_target_that_cannot_count_is_not_compared(target: MemoryTarget) -> None:
    target.can_count = False
    client = StubClient([call(1)])
    await client.sync(target)
    client.records.append(call(60 * 24 * 40))
    assert (await client.sync(target)).late == 0


async def test_a_count_that_fits_no_rows_is_followed_once(target: MemoryTarget) -> None:
    target.states.append(state())
    client = StubClient([call(60 * 24 * number) for number in range(1, 80)], [NOW - 20 * DAY, NOW - 70 * DAY])
    target.records.update((record.call_uuid, record) for record in client.records)

    await client.sync(target)
    assert target.states[-1].excess == 2
    assert len(client.asked) == 2

    client.asked.clear()
    await client.sync(target)
    assert len(client.asked) == 1

    client.uncounted.pop()
    await client.sync(target)
    assert target.states[-1].excess == 1


async def test_a_count_that_plivo_stops_sending_ends_the_comparison(target: MemoryTarget) -> None:
    target.states.append(state())
    client = StubClient([call(60 * 24 * 20)])
    sync = client.sync(target)
    real = client.list

    def stopping(**arguments: Any) -> StubListing:
        client.counts = not client.asked[1:]
        return real(**arguments)

    client.list = stopping  # type: ignore[method-assign]
    assert (await sync).late == 1
    assert target.states[-1].excess == 0


async def test_a_large_span_is_halved(target: MemoryTarget) -> None:
    target.states.append(state())
    client = StubClient([call(600 + number) for number in range(500)])
    target.records.update((record.call_uuid, record) for record in client.records[1:])

    report = await client.sync(target)

    assert report.late == 1
    assert all(until - since <= 12 * HOUR for since, until in client.asked[1:])


async def test_a_half_without_a_count_is_left_out(target: MemoryTarget) -> None:
    target.states.append(state())
    client = StubClient([call(600 + number) for number in range(500)])
    real = client.list

    def uncounted(**arguments: Any) -> StubListing:
        listing = real(**arguments)
        if arguments["until"] - arguments["since"] < 5 * DAY:
            listing.total = None
        return listing

    client.list = uncounted  # type: ignore[method-assign]
    assert (await client.sync(target)).late == 0


async def test_an_hour_is_not_halved(target: MemoryTarget) -> None:
    target.states.append(state())
    at = (NOW - 10 * HOUR).isoformat(" ")
    client = StubClient([call(number, end_time=at) for number in range(500)])

    assert (await client.sync(target)).late == 500
    assert client.asked[-1] == (NOW - 10 * HOUR, NOW - 9 * HOUR)


async def test_a_failed_row_counts_once_however_often_it_is_read(target: MemoryTarget) -> None:
    row = Failed("", DecodeError("the row cannot be read", body=b"{}"))
    client = StubClient(failed=[row])
    sync = client.sync(target)
    report = await sync
    assert (report.failed, sync.done, len(client.asked) > 1) == (1, 1, True)


async def test_a_record_outside_its_span_is_written_and_does_not_count_as_the_newest(
    target: MemoryTarget,
) -> None:
    client = StubClient([evolve(call(1), end_time=None)])
    await client.sync(target)
    assert len(target.records) == 1
    assert target.states[-1].newest is None


async def test_what_is_no_longer_kept_is_reported(target: MemoryTarget) -> None:
    target.states.append(state(until=NOW - 100 * DAY, newest=NOW - 100 * DAY, since=NOW - 190 * DAY))
    report = await StubClient().sync(target)
    assert (report.lost_since, report.lost_until) == (NOW - 100 * DAY, NOW - 90 * DAY)
