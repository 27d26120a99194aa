"""The calls in progress and the queued ones: `client.calls.live()` and its siblings."""

from __future__ import annotations

from typing import Any

import pytest

from plivo_async import (
    AsyncClient,
    DecodeError,
    InvalidCallUUIDError,
    LiveCall,
    LiveCallStatus,
    NotFoundError,
)
from plivo_async.testing import FakePlivo, StubResponse
from tests.record.samples import LIVE_CALL


@pytest.fixture
def fake() -> FakePlivo:
    fake = FakePlivo(rate_limit=None)
    fake.live_calls.add(LIVE_CALL)
    fake.live_calls.add(LiveCall(call_uuid="l2"))
    fake.queued_calls.add("q1")
    return fake


@pytest.fixture
def client(fake: FakePlivo) -> AsyncClient:
    return fake.client()


async def test_live_and_queued_return_call_uuids(client: AsyncClient) -> None:
    assert await client.calls.live() == (LIVE_CALL["call_uuid"], "l2")
    assert await client.calls.queued(deadline=5.0) == ("q1",)


async def test_a_call_in_progress_is_fetched(client: AsyncClient, fake: FakePlivo) -> None:
    call = await client.calls.get_live(LIVE_CALL["call_uuid"])

    assert call.to_dict() == {**LIVE_CALL, "api_id": call.api_id}
    assert fake.requests[-1].query == "status=live"


async def test_a_queued_call_is_fetched(client: AsyncClient) -> None:
    call = await client.calls.get_queued("q1")

    assert (call.call_status, call.session_start) == (LiveCallStatus.QUEUED, None)


async def test_a_404_says_what_it_means(client: AsyncClient) -> None:
    with pytest.raises(NotFoundError, match="not in progress: it has ended, is queued, or never was"):
        await client.calls.get_live("q1")
    with pytest.raises(NotFoundError, match="not queued: it is in progress, has ended, or never was"):
        await client.calls.get_queued("l2")


async def test_what_is_no_call_uuid_is_refused(client: AsyncClient, fake: FakePlivo) -> None:
    for method in (client.calls.get_live, client.calls.get_queued):
        with pytest.raises(InvalidCallUUIDError):
            await method("")
    assert fake.requests == ()


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"calls": None}, {"calls": {}}, {"calls": [1]}, {"calls": [""]}),
        *("[]", "5", '{"error": "no"}'),
    ],
    ids=str,
)
async def test_a_body_that_is_not_a_list_of_call_uuids_is_an_error(
    client: AsyncClient, fake: FakePlivo, body: Any
) -> None:
    fake.script([StubResponse(200, body)])

    with pytest.raises(DecodeError, match="not a list of call UUIDs") as caught:
        await client.calls.live()
    assert (caught.value.status, caught.value.attempts) == (200, 1)
    assert caught.value.body is not None


async def test_a_list_of_another_status_is_refused(client: AsyncClient, fake: FakePlivo) -> None:
    fake.script([StubResponse(202, {"calls": []})])

    with pytest.raises(DecodeError, match="not a list of call UUIDs"):
        await client.calls.live()


async def test_a_damaged_list_is_asked_for_again(client: AsyncClient, fake: FakePlivo) -> None:
    fake.script([StubResponse(200, '{"calls": [')])

    assert await client.calls.queued() == ("q1",)
    assert [one.status for one in fake.requests] == [200, 200]
