"""`client.recordings`: get and list, against the fake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from plivo_async import AsyncClient, ConfigurationError, Fetched, NotFoundError, Recording
from plivo_async.testing import FakePlivo
from tests.record.samples import RECORDING

_ID = RECORDING["recording_id"]
_CALL = RECORDING["call_uuid"]


@pytest.fixture
def fake() -> FakePlivo:
    fake = FakePlivo(rate_limit=None)
    fake.recordings.add(Recording.from_json('{"recording_id": "r1", "call_uuid": "other"}'))
    fake.recordings.add(RECORDING)
    return fake


@pytest.fixture
def client(fake: FakePlivo) -> AsyncClient:
    return fake.client()


async def test_get_returns_the_recording_and_is_about_no_call(client: AsyncClient, fake: FakePlivo) -> None:
    recording = await client.recordings.get(_ID)

    assert (recording.recording_id, recording.call_uuid) == (_ID, _CALL)
    assert [(one.kind, one.call_uuid) for one in fake.requests] == [("recording", None)]
    with pytest.raises(NotFoundError, match="no such recording"):
        await client.recordings.get("none")


async def test_get_refuses_what_is_no_id(client: AsyncClient, fake: FakePlivo) -> None:
    with pytest.raises(ConfigurationError, match="recording_id"):
        await client.recordings.get("a/b")
    assert fake.requests == ()


async def test_the_list_of_a_call_has_no_times(client: AsyncClient, fake: FakePlivo) -> None:
    listing = client.recordings.list(call_uuid=_CALL)
    outcomes = [outcome async for outcome in listing]

    [found] = outcomes
    assert isinstance(found, Fetched)
    assert (found.call_uuid, found.record.recording_duration_ms) == (_ID, Decimal(345100))
    assert "add_time" not in fake.requests[0].query
    assert listing.report.complete


async def test_a_list_without_a_call_has_times(client: AsyncClient, fake: FakePlivo) -> None:
    page = await client.recordings.list()

    assert page.until is not None
    assert page.since == page.until - timedelta(days=7)
    assert "add_time__gte" in fake.requests[0].query


async def test_a_list_may_begin_any_time_ago(client: AsyncClient, fake: FakePlivo) -> None:
    since = datetime.now(UTC) - timedelta(days=400)

    assert [outcome async for outcome in client.recordings.list(since=since, mpc_name="sales team")] == []
    assert len(fake.requests) >= 14


@pytest.mark.parametrize(
    "wrong",
    [
        {"conference_name": ""},
        {"conference_name": "a\nb"},
        {"mpc_uuid": "a b"},
        {"subaccount": "SA"},
        {"recording_storage_duration": 5, "since": datetime(2026, 11, 1, tzinfo=UTC)},
        {"recording_storage_duration__gt": "5"},
    ],
    ids=str,
)
async def test_a_list_refuses_wrong_filters(client: AsyncClient, fake: FakePlivo, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        await client.recordings.list(**wrong)
    assert fake.requests == ()


async def test_recordings_by_their_age_are_listed_without_times(client: AsyncClient, fake: FakePlivo) -> None:
    page = await client.recordings.list(recording_storage_duration__gt=200)

    assert [recording.recording_id for recording in page.records] == [_ID]
    assert repr(client.recordings).startswith("<RecordingsResource of https://")
