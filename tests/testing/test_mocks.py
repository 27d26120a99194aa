"""How users mock a client: patched methods, autospec, plain mocks, and errors that they build."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import pytest

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    CallDetailRecord,
    CallsResource,
    ConfigurationError,
    Failed,
    Fetched,
    NetworkError,
    NotFoundError,
    PlivoError,
    RateLimitError,
    RecordingsResource,
    ServerError,
    TrunkCallsResource,
)
from plivo_async.testing import FakePlivo, FakeRateLimit, mock_client
from tests.offline import AUTH_ID, TOKEN

RECORD = CallDetailRecord(call_uuid="c1")
COROUTINE_FUNCTIONS = [
    *("calls.get", "calls.wait", "calls.live", "calls.queued", "calls.get_live", "calls.get_queued"),
    *("trunk_calls.get", "trunk_calls.insights", "recordings.get", "request", "aclose"),
]


def method_of(client: Any, path: str) -> Any:
    for name in path.split("."):
        client = getattr(client, name)
    return client


class TestAPatchedMethod:
    async def test_it_is_called_in_place_of_the_real_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        monkeypatch.setattr(client.calls, "get", AsyncMock(return_value=RECORD))

        assert await client.calls.get("c1") is RECORD

    @pytest.mark.parametrize("resource", ["calls", "trunk_calls", "recordings"])
    def test_each_resource_is_one_object_for_the_life_of_a_client_and_of_a_view(self, resource: str) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        view = client.with_options(deadline=5)

        for one in (client, view, client.in_own_lane()):
            assert getattr(one, resource) is getattr(one, resource)
        assert getattr(client, resource) is not getattr(view, resource)

    async def test_a_view_can_be_patched_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake = FakePlivo()
        client = fake.client()
        view = client.with_options(deadline=5)
        monkeypatch.setattr(view.calls, "get", AsyncMock(return_value=RECORD))

        assert await view.calls.get("c1") is RECORD
        assert (await client.calls.get(fake.call_uuids[0])).call_uuid == fake.call_uuids[0]

    async def test_it_can_be_patched_for_all_clients_through_the_class(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(AsyncClient.calls, "get", AsyncMock(return_value=RECORD))

        assert await AsyncClient(AUTH_ID, TOKEN).calls.get("c1") is RECORD


class TestAnAutospec:
    @pytest.mark.parametrize("path", COROUTINE_FUNCTIONS)
    async def test_coroutine_functions_can_be_awaited(self, path: str) -> None:
        method = method_of(create_autospec(AsyncClient, instance=True), path)
        method.return_value = RECORD
        arguments = {"request": ("GET", "Call/"), "aclose": (), "calls.live": (), "calls.queued": ()}

        assert await method(*arguments.get(path, ("c1",))) is RECORD

    @pytest.mark.parametrize("path", [*COROUTINE_FUNCTIONS, "calls.get_many", "with_options", "in_own_lane"])
    def test_a_wrong_call_is_a_type_error(self, path: str) -> None:
        with pytest.raises(TypeError):
            method_of(create_autospec(AsyncClient, instance=True), path)(1, 2, 3, 4, 5)

    def test_a_name_that_does_not_exist_is_an_attribute_error(self) -> None:
        client = create_autospec(AsyncClient, instance=True)
        for path in ("call", "calls.fetch", "trunk_calls.wait", "recordings.get_many"):
            with pytest.raises(AttributeError):
                method_of(client, path)

    def test_it_passes_for_its_type(self) -> None:
        client = create_autospec(AsyncClient, instance=True)
        assert isinstance(client, AsyncClient)
        assert isinstance(client.calls, CallsResource)
        assert isinstance(client.trunk_calls, TrunkCallsResource)
        assert isinstance(client.recordings, RecordingsResource)

    def test_a_client_that_was_never_built_has_no_resources(self) -> None:
        with pytest.raises(AttributeError, match="'AsyncClient' object has no attribute 'calls'"):
            _ = object.__new__(AsyncClient).calls


class TestTheMockClient:
    @pytest.mark.parametrize("path", [*COROUTINE_FUNCTIONS[:-1], "calls.get_many", "with_options"])
    def test_a_misspelt_option_is_a_type_error(self, path: str) -> None:
        arguments = {"request": ("GET", "Call/"), "calls.live": (), "calls.queued": (), "with_options": ()}

        with pytest.raises(TypeError, match="deadlin"):
            method_of(mock_client(), path)(*arguments.get(path, ("c1",)), deadlin=5)

    def test_a_misspelt_filter_of_a_list_is_a_type_error(self) -> None:
        client = mock_client()
        client.calls.list(to_number="12025550199")
        for resource in (client.calls, client.trunk_calls, client.recordings):
            with pytest.raises(TypeError, match="to_numbr"):
                resource.list(to_numbr="12025550199")

    async def test_every_option_is_accepted(self) -> None:
        client = mock_client()
        options = {"timeout": 1, "deadline": 2, "retry": None, "max_body": 10}

        await client.calls.get("c1", **options)

        client.calls.get.assert_awaited_once_with("c1", **options)

    def test_it_passes_for_a_client(self) -> None:
        client = mock_client()

        assert isinstance(client, AsyncClient)
        assert isinstance(client.calls, CallsResource)
        assert isinstance(client.trunk_calls, TrunkCallsResource)
        assert isinstance(client.recordings, RecordingsResource)

    async def test_a_batch_is_awaited_or_iterated_over_the_mocked_get(self) -> None:
        client = mock_client()
        client.calls.get.side_effect = lambda call_uuid, **_: CallDetailRecord(call_uuid=call_uuid)

        outcomes = await client.calls.get_many(["a", "b"])
        async with client.calls.get_many(["c"], concurrency=1, patience=5) as batch:
            outcomes += [outcome async for outcome in batch]

        assert [outcome.record.call_uuid for outcome in outcomes] == ["a", "b", "c"]

    async def test_an_error_of_the_mocked_get_is_an_outcome(self) -> None:
        client = mock_client()
        client.calls.get.side_effect = [RECORD, NotFoundError("none", status=404)]

        found, missing = await client.calls.get_many(["c1", "c2"], concurrency=1)

        assert found == Fetched("c1", RECORD)
        assert isinstance(missing, Failed)
        assert missing.error.status == 404

    @pytest.mark.parametrize(
        "error", [ServerError("x", status=503), NetworkError("x"), RateLimitError("x", status=429)]
    )
    async def test_an_outage_does_not_make_the_batch_wait(self, error: PlivoError) -> None:
        client = mock_client()
        client.calls.get.side_effect = error

        outcomes = await client.calls.get_many(range(20), concurrency=2)

        assert [outcome.error for outcome in outcomes] == [error] * 20
        assert client.calls.get.await_count == 20

    async def test_refused_credentials_end_a_batch_as_they_do_for_real(self) -> None:
        client = mock_client()
        client.calls.get.side_effect = AuthenticationError("x", status=401)

        with pytest.raises(AuthenticationError, match="the batch stopped"):
            await client.calls.get_many(["a", "b"])

    async def test_the_options_of_a_batch_reach_the_mocked_get(self) -> None:
        client = mock_client()
        client.calls.get.return_value = RECORD

        await client.calls.get_many(["c1"], deadline=5.0)

        client.calls.get.assert_awaited_once_with("c1", deadline=5.0)

    async def test_views_and_blocks_give_the_mock_itself(self) -> None:
        client = mock_client()
        async with client as entered:
            assert entered is client
        assert client.with_options(deadline=5) is client
        assert client.in_own_lane() is client

    async def test_a_wrong_option_is_a_type_error(self) -> None:
        with pytest.raises(TypeError):
            mock_client().with_options(5)


class TestErrorsThatUsersBuild:
    @pytest.mark.parametrize("kind", [PlivoError, NotFoundError, RateLimitError])
    def test_a_message_is_enough(self, kind: type[PlivoError]) -> None:
        error = kind("x")
        assert str(error) == "x"
        assert (error.status, error.attempts) == (None, 0)

    async def test_a_plain_mock_raises_one(self) -> None:
        client = AsyncMock()
        client.calls.get.side_effect = NotFoundError("x", status=404)

        with pytest.raises(NotFoundError) as caught:
            await client.calls.get("c1")

        assert caught.value.status == 404
        assert pickle.loads(pickle.dumps(caught.value)).status == 404


class TestTime:
    """Nothing in a test with the fake waits for real time."""

    async def test_a_wait_meets_a_record_that_is_late_by_seconds(self) -> None:
        fake = FakePlivo()
        [call_uuid] = fake.call_uuids
        fake.publish_later(call_uuid, after_seconds=100)
        began = asyncio.get_running_loop().time()

        record = await fake.client().calls.wait(call_uuid)

        assert record.call_uuid == call_uuid
        assert 5 < fake.statuses[404] < 20
        assert asyncio.get_running_loop().time() - began < 100

    async def test_a_wait_ends_in_its_deadline_if_the_record_is_later(self) -> None:
        fake = FakePlivo()
        fake.publish_later(fake.call_uuids[0], after_seconds=400)

        with pytest.raises(NotFoundError, match="no record after 29[0-9]"):
            await fake.client().calls.wait(fake.call_uuids[0], deadline=300)

    async def test_the_clock_can_be_advanced_by_hand(self) -> None:
        fake = FakePlivo()
        client = fake.client()
        fake.publish_later(fake.call_uuids[0], after_seconds=60)
        with pytest.raises(NotFoundError):
            await client.calls.get(fake.call_uuids[0])

        fake.advance(60)

        assert (await client.calls.get(fake.call_uuids[0])).is_answered

    async def test_the_rate_limit_and_the_present_follow(self) -> None:
        fake = FakePlivo(rate_limit=FakeRateLimit(requests=1, per=5.0))
        client = fake.client(retry=None)
        before = fake.now
        await client.calls.get(fake.call_uuids[0])
        with pytest.raises(RateLimitError):
            await client.calls.get(fake.call_uuids[0])

        fake.advance(3600)

        assert (await client.calls.get(fake.call_uuids[0])).is_answered
        assert (fake.now - before).total_seconds() >= 3600

    @pytest.mark.parametrize("seconds", [-1, float("nan"), "5"])
    def test_it_does_not_go_backwards(self, seconds: Any) -> None:
        with pytest.raises(ConfigurationError):
            FakePlivo().advance(seconds)
