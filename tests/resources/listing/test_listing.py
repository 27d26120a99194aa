"""client.calls.list from end to end, over a simulated list."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    CallDetailRecord,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    Failed,
    Fetched,
    Listing,
    NotFoundError,
    PatienceExceededError,
    RateLimit,
    RetentionError,
    ServerError,
    make_converter,
)
from plivo_async.options import Options
from plivo_async.resources.listing.fetcher import PageFetcher
from plivo_async.resources.listing.filters import call_uuid
from plivo_async.resources.listing.make import make_listing
from plivo_async.resources.listing.reading import PageRequest
from plivo_async.resources.listing.spans import Window
from plivo_async.resources.listing.spec import ListSpec
from plivo_async.testing import FakePlivo, InstantRetryPolicy, ListQuirks
from tests.resources.listing.simulated import NOW, SimulatedList, uuid_of
from tests.virtual_time import in_virtual_time, virtual_loop

DAY = timedelta(days=1)
Calls = Listing[CallDetailRecord]


def listed(calls: SimulatedList, days: float = 89, **options: Any) -> Calls:
    options = {"retry": None, **options}
    return calls.client().calls.list(NOW - timedelta(days=days), NOW, **options)


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

    async def test_has_the_rows_that_cannot_be_read_and_each_row_once(self) -> None:
        calls = full(3, 1)

        def alter(page: dict[str, Any], number: int) -> object:
            rows = page["objects"]
            return page | {"objects": [rows[0], {"call_uuid": "odd", "end_time": 5}, *rows]}

        calls.alter = alter
        listing = listed(calls, 1)
        page = await listing
        assert [record.call_uuid for record in page.records] == [uuid_of(number) for number in range(3)]
        assert [failed.call_uuid for failed in page.failed] == ["odd"]
        assert (listing.done, listing.failed, listing.total) == (4, 1, 3)
        assert (listing.report.records, listing.report.failed, listing.report.requests) == (3, 1, 1)
        assert not listing.report.complete

    async def test_is_of_a_window_that_the_server_accepts(self) -> None:
        calls = full(100)
        calls.longest = 8 * DAY
        listing = listed(calls)
        page = await listing
        assert (page.since, page.until) == (NOW - 7.5 * DAY, NOW)
        assert len(calls.queries) == listing.report.requests == 3

    async def test_of_a_server_that_refuses_every_window_is_its_error(self) -> None:
        calls = full(100)
        calls.longest = timedelta(0)
        listing = listed(calls)
        with pytest.raises(BadRequestError, match="the span is too long"):
            await listing
        assert len(calls.queries) == listing.report.requests < 15

    async def test_raises_the_error_of_its_request(self) -> None:
        calls = full(3)
        calls.alter = lambda page, number: httpx.Response(503)
        with pytest.raises(ServerError):
            await listed(calls)
        assert len(calls.queries) == 1


class TestARowThatCannotBeRead:
    """It costs no other, and has its exact JSON."""

    @pytest.mark.parametrize(
        ("row", "call_uuid", "message"),
        [
            ('{"call_uuid": "odd", "end_time":"yesterday"}', "odd", "end_time: expected a time"),
            ('{"call_uuid": "odd", "a": 1, "a": 2}', "", "two values under the key 'a'"),
            ('{"call_uuid": "odd", "total_amount": NaN}', "", "NaN is not JSON"),
            ('{"call_uuid": 7}', "", "call_uuid: expected a string, got 7"),
            ('{"end_time": null}', "", "the body is not a call detail record"),
            ("[7, 1.50]", "", "the body is not a call detail record: '[7, 1.50]'"),
            ("null", "", "the body is not a call detail record: 'null'"),
            ('{"call_uuid": ' + "[" * 100_000 + "]" * 100_000 + "}", "", "nested too deeply"),
        ],
        ids=lambda value: value[:30],
    )
    async def test_comes_out_as_failed(self, row: str, call_uuid: str, message: str) -> None:
        calls = full(30, 1)

        def alter(page: dict[str, Any], number: int) -> bytes:
            page["meta"]["total_count"] += 1
            if number > 1:
                return json.dumps(page).encode()
            return json.dumps(page).replace('"objects": [', f'"objects": [ {row} , ').encode()

        calls.alter = alter
        listing = listed(calls, 1)
        outcomes = [outcome async for outcome in listing]
        [failed] = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        assert len(outcomes) == 31
        assert (failed.call_uuid, failed.error.body) == (call_uuid, row.encode())
        assert isinstance(failed.error, DecodeError)
        assert message in str(failed.error)
        assert (failed.error.status, failed.error.attempts) == (200, 1)
        assert (listing.failed, listing.report.failed, listing.report.records) == (1, 1, 30)

    async def test_hides_the_token_that_it_reflects(self) -> None:
        calls = full(1, 1)
        calls.alter = lambda page, number: (
            page | {"objects": [{"call_uuid": "a-token-of-nobody"}, 5, "a-token-of-nobody"]}
        )
        client = AsyncClient("MA", "a-token-of-nobody", http_client=calls.http_client(), rate_limit=None)
        page = await client.calls.list(NOW - DAY, NOW)
        assert [failed.error.body for failed in page.failed] == [b"5", b'"***"']


class TestAPageThatIsNoPage:
    @pytest.mark.parametrize("body", [b"<html>", b"", b'{"meta": {"total', httpx.Response(503)], ids=repr)
    async def test_is_tried_again(self, body: object) -> None:
        calls = full(50, 1)
        calls.alter = lambda page, number: body if number in (1, 3) else page
        listing = listed(calls, 1, retry=InstantRetryPolicy())
        assert await uuids_of(listing) == [uuid_of(number) for number in range(50)]
        assert listing.report.requests == 5

    @pytest.mark.parametrize("body", [b'{"message": "async api spawned"}', b'{"objects": 7}'])
    async def test_ends_the_list_with_its_error(self, body: bytes) -> None:
        calls = full(50, 1)
        calls.alter = lambda page, number: body if number == 2 else page
        listing = listed(calls, 1)
        with pytest.raises(
            DecodeError, match="the list stopped after 20 records: the body is not a page"
        ) as caught:
            await uuids_of(listing)
        assert caught.value.body == body
        assert not listing.report.complete

    async def test_ends_the_list_after_what_came_before_it(self) -> None:
        calls = full(200, 1)
        calls.alter = lambda page, number: httpx.Response(404) if page["meta"]["offset"] == 100 else page
        listing, uuids = listed(calls, 1, concurrency=1), list[Any]()
        message = "the list stopped after 100 records: HTTP 404: the server has no such list"
        with pytest.raises(NotFoundError, match=message):
            async for outcome in listing:
                uuids.append(outcome.call_uuid)
        assert uuids == [uuid_of(number) for number in range(100)]

    @pytest.mark.parametrize("days", [1, 89])
    async def test_of_a_window_that_cannot_be_split_is_its_error(self, days: int) -> None:
        calls = full(20, days)
        calls.longest = timedelta(0)
        with pytest.raises(
            BadRequestError, match="the list stopped after 0 records: HTTP 400: the span is too"
        ):
            await uuids_of(listed(calls, days))
        assert len(calls.queries) < 18


class TestWhatConcernsAllPages:
    async def test_wrong_credentials_end_the_list(self) -> None:
        calls = full(200, 1)
        calls.alter = lambda page, number: httpx.Response(401) if number > 1 else page
        with pytest.raises(AuthenticationError, match="the list stopped after 20 records: HTTP 401"):
            await uuids_of(listed(calls, 1))
        assert len(calls.queries) < 40

    async def test_a_closed_client_ends_the_list(self) -> None:
        calls = full(1500, 7)
        client = calls.client()
        listing = client.calls.list(NOW - 7 * DAY, NOW, concurrency=2)
        with pytest.raises(ClientClosedError, match="the list stopped after"):
            async for _ in listing:
                await client.aclose()

    async def test_an_exception_of_middleware_ends_the_list(self) -> None:
        async def refuse(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            raise KeyError("mine")

        listing = full(20, 1).client(middleware=[refuse]).calls.list(NOW - DAY, NOW)
        with pytest.raises(KeyError, match="mine"):
            await uuids_of(listing)
        assert not listing.report.complete

    @in_virtual_time
    async def test_a_429_is_waited_for(self) -> None:
        calls = full(200, 1)
        wait = httpx.Response(429, headers={"Retry-After": "100"})
        calls.alter = lambda page, number: wait if number in (2, 3) else page
        listing, held = listed(calls, 1), set[str]()
        async for _ in listing:
            if listing.holding is not None:
                held.add(listing.holding.reason)
        assert (listing.done, listing.report.complete) == (200, True)
        assert virtual_loop().now > 1100

    @in_virtual_time
    async def test_an_outage_ends_the_list_after_its_patience(self) -> None:
        calls = full(200, 1)
        calls.alter = lambda page, number: httpx.Response(503) if number > 3 else page
        listing = listed(calls, 1, patience=60)
        with pytest.raises(
            PatienceExceededError, match="the list stopped after .* records: no call has succeeded"
        ):
            await uuids_of(listing)
        assert 60 <= listing.elapsed < 61
        assert listing.holding is None

    @pytest.mark.parametrize("concurrency", [1, 2])
    @in_virtual_time
    async def test_an_outage_at_the_first_page_is_waited_for(self, concurrency: int) -> None:
        """The next page is asked for only after the first, which must not wait for it."""
        calls, began = full(50, 1), virtual_loop().now
        calls.alter = lambda page, number: page if virtual_loop().now > began + 60 else httpx.Response(503)
        listing = listed(calls, 1, concurrency=concurrency)
        async with asyncio.timeout(600):
            assert len(await uuids_of(listing)) == 50

    @in_virtual_time
    async def test_shows_that_it_holds(self) -> None:
        calls = full(200, 1)
        calls.alter = lambda page, number: httpx.Response(503) if number > 1 else page
        listing, seen = listed(calls, 1, patience=60), list[str]()
        with pytest.raises(PatienceExceededError):
            async with listing:
                asyncio.get_running_loop().call_later(30, lambda: seen.append(repr(listing)))
                await uuids_of(listing)
        [text] = seen
        assert text.startswith("<Listing under way: done=20, failed=0, total=200, holding: outage")

    @in_virtual_time
    async def test_the_deadline_of_a_page_does_not_run_while_it_waits_for_the_limit(self) -> None:
        calls = full(600, 1)
        listing = calls.client(rate_limit=RateLimit(requests=5, per=10), deadline=1).calls.list(
            NOW - DAY, NOW
        )
        assert len(await uuids_of(listing)) == 600
        assert 50 <= listing.elapsed < 61

    @in_virtual_time
    async def test_the_rate_limit_is_kept_and_used(self) -> None:
        calls = full(1400, 7)
        listing = calls.client(rate_limit=RateLimit(requests=12, per=5)).calls.list(NOW - 7 * DAY, NOW)
        await uuids_of(listing)
        # 70 pages: 12 at once, then 12 every 5 s.
        assert 25 <= listing.elapsed < 26


class TestLeavingEarly:
    async def test_cancels_the_requests_under_way(self) -> None:
        calls = full(1500, 7)
        async with calls.client() as client, client.calls.list(NOW - 7 * DAY, NOW) as listing:
            async for _ in listing:
                break
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert len(calls.queries) < 100

    async def test_of_a_bare_iteration_cancels_them_when_the_iterator_is_closed(self) -> None:
        calls = full(1500, 7)
        iterator: Any = aiter(listed(calls, 7))
        await anext(iterator)
        await iterator.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_before_the_first_record_asks_for_nothing(self) -> None:
        calls = full(10)
        async with listed(calls):
            pass
        assert calls.queries == []

    async def test_by_cancellation_ends_every_request(self) -> None:
        async def never(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        listing = full(40, 7).client(middleware=[never]).calls.list(NOW - 7 * DAY, NOW)
        task = asyncio.create_task(uuids_of(listing))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}


class TestReadingAhead:
    @pytest.mark.parametrize("concurrency", [1, 5])
    async def test_is_bounded_while_the_consumer_is_slow(self, concurrency: int) -> None:
        calls = full(900)
        taken = 0
        async for _ in (listing := listed(calls, concurrency=concurrency)):
            taken += 1
            for _ in range(5):
                await asyncio.sleep(0)
            # The first pages of the other windows, the one that is taken from, and those ahead.
            assert len(calls.queries) <= taken / 20 + 2 + 1 + 2 * concurrency + 1 or taken > 800
        assert (taken, listing.report.complete) == (900, True)

    async def test_is_bounded_while_a_page_is_slow(self) -> None:
        calls, gate = full(600, 7), asyncio.Event()

        async def slow(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            if request.url.params["offset"] == "100":
                await gate.wait()
            return await call_next(request)

        listing = calls.client(middleware=[slow]).calls.list(NOW - 7 * DAY, NOW, concurrency=4)
        task = asyncio.create_task(uuids_of(listing))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert listing.done == 100
        assert len(calls.queries) <= 5 + 8
        gate.set()
        assert await task == [uuid_of(number) for number in range(600)]


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"page_size": 21}, "page_size must be at most 20, what Plivo returns for a request, not 21"),
            ({"page_size": 0}, "page_size must be at least 1, not 0"),
            ({"page_size": True}, "page_size must be a whole number"),
            ({"concurrency": 0}, "concurrency must be at least 1"),
            ({"patience": 0}, "patience must be above zero"),
            ({"allow_partial": 1}, "allow_partial must be of type bool, not 1"),
            ({"deadline": -1}, "deadline must be"),
            ({"from_number": "abc"}, "from_number must be"),
            ({"since": date(2026, 11, 1)}, "since is a date"),
        ],
        ids=str,
    )
    async def test_are_checked_before_traffic(self, arguments: dict[str, Any], message: str) -> None:
        calls = full(1)
        with pytest.raises(ConfigurationError, match=message):
            calls.client().calls.list(**arguments)
        assert calls.queries == []

    async def test_may_be_options_of_each_request(self) -> None:
        calls = full(1, 1)
        calls.alter = lambda page, number: httpx.Response(503)
        with pytest.raises(ServerError):
            await calls.client().calls.list(NOW - DAY, NOW, retry=1)
        assert len(calls.queries) == 1

    async def test_name_a_span_beyond_what_is_kept(self) -> None:
        client = full(1).client()
        since = datetime.now(UTC) - 100 * DAY
        with pytest.raises(RetentionError):
            client.calls.list(since)
        listing = client.calls.list(since, allow_partial=True)
        [warning] = listing.report.warnings
        assert warning.startswith("not listed: ")
        assert listing.report.since is not None
        assert listing.report.since > since

    async def test_are_the_last_7_days_by_default(self) -> None:
        before = datetime.now(UTC)
        report = full(1).client().calls.list().report
        assert report.since is not None
        assert report.until is not None
        assert report.until - report.since == 7 * DAY
        assert before <= report.until <= datetime.now(UTC)


class TestAListOfAnotherKind:
    """Trunk calls and recordings have rules of their own, and share the rest."""

    async def test_has_its_own_rules(self) -> None:
        calls = full(200)
        calls.longest = 90 * DAY
        spec = ListSpec(
            path="Other/",
            structure=lambda value, body, converter: (value["id"], value["end_time"]),
            filters={"parent": call_uuid},
            id_key="id",
            longest_window=90 * DAY,
            default_span=30 * DAY,
            kept=None,
            untimed=frozenset({"parent"}),
        )
        calls.alter = lambda page, number: (
            page | {"objects": [{"id": row["call_uuid"], "end_time": 5} for row in page["objects"]]}
        )
        requester = calls.requester()

        def list_of(**given: Any) -> Listing[Any]:
            bounds = {name: given.pop(name, None) for name in ("since", "until")}
            return make_listing(
                *(requester, spec, make_converter(), Options(retry=None), given), **bounds,
                zone=None, allow_partial=False, patience=None, page_size=20, concurrency=3,
            )  # fmt: skip

        outcomes = [outcome async for outcome in list_of(since=NOW - 89 * DAY, until=NOW)]
        records = [outcome.record for outcome in outcomes if isinstance(outcome, Fetched)]
        assert records == [(uuid_of(number), 5) for number in range(200)]
        assert len({query["end_time__gte"] for query in calls.queries}) == 1
        calls.queries.clear()
        listing = list_of(parent="a")
        assert len([outcome async for outcome in listing]) == 200
        assert {"end_time__gte", "end_time__lt"}.isdisjoint(calls.queries[0])
        assert (listing.report.since, listing.report.until, listing.report.complete) == (None, None, True)
        assert list_of(parent="a", since=NOW - DAY).report.since == NOW - DAY
        span = list_of().report
        assert span.until is not None
        assert span.since == span.until - 30 * DAY

    async def test_has_a_failed_row_even_if_it_can_be_read_the_second_time(self) -> None:
        """A hook of a user's converter may fail once."""

        def structure(value: Any, body: bytes, converter: object) -> str:
            if not body:
                raise DecodeError("not now")
            return "a record"

        calls = full(1, 1)
        spec = ListSpec(path="Call/", structure=structure, filters={})
        fetcher = PageFetcher(
            requester=calls.requester(), spec=spec, converter=make_converter(), options=Options(retry=None)
        )
        page = await fetcher.fetch(PageRequest(Window(NOW - DAY, NOW), 0, 20, 20), None)
        [outcome] = [row.outcome for row in page.rows]
        assert isinstance(outcome, Failed)
        assert outcome.error.message == "the row cannot be read"
        assert json.loads(outcome.error.body)["call_uuid"] == outcome.call_uuid == uuid_of(0)


@pytest.mark.parametrize(
    "quirks",
    [
        {},
        {"total_count": "text", "empty_objects": "null"},
        {"total_count": "missing", "next": "other host", "empty_objects": "missing"},
        {"total_count": "null", "rows_off_by": 4},
        {"total_count_off_by": -7, "next": "boolean"},
        {"next": "null", "rows_off_by": -7},
        {"repeat_every": 3, "next": "missing"},
        {"shuffled": 5, "span_days": 7},
    ],
    ids=str,
)
async def test_a_list_of_the_fake_with_late_records_is_complete(quirks: dict[str, Any]) -> None:
    fake, now = FakePlivo(list_quirks=ListQuirks(**quirks), rate_limit=None), datetime.now(UTC)
    ids = fake.generate(150, since=now - 80 * DAY, until=now - DAY)
    for place in (0, 5, 70, 149):
        fake.publish_later(ids[place], after_lists=4)
    async with fake.client(rate_limit=None) as client:
        listing = client.calls.list(now - 80 * DAY)
        uuids = await uuids_of(listing)
    assert sorted(uuids) == sorted(ids)
    assert listing.report.complete
