"""What the fake serves beside calls: SIP-trunk calls, insights, recordings, live calls, statistics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from plivo_async import ConfigurationError, InvalidCallUUIDError
from plivo_async.testing import Drop, FakePlivo
from tests.testing.asking import ask, http_client
from tests.testing.test_fake_lists import NOW, Clock, call, names, page, request

_TRUNK = "Zentrunk/Call/"
_ONE = {"call_uuid": "t1", "end_time": "2026-11-27 12:00:00", "from_number": "+12025550100"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakePlivo:
    return FakePlivo((), rate_limit=None, now=NOW, clock=clock)


def recording(name: str, **more: Any) -> dict[str, Any]:
    return {"recording_id": name, "add_time": "2026-11-27 12:00:00+05:30", "call_uuid": "c1", **more}


class TestTrunkCalls:
    async def test_are_in_a_store_of_their_own(self, fake: FakePlivo) -> None:
        fake.trunk_calls.add(_ONE)
        fake.add(call("c1"))

        assert await page(fake, _TRUNK + "t1/") == _ONE
        for path in ("Call/t1/", _TRUNK + "c1/"):
            assert (await request(fake, path)).status_code == 404
        assert (await names(fake), await names(fake, _TRUNK)) == (["c1"], ["t1"])

    async def test_have_an_error_with_a_capital(self, fake: FakePlivo) -> None:
        assert "Error" in (await request(fake, _TRUNK + "none/")).json()

    async def test_are_generated_in_the_form_of_a_trunk(self, fake: FakePlivo) -> None:
        generated = fake.trunk_calls.generate(60, since=NOW - timedelta(days=80), until=NOW)
        calls = fake.generate(60)
        rows = [row for offset in (0, 20) for row in (await page(fake, _TRUNK, offset=offset))["objects"]]

        assert fake.trunk_calls.names == generated
        assert not set(generated) & set(calls)
        assert [row["call_uuid"] for row in rows] == generated[: len(rows)]
        assert {row["hangup_cause_code"] for row in rows} <= {3000, 3010, 4410, 4550}
        assert {row["srtp"] for row in rows} == {True, False}
        assert all(datetime.fromisoformat(row["end_time"]).tzinfo is None for row in rows)
        assert all(row["from_number"].startswith("+") for row in rows)
        assert any(row["answer_time"] is None for row in rows)

    async def test_have_other_spans_than_calls(self, fake: FakePlivo) -> None:
        fake.trunk_calls.add(_ONE | {"call_uuid": "t20", "end_time": "2026-11-08 12:00:00"})
        fake.trunk_calls.add(_ONE | {"call_uuid": "t40", "end_time": "2026-10-19 12:00:00"})

        assert await names(fake, _TRUNK) == ["t20"]
        wide = {"end_time__gte": "2026-08-31 00:00", "end_time__lt": "2026-11-28 00:00"}
        assert await names(fake, _TRUNK, **wide) == ["t20", "t40"]
        assert (await request(fake, _TRUNK, end_time__lt="2026-11-28 00:00")).status_code == 400

    @pytest.mark.parametrize(("number", "found"), [("1202", ["t1"]), ("%2B1202", [])])
    async def test_are_found_by_a_number_without_plus_only(
        self, fake: FakePlivo, number: str, found: list[str]
    ) -> None:
        fake.trunk_calls.add(_ONE)
        path = f"/v1/Account/{fake.auth_id}/{_TRUNK}?from_number={number}"

        assert [row["call_uuid"] for row in (await ask(fake, path)).json()["objects"]] == found

    async def test_can_be_filtered_by_filters_only(self, fake: FakePlivo) -> None:
        response = await request(fake, _TRUNK, srtp="true")

        assert (response.status_code, response.json()["error"]) == (400, "filtering not allowed on srtp")
        assert sorted(response.json()) == ["app_id", "error", "status"]

    async def test_can_be_late(self, fake: FakePlivo) -> None:
        fake.trunk_calls.add(_ONE)
        [generated] = fake.trunk_calls.generate(
            1, since=NOW - timedelta(days=9), until=NOW - timedelta(days=8)
        )
        assert await names(fake, _TRUNK) == ["t1", generated]
        for name in ("t1", generated):
            fake.trunk_calls.publish_later(name, after_lists=1)

        assert [await names(fake, _TRUNK) for _ in range(2)] == [[], ["t1", generated]]
        assert (await page(fake, f"{_TRUNK}{generated}/"))["call_uuid"] == generated
        assert (await request(fake, _TRUNK + "none/")).status_code == 404

    async def test_have_insights(self, fake: FakePlivo) -> None:
        insights = {"call_uuid": "t1", "rtt": "42.0"}
        fake.trunk_calls.add_insights(insights)

        assert await page(fake, _TRUNK + "t1/Insights/") == insights
        assert (await request(fake, _TRUNK + "t2/Insights/")).status_code == 404
        assert (await request(fake, "Call/t1/Insights/")).status_code == 404


class TestRecordings:
    async def test_are_found_by_their_call_whatever_their_age(self, fake: FakePlivo) -> None:
        fake.recordings.add(recording("r1"), recording("r2", add_time="2020-01-01 00:00:00+00:00"))
        fake.recordings.add(recording("r3", call_uuid="c2"))

        assert await names(fake, "Recording/", call_uuid="c1") == ["r1", "r2"]
        assert await names(fake, "Recording/") == ["r1", "r3"]
        assert await page(fake, "Recording/r1/") == recording("r1")
        assert (await request(fake, "Recording/c1/")).status_code == 404

    async def test_are_not_found_by_the_days_stored_and_a_time(self, fake: FakePlivo) -> None:
        fake.recordings.add(recording("r1", recording_storage_duration="20"))

        assert await names(fake, "Recording/", recording_storage_duration__gt="10") == ["r1"]
        both = {"recording_storage_duration": "20", "add_time__gte": "2026-11-20 00:00"}
        assert (await request(fake, "Recording/", **both)).status_code == 400


class TestLiveCalls:
    async def test_are_listed_and_served_until_they_end(self, fake: FakePlivo, clock: Clock) -> None:
        fake.live_calls.add("l1", seconds=60.0)
        fake.live_calls.add({"call_uuid": "l2", "from": "+1"})
        path = f"/v1/Account/{fake.auth_id}/Call/?status=live"

        assert (await ask(fake, path)).json()["calls"] == fake.live_calls.call_uuids == ["l1", "l2"]
        one = await page(fake, "Call/l1/", status="live")
        assert (one["call_status"], one["session_start"]) == ("in-progress", "2026-11-28 12:00:00")
        assert (await page(fake, "Call/l2/", status="live"))["from"] == "+1"
        clock.now += 60.0
        fake.live_calls.remove("l2")
        assert (await ask(fake, path)).json()["calls"] == []
        assert (await request(fake, "Call/l1/", status="live")).status_code == 404

    async def test_are_apart_from_queued_ones_and_have_no_record(self, fake: FakePlivo) -> None:
        fake.queued_calls.add("q1")

        assert (await page(fake, status="queued"))["calls"] == ["q1"]
        one = await page(fake, "Call/q1/", status="queued")
        assert one["call_status"] == "queued"
        assert not {"request_uuid", "session_start"} & one.keys()
        assert (await page(fake, status="live"))["calls"] == []
        for query in ({}, {"status": "live"}, {"status": "completed"}):
            assert (await request(fake, "Call/q1/", **query)).status_code == 404

    def test_need_a_call_uuid_and_a_finite_time(self, fake: FakePlivo) -> None:
        for wrong in ("", {"from": "+1"}):
            with pytest.raises(InvalidCallUUIDError):
                fake.live_calls.add(wrong)
        with pytest.raises(ConfigurationError, match="seconds"):
            fake.live_calls.add("l1", seconds=-1.0)


class TestStatistics:
    async def test_count_requests_by_kind_statuses_bytes_and_records(self, fake: FakePlivo) -> None:
        fake.add(call("c1"), call("c2"))
        responses = [
            await request(fake, path, **query)
            for path, query in [
                ("Call/c1/", {}),
                ("Call/none/", {}),
                ("Call/", {}),
                ("Call/", {"status": "live"}),
                (_TRUNK + "t1/Insights/", {}),
                ("Other/", {}),
            ]
        ]

        statistics = fake.statistics
        assert statistics.requests == {
            "call": 2,
            "call list": 1,
            "insights": 1,
            "live call list": 1,
            "other": 1,
        }
        assert [one.kind for one in fake.requests[-2:]] == ["insights", "other"]
        assert statistics.statuses == {"200": 3, "404": 3}
        assert statistics.bytes_sent == sum(len(response.content) for response in responses)
        assert (statistics.records_sent, statistics.over_limit) == (3, 0)

    async def test_count_what_a_drop_sent(self) -> None:
        fake = FakePlivo()
        fake.script([Drop(after=5)])
        async with http_client(fake) as client:
            path = f"/v1/Account/{fake.auth_id}/Call/{quote(fake.call_uuids[0])}/"
            with pytest.raises(Exception, match="dropped"):
                await client.get(f"http://fake.invalid{path}", auth=(fake.auth_id, fake.auth_token))

        statistics = fake.statistics
        assert (statistics.statuses, statistics.bytes_sent, statistics.records_sent) == ({"dropped": 1}, 5, 0)

    async def test_are_served_without_credentials_and_do_not_count(self) -> None:
        fake = FakePlivo()
        await ask(fake)
        async with http_client(fake) as client:
            served = [(await client.get("http://fake.invalid/_fake/statistics")).json() for _ in range(2)]

        assert served == [fake.statistics.to_dict()] * 2
        assert served[0]["requests"] == {"call": 1}


def test_the_present_of_the_fake_goes_on_with_its_clock(fake: FakePlivo, clock: Clock) -> None:
    clock.now += 60.0

    assert fake.now == datetime(2026, 11, 28, 12, 1, tzinfo=UTC)
