from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from pytest_httpx import HTTPXMock

from plivo_async import AsyncClient, ConfigurationError, Failed, NotFoundError
from tests.offline import BASIC, CALL_UUID, RECORD, URL
from tests.services.watched.clients import CALL_UUIDS, USES, client_of
from tests.watched_server import Server


async def test_the_fixture_answers_the_default_client(httpx_mock: HTTPXMock, no_network: list[str]) -> None:
    httpx_mock.add_response(url=URL, status_code=503)
    httpx_mock.add_exception(httpx.ReadTimeout("slow"), url=URL)
    httpx_mock.add_response(url=URL, content=RECORD, match_headers={"Authorization": f"Basic {BASIC}"})
    async with client_of() as client:
        assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
    assert len(httpx_mock.get_requests()) == 3
    assert no_network == []


async def test_each_call_of_a_batch_is_answered(httpx_mock: HTTPXMock, no_network: list[str]) -> None:
    httpx_mock.add_response(status_code=404, is_reusable=True)
    async with client_of() as client:
        outcomes = await client.calls.get_many(CALL_UUIDS)
    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert len(httpx_mock.get_requests()) == len(CALL_UUIDS)
    assert no_network == []


@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
@pytest.mark.parametrize("use", USES)
async def test_a_request_without_a_response_fails_at_once(
    httpx_mock: HTTPXMock, use: Callable[[AsyncClient], Awaitable[object]], no_network: list[str]
) -> None:
    httpx_mock.add_response(url="https://api.plivo.com/other", is_optional=True)
    async with client_of() as client:
        with pytest.raises(ConfigurationError, match="No response can be found for GET request on https://"):
            await use(client)
    assert no_network == []


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "127.0.0.1")
async def test_some_requests_may_leave(httpx_mock: HTTPXMock, server: Server) -> None:
    httpx_mock.add_response(url=URL, status_code=404)
    async with client_of(server.url) as local, client_of() as client:
        await local.calls.get(CALL_UUID)
        with pytest.raises(NotFoundError):
            await client.calls.get(CALL_UUID)
    assert len(server.requests) == 1
