"""`client.trunk_calls`: get, list and insights, against the fake."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plivo_async import (
    AsyncClient,
    ConfigurationError,
    DecodeError,
    Fetched,
    HangupCause,
    InvalidCallUUIDError,
    NotFoundError,
    RecordMismatchError,
    RetentionError,
    StirVerification,
    TrunkCallDetailRecord,
    TrunkCallInsights,
    TrunkHangupCause,
    TrunkHangupSource,
)
from plivo_async.testing import FakePlivo, StubResponse
from tests.record.samples import INSIGHTS, TRUNK_CALL

_CALL = TRUNK_CALL["call_uuid"]


@pytest.fixture
def fake() -> FakePlivo:
    fake = FakePlivo(rate_limit=None)
    fake.trunk_calls.add(TRUNK_CALL)
    fake.trunk_calls.add_insights(INSIGHTS)
    return fake


@pytest.fixture
def client(fake: FakePlivo) -> AsyncClient:
    return fake.client()


class TestGet:
    async def test_returns_the_record(self, client: AsyncClient) -> None:
        record = await client.trunk_calls.get(uuid.UUID(_CALL))

        assert isinstance(record, TrunkCallDetailRecord)
        assert record.to_dict() == TRUNK_CALL

    async def test_says_what_a_404_means_and_so_does_that_of_a_call(
        self, client: AsyncClient, fake: FakePlivo
    ) -> None:
        with pytest.raises(NotFoundError, match=r"a call of the voice API, for calls\.get"):
            await client.trunk_calls.get(fake.call_uuids[0])
        with pytest.raises(NotFoundError, match=r"a SIP-trunk call, for trunk_calls\.get"):
            await client.calls.get(_CALL)

    async def test_refuses_what_is_no_call_uuid(self, client: AsyncClient, fake: FakePlivo) -> None:
        for method in (client.trunk_calls.get, client.trunk_calls.insights):
            with pytest.raises(InvalidCallUUIDError):
                await method("../Call")
        assert fake.requests == ()

    async def test_raises_for_another_record_and_for_none(self, client: AsyncClient, fake: FakePlivo) -> None:
        fake.script([StubResponse(200, {"call_uuid": "other"}), StubResponse(200, {"error": "no"}), 204])

        with pytest.raises(RecordMismatchError, match=f"asked for SIP-trunk call {_CALL}"):
            await client.trunk_calls.get(_CALL)
        with pytest.raises(DecodeError, match="not a record of a SIP-trunk call: 'no'"):
            await client.trunk_calls.get(_CALL)
        with pytest.raises(Exception, match="HTTP 204"):
            await client.trunk_calls.get(_CALL)

    async def test_is_retried_with_its_options(self, client: AsyncClient, fake: FakePlivo) -> None:
        fake.script([503, 503])

        assert (await client.trunk_calls.get(_CALL, deadline=5.0)).call_uuid == _CALL
        assert [one.status for one in fake.requests] == [503, 503, 200]


async def test_a_secret_that_is_reflected_is_in_no_error(client: AsyncClient, fake: FakePlivo) -> None:
    fake.script([StubResponse(200, {"call_uuid": _CALL, "end_time": fake.auth_token})] * 2)

    with pytest.raises(DecodeError) as caught:
        await client.trunk_calls.get(_CALL)
    assert fake.auth_token not in str(caught.value)
    assert caught.value.body is not None
    assert fake.auth_token.encode() not in caught.value.body


async def test_insights_are_those_of_the_call(client: AsyncClient) -> None:
    insights = await client.trunk_calls.insights(_CALL)

    assert isinstance(insights, TrunkCallInsights)
    assert insights.to_json() == TrunkCallInsights.from_json(insights.to_json()).to_json()
    with pytest.raises(NotFoundError, match="it has no insights"):
        await client.trunk_calls.insights("other")


class TestList:
    async def test_yields_every_call_of_90_days(self, fake: FakePlivo, client: AsyncClient) -> None:
        now = fake.now
        generated = fake.trunk_calls.generate(65, since=now - timedelta(days=89), until=now)
        fake.trunk_calls.add({"call_uuid": "late", "end_time": "2026-01-01 00:00:00"})

        listing = client.trunk_calls.list(since=now - timedelta(days=89, hours=12), until=now)
        outcomes = [outcome async for outcome in listing]

        found = [outcome.call_uuid for outcome in outcomes if isinstance(outcome, Fetched)]
        assert [name for name in found if name != _CALL] == generated
        assert listing.report.complete
        assert {one.kind for one in fake.requests} == {"trunk call list"}
        assert len({one.query.partition("&limit")[0] for one in fake.requests}) == 1

    async def test_begins_30_days_ago_by_default(self, fake: FakePlivo, client: AsyncClient) -> None:
        page = await client.trunk_calls.list()

        assert page.until is not None
        assert page.since == page.until - timedelta(days=30)

    async def test_sends_its_filters(self, fake: FakePlivo, client: AsyncClient) -> None:
        await client.trunk_calls.list(
            call_direction="outbound",
            from_number="+1202",
            bill_duration__gte=5,
            hangup_cause_code=TrunkHangupCause.USER_BUSY,
            hangup_source=TrunkHangupSource.CARRIER,
            stir_verification=StirVerification.NOT_APPLICABLE,
            deadline=5.0,
        )

        query = fake.requests[0].query
        assert "from_number=1202" in query
        for part in ("hangup_cause_code=4410", "hangup_source=carrier", "stir_verification=Not+Applicable"):
            assert part in query or part.replace("+", "%20") in query

    @pytest.mark.parametrize(
        "wrong",
        [
            {"hangup_source": "Carrier"},
            {"hangup_cause_code": HangupCause.NO_ANSWER},
            {"hangup_cause_code": 4000.0},
            {"hangup_cause_code": 1},
            {"from_number": "x"},
            {"page_size": 21},
            {"since": datetime(2026, 1, 1)},
        ],
        ids=str,
    )
    async def test_refuses_what_no_call_fits(self, fake: FakePlivo, client: AsyncClient, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            await client.trunk_calls.list(**wrong)
        assert fake.requests == ()

    async def test_refuses_what_plivo_does_not_keep(self, client: AsyncClient) -> None:
        with pytest.raises(RetentionError):
            await client.trunk_calls.list(since=datetime.now(UTC) - timedelta(days=91))


async def test_a_view_of_the_client_has_its_options(client: AsyncClient, fake: FakePlivo) -> None:
    fake.script([503])

    with pytest.raises(Exception, match="HTTP 503"):
        await client.with_options(retry=None).trunk_calls.get(_CALL)
    assert repr(client.trunk_calls).startswith("<TrunkCallsResource of https://")
