"""The lists of the fake: windows, filters, paging, late records, quirks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from plivo_async import ConfigurationError
from plivo_async.testing import FakePlivo, ListQuirks
from tests.testing.asking import ask

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WINDOW = {"end_time__gte": "2026-11-01 00:00:00", "end_time__lt": "2026-11-28 12:00:00"}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakePlivo:
    """A fake without records, whose present is fixed."""
    return FakePlivo((), rate_limit=None, now=NOW, clock=clock)


def call(name: str, ended: datetime | str | None = NOW - timedelta(days=1), **more: Any) -> dict[str, Any]:
    end_time = ended.isoformat(" ") if isinstance(ended, datetime) else ended
    return {"call_uuid": name, "end_time": end_time, **more}


async def request(fake: FakePlivo, path: str = "Call/", **parameters: Any) -> httpx.Response:
    query = urlencode(parameters)
    return await ask(fake, f"/v1/Account/{fake.auth_id}/{path}{query and '?' + query}")


async def page(fake: FakePlivo, path: str = "Call/", **parameters: Any) -> dict[str, Any]:
    response = await request(fake, path, **parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def names(fake: FakePlivo, path: str = "Call/", **parameters: Any) -> list[str]:
    rows = (await page(fake, path, **parameters))["objects"]
    return [row.get("recording_id") or row["call_uuid"] for row in rows]


async def walk(fake: FakePlivo, **parameters: Any) -> list[str]:
    """Follow `next` to the end."""
    found: list[str] = []
    while True:
        body = await page(fake, **parameters)
        found += [row["call_uuid"] for row in body["objects"]]
        if body["meta"]["next"] is None:
            return found
        parameters = dict(parse_qsl(urlsplit(body["meta"]["next"]).query))


class TestAPage:
    async def test_has_the_documented_envelope_and_the_record_without_its_api_id(
        self, fake: FakePlivo
    ) -> None:
        fake.add(*(call(f"c{n}", NOW - timedelta(days=1, minutes=n), api_id="own") for n in range(5)))

        body = await page(fake, **WINDOW, limit=2, offset=2)

        link = f"/v1/Account/{fake.auth_id}/Call/?{urlencode(sorted(WINDOW.items()))}&limit=2&offset="
        assert body == {
            "api_id": "00000000-0000-4000-8000-000000000001",
            "meta": {
                "limit": 2,
                "next": link + "4",
                "offset": 2,
                "previous": link + "0",
                "total_count": 5,
            },
            "objects": [call(f"c{n}", NOW - timedelta(days=1, minutes=n)) for n in (2, 3)],
        }

    async def test_is_found_by_following_next_to_the_end(self, fake: FakePlivo) -> None:
        generated = fake.generate(45, since=NOW - timedelta(days=2), until=NOW)

        assert await walk(fake, **WINDOW) == generated

    async def test_has_generated_records_as_they_are_alone(self, fake: FakePlivo) -> None:
        [call_uuid] = fake.generate(1, since=NOW - timedelta(days=2), until=NOW)

        [row] = (await page(fake, **WINDOW))["objects"]

        assert row == {
            key: value for key, value in (await page(fake, f"Call/{call_uuid}/")).items() if key != "api_id"
        }

    async def test_has_generated_records_of_fixed_times_if_they_are_recent(self) -> None:
        fake = FakePlivo((), now=datetime(2025, 4, 1, tzinfo=UTC))
        generated = fake.generate(3)

        assert await names(fake) == generated

    async def test_of_records_that_end_at_once_keeps_their_order(self, fake: FakePlivo) -> None:
        generated = fake.generate(30, since=NOW - timedelta(seconds=4), until=NOW)

        assert await walk(fake, **WINDOW) == generated

    @pytest.mark.parametrize("query", ["callback_url=https%3A%2F%2Fexample.com", "callback_url="])
    async def test_has_no_rows_with_a_callback_url(self, fake: FakePlivo, query: str) -> None:
        response = await ask(fake, f"/v1/Account/{fake.auth_id}/Call/?{query}")

        assert response.json() == {
            "api_id": "00000000-0000-4000-8000-000000000001",
            "message": "async api spawned",
        }


class TestAWindow:
    ENDS: ClassVar = {
        "future": NOW + timedelta(seconds=1),
        "now": NOW,
        "day": NOW - timedelta(days=1),
        "week": NOW - timedelta(days=7),
        "older": NOW - timedelta(days=7, microseconds=1),
        "kept": NOW - timedelta(days=90),
        "gone": NOW - timedelta(days=90, microseconds=1),
    }

    @pytest.fixture(autouse=True)
    def records(self, fake: FakePlivo) -> None:
        fake.add(*(call(name, ended) for name, ended in self.ENDS.items()))
        fake.add(call("never", None), call("odd", "yesterday"))

    @pytest.mark.parametrize(
        ("bounds", "found"),
        [
            ({}, ["now", "day", "week"]),
            ({"end_time__gte": "2026-11-21 12:00"}, ["future", "now", "day", "week"]),
            ({"end_time__gt": "2026-11-21 12:00:00"}, ["future", "now", "day"]),
            ({"end_time__lte": "2026-11-27 12:00:00.000000"}, ["day", "week", "older"]),
            ({"end_time__lt": "2026-11-27 12:00:00"}, ["week", "older"]),
            ({"end_time": "2026-11-27 12:00:00"}, ["day"]),
            ({"end_time__gte": "2026-11-27 12:00", "end_time__lt": "2026-11-28 12:00"}, ["day"]),
            ({"end_time__gt": "2026-11-27 12:00", "end_time__lte": "2026-11-28 12:00"}, ["now"]),
            ({"end_time__gte": "2026-11-28 12:00", "end_time__lt": "2026-11-27 12:00"}, []),
            ({"end_time__gte": "2026-08-20 00:00", "end_time__lt": "2026-09-19 00:00"}, ["kept"]),
        ],
    )
    async def test_has_the_records_between_its_bounds(
        self, fake: FakePlivo, bounds: dict[str, str], found: list[str]
    ) -> None:
        assert await names(fake, **bounds) == found

    async def test_of_more_than_30_days_is_refused(self, fake: FakePlivo) -> None:
        await page(fake, end_time__gte="2026-10-01 00:00", end_time__lt="2026-10-31 00:00")
        response = await request(fake, end_time__gte="2026-10-01 00:00", end_time__lt="2026-10-31 00:00:01")

        assert response.status_code == 400
        assert response.json()["error"] == "the bounds of end_time must be at most 30 days apart"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"end_time__gte": "2026-11-01T00:00:00"},
            {"end_time__gte": "2026-11-01 00:00:00+00:00"},
            {"end_time__gte": "2026-11-01 00:00:00Z"},
            {"end_time__gte": "2026-11-31 00:00:00"},
            {"end_time": "2026-11-01"},
            {"limit": "21"},
            {"limit": "0"},
            {"limit": "-1"},
            {"offset": "-1"},
            {"offset": "x"},
        ],
        ids=str,
    )
    async def test_with_a_value_that_is_none_is_refused(self, fake: FakePlivo, wrong: dict[str, str]) -> None:
        response = await request(fake, **wrong)

        assert response.status_code == 400
        assert next(iter(wrong)) in response.json()["error"]


class TestAFilter:
    ONE: ClassVar[dict[str, Any]] = {
        "call_direction": "outbound",
        "from_number": "+12025550100",
        "to_number": "sip:a@b",
        "bill_duration": 30,
        "hangup_cause_code": 4000,
        "hangup_source": "Callee",
        "stir_verification": "Verified",
        "parent_call_uuid": "a",
        "resource_uri": "/v1/Account/SAONE/Call/one/",
    }

    @pytest.fixture(autouse=True)
    def records(self, fake: FakePlivo) -> None:
        fake.add(call("one", **self.ONE), call("other", call_direction="inbound", bill_duration=None))

    @pytest.mark.parametrize(
        "fitting",
        [
            {"call_direction": "outbound"},
            {"from_number": "+12025550100"},
            {"from_number": "+1202"},
            {"to_number": "sip:"},
            *({"bill_duration" + suffix: "30"} for suffix in ("", "__gte", "__lte")),
            {"bill_duration__gt": "29"},
            {"bill_duration__lt": "31"},
            {"hangup_cause_code": "4000"},
            {"hangup_source": "Callee"},
            {"stir_verification": "Verified"},
            {"parent_call_uuid": "a"},
            {"subaccount": "SAONE"},
            {"call_direction": "outbound", "bill_duration": "30"},
        ],
        ids=str,
    )
    async def test_selects_what_fits(self, fake: FakePlivo, fitting: dict[str, str]) -> None:
        assert await names(fake, **WINDOW, **fitting) == ["one"]

    @pytest.mark.parametrize(
        "silent",
        [
            {"call_direction": "Outbound"},
            {"from_number": "12025550100"},
            {"bill_duration": "x"},
            {"bill_duration__gt": "30"},
            {"hangup_source": "callee"},
            {"hangup_cause_code": "no"},
            {"subaccount": "SA"},
            {"call_direction": "outbound", "bill_duration": "31"},
        ],
        ids=str,
    )
    async def test_with_an_unknown_value_finds_nothing_and_is_no_error(
        self, fake: FakePlivo, silent: dict[str, str]
    ) -> None:
        body = await page(fake, **WINDOW, **silent)

        assert (body["objects"], body["meta"]["total_count"], body["meta"]["next"]) == ([], 0, None)

    async def test_that_does_not_exist_changes_nothing(self, fake: FakePlivo) -> None:
        assert await names(fake, **WINDOW, colour="red", status="completed") == ["one", "other"]

    async def test_selects_of_records_that_come_and_change_during_the_walk(self, fake: FakePlivo) -> None:
        query = WINDOW | {"call_direction": "outbound"}
        assert await names(fake, **query) == ["one"]

        fake.add(call("two", call_direction="outbound"), call("three", call_direction="inbound"))
        fake.add(call("one", call_direction="inbound"))

        assert await names(fake, **query) == ["two"]

    async def test_has_a_selection_for_each_of_many_windows(self, fake: FakePlivo) -> None:
        for day in range(1, 20):
            for hour in ("00", "12"):
                window = {"end_time__gte": f"2026-11-{day:02} {hour}:00", "end_time__lt": "2026-11-28 00:00"}
                assert await names(fake, **window, call_direction="outbound") == ["one"]


class TestALateRecord:
    async def test_is_missing_from_lists_for_a_number_of_list_requests(self, fake: FakePlivo) -> None:
        fake.add(call("c1"), call("c2"))
        fake.publish_later("c1", after_lists=2)

        assert [await names(fake, **WINDOW) for _ in range(3)] == [["c2"], ["c2"], ["c1", "c2"]]

    async def test_is_missing_until_its_time(self, fake: FakePlivo, clock: Clock) -> None:
        generated = fake.generate(3, since=NOW - timedelta(days=1), until=NOW)
        await page(fake)
        fake.publish_later(generated[1], after_seconds=10.0)

        assert await names(fake) == [generated[0], generated[2]]
        assert (await request(fake, f"Call/{generated[1]}/")).status_code == 404
        clock.now += 10.0
        assert await names(fake) == generated

    async def test_needs_its_requests_its_time_and_its_lists(self, fake: FakePlivo, clock: Clock) -> None:
        fake.add(call("c1"))
        fake.publish_later("c1", after_requests=1, after_seconds=5.0, after_lists=1)

        assert await names(fake) == []
        clock.now += 5.0
        assert await names(fake) == []
        assert (await request(fake, "Call/c1/")).status_code == 404
        assert await names(fake) == ["c1"]
        assert (await request(fake, "Call/c1/")).status_code == 200

    async def test_can_be_postponed_and_replaced_before_it_is_there(self, fake: FakePlivo) -> None:
        fake.add(call("c1"))
        fake.publish_later("c1", after_lists=1)
        fake.publish_later("c1", after_lists=2)
        fake.add(call("c1", NOW - timedelta(hours=1)))

        assert [await names(fake, **WINDOW) for _ in range(3)] == [[], [], ["c1"]]

    async def test_moves_later_rows_to_larger_offsets(self, fake: FakePlivo) -> None:
        generated = fake.generate(40, since=NOW - timedelta(days=1), until=NOW)
        fake.publish_later(generated[5], after_lists=1)

        first = await names(fake, **WINDOW)
        second = await names(fake, **WINDOW, offset=20)

        assert first[-1] == second[0] == generated[20]

    async def test_replaces_an_earlier_one_where_it_ended(self, fake: FakePlivo) -> None:
        fake.add(call("c1", NOW - timedelta(hours=1)), call("c2", NOW - timedelta(hours=2)))
        assert await names(fake) == ["c1", "c2"]

        fake.add(call("c1", NOW - timedelta(hours=3)))

        assert await names(fake) == ["c2", "c1"]

    async def test_is_one_that_ends_in_the_future(self, fake: FakePlivo, clock: Clock) -> None:
        generated = fake.generate(4, since=NOW - timedelta(seconds=2), until=NOW + timedelta(seconds=2))
        assert fake.now == NOW

        assert await names(fake) == generated[1:]
        assert (await request(fake, f"Call/{generated[0]}/")).status_code == 404
        clock.now += 1.0
        assert await names(fake) == generated

    async def test_is_one_of_two_seeds_of_the_future(self, fake: FakePlivo, clock: Clock) -> None:
        span = {"since": NOW + timedelta(seconds=1), "until": NOW + timedelta(seconds=9)}
        first = fake.generate(3, seed=1, **span)
        second = fake.generate(3, seed=2, **span)
        clock.now += 9.0

        assert sorted(await names(fake)) == sorted(first + second)

    def test_has_numbers_that_are_checked(self, fake: FakePlivo) -> None:
        with pytest.raises(ConfigurationError, match="after_lists"):
            fake.publish_later("c1", after_lists=-1)


class TestAQuirk:
    @pytest.fixture
    def many(self, fake: FakePlivo) -> list[str]:
        return fake.generate(45, since=NOW - timedelta(days=2), until=NOW)

    @pytest.mark.parametrize(
        ("quirks", "meta"),
        [
            (ListQuirks(total_count="text"), {"total_count": "45"}),
            (ListQuirks(total_count="null"), {"total_count": None}),
            (ListQuirks(total_count_off_by=-50), {"total_count": 0}),
            (ListQuirks(total_count_off_by=3), {"total_count": 48}),
            (ListQuirks(next="null"), {"next": None, "previous": None}),
            (ListQuirks(next="boolean"), {"next": True, "previous": True}),
        ],
        ids=str,
    )
    async def test_changes_meta(
        self, fake: FakePlivo, many: list[str], quirks: ListQuirks, meta: dict[str, Any]
    ) -> None:
        fake.list_quirks = quirks
        body = await page(fake, **WINDOW, offset=20)

        assert {key: body["meta"][key] for key in meta} == meta

    @pytest.mark.parametrize(
        ("quirks", "missing"),
        [
            (ListQuirks(total_count="missing"), {"total_count"}),
            (ListQuirks(next="missing"), {"next", "previous"}),
        ],
    )
    async def test_removes_from_meta(
        self, fake: FakePlivo, many: list[str], quirks: ListQuirks, missing: set[str]
    ) -> None:
        fake.list_quirks = quirks
        meta = (await page(fake, **WINDOW))["meta"]

        assert {"limit", "offset", "next", "previous", "total_count"} - meta.keys() == missing

    async def test_makes_next_name_another_host(self, fake: FakePlivo, many: list[str]) -> None:
        fake.list_quirks = ListQuirks(next="other host")
        meta = (await page(fake, **WINDOW))["meta"]

        assert (urlsplit(meta["next"]).hostname, meta["previous"]) == ("other-host.invalid", None)

    async def test_makes_objects_null_or_missing_on_an_empty_page_only(self, fake: FakePlivo) -> None:
        fake.list_quirks = ListQuirks(empty_objects="null")
        assert (await page(fake))["objects"] is None
        fake.list_quirks = ListQuirks(empty_objects="missing")
        assert "objects" not in await page(fake)
        fake.add(call("c1", NOW - timedelta(hours=1)))
        assert await names(fake) == ["c1"]

    @pytest.mark.parametrize(("off_by", "rows"), [(-3, 17), (-30, 1), (5, 25)])
    async def test_makes_a_page_shorter_or_longer(
        self, fake: FakePlivo, many: list[str], off_by: int, rows: int
    ) -> None:
        fake.list_quirks = ListQuirks(rows_off_by=off_by)

        assert await names(fake, **WINDOW) == many[:rows]
        assert await walk(fake, **WINDOW) == many

    async def test_can_be_read(self, fake: FakePlivo) -> None:
        fake.list_quirks = quirks = ListQuirks(repeat_every=2)

        assert fake.list_quirks is quirks

    async def test_sends_a_row_twice(self, fake: FakePlivo, many: list[str]) -> None:
        fake.list_quirks = ListQuirks(repeat_every=10)

        assert await names(fake, **WINDOW) == [*many[:10], *many[9:20], many[19]]

    async def test_sends_rows_out_of_order_and_each_once(self, fake: FakePlivo, many: list[str]) -> None:
        fake.list_quirks = ListQuirks(shuffled=30)
        found = await walk(fake, **WINDOW)

        assert found[:20] != many[:20]
        assert set(found[:20]) != set(many[:20])
        assert (sorted(found), found[30:]) == (sorted(many), many[30:])

    async def test_limits_the_span(self, fake: FakePlivo) -> None:
        fake.list_quirks = ListQuirks(span_days=7)
        response = await request(fake, **WINDOW)

        assert response.status_code == 400
        assert "at most 7 days" in response.json()["error"]

    @pytest.mark.parametrize(("above_20", "rows"), [("clamp", 20), ("more", 40)])
    async def test_lets_a_limit_above_20_pass(
        self, fake: FakePlivo, many: list[str], above_20: Any, rows: int
    ) -> None:
        fake.list_quirks = ListQuirks(above_20=above_20)
        body = await page(fake, **WINDOW, limit=40)

        assert (len(body["objects"]), body["meta"]["limit"]) == (rows, rows)

    @pytest.mark.parametrize(
        "wrong",
        [{"rows_off_by": 1.5}, {"total_count_off_by": True}, {"repeat_every": -1}, {"span_days": 0}],
        ids=str,
    )
    def test_has_numbers_that_are_checked(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            ListQuirks(**wrong)


async def test_without_a_present_of_its_own_lists_begin_at_this_machines_time() -> None:
    fake = FakePlivo((), rate_limit=None)
    now = datetime.now(UTC)
    fake.add(call("c1", now - timedelta(days=6)), call("c2", now - timedelta(days=8)))

    assert await names(fake) == ["c1"]


@pytest.mark.parametrize("wrong", [datetime(2026, 1, 1), "2026-01-01"])
def test_a_present_must_be_an_aware_time(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="now must be"):
        FakePlivo(now=wrong)


def test_quirks_must_be_list_quirks() -> None:
    with pytest.raises(ConfigurationError, match="list_quirks"):
        FakePlivo(list_quirks=3)  # type: ignore[arg-type]
