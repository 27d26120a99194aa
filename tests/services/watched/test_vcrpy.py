from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from plivo_async import NotFoundError
from tests.offline import AUTH_ID, BASIC, CALL_UUID, TOKEN
from tests.services.watched.clients import CALL_UUIDS, USES, client_of
from tests.watched_server import Server

# It has no types.
vcr: Any = import_module("vcr")
# As a user writes it: the header with the token is not recorded.
CASSETTE: dict[str, Any] = {"filter_headers": ["authorization"]}


async def test_a_cassette_is_recorded_and_played(
    server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cassette = tmp_path / "calls.yaml"
    server.statuses = [404]
    with vcr.use_cassette(cassette, **CASSETTE):
        async with client_of(server.url) as client:
            with pytest.raises(NotFoundError):
                await client.calls.get(CALL_UUIDS[0])
            recorded = await client.calls.get(CALL_UUID)
    assert len(server.requests) == 2

    tried: list[str] = request.getfixturevalue("no_network")
    with vcr.use_cassette(cassette, record_mode="none", **CASSETTE) as played:
        async with client_of(server.url) as client:
            with pytest.raises(NotFoundError):
                await client.calls.get(CALL_UUIDS[0])
            assert await client.calls.get(CALL_UUID) == recorded
    assert played.play_count == 2
    assert len(server.requests) == 2
    assert tried == []


async def test_the_credentials_are_sent_and_not_recorded(server: Server, tmp_path: Path) -> None:
    cassette = tmp_path / "calls.yaml"
    with vcr.use_cassette(cassette, **CASSETTE):
        async with client_of(server.url) as client:
            await client.calls.get(CALL_UUID)
    text = cassette.read_text()
    assert CALL_UUID in text
    assert AUTH_ID in text
    assert TOKEN not in text
    assert BASIC not in text
    assert server.requests[0].headers["authorization"] == f"Basic {BASIC}"


@pytest.mark.parametrize("use", USES)
async def test_a_request_that_is_not_on_the_cassette_fails_the_test(
    use: Any, tmp_path: Path, no_network: list[str]
) -> None:
    with vcr.use_cassette(tmp_path / "none.yaml", record_mode="none"):
        async with client_of() as client:
            with pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException):
                await use(client)
    assert no_network == []


async def test_attempts_are_recorded_one_by_one(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 503]
    with vcr.use_cassette(tmp_path / "calls.yaml", **CASSETTE) as cassette:
        async with client_of(server.url, max_connections=1) as client:
            await client.calls.get(CALL_UUID)
    assert [response["status"]["code"] for response in cassette.responses] == [503, 503, 200]
