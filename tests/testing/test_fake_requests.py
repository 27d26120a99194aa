"""The requests that the fake records."""

from __future__ import annotations

import pickle

import pytest

from plivo_async.testing import FakePlivo, requests, statistics
from plivo_async.testing.requests import RecordedRequest, read_request
from tests.testing.asking import ask, basic


async def test_a_request_is_recorded_with_its_status() -> None:
    fake = FakePlivo(clock=lambda: 12.5)
    path = f"/v1/Account/{fake.auth_id}/Call/abc/"
    await ask(fake, f"{path}?a=1")

    (request,) = fake.requests
    assert (request.method, request.path, request.query) == ("GET", path, "a=1")
    assert (request.call_uuid, request.status, request.time) == ("abc", 404, 12.5)


async def test_the_client_sends_the_promised_request() -> None:
    fake = FakePlivo()
    await fake.client().calls.get(fake.call_uuids[0])

    (request,) = fake.requests
    assert request.query == ""
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("plivo_async/")


async def test_no_credential_is_recorded() -> None:
    fake = FakePlivo()
    await ask(
        fake,
        headers={
            "Authorization": basic(f"{fake.auth_id}:{fake.auth_token}").encode(),
            "Proxy-Authorization": b"Basic secret",
            "Cookie": b"secret",
            "X-Api-Key": b"secret",
            "X-Request-Id": b"7",
        },
    )
    (request,) = fake.requests

    assert sorted(request.headers) == [
        *("accept", "accept-encoding", "connection", "host", "user-agent", "x-request-id")
    ]
    kept = repr(request) + repr(vars(fake)) + pickle.dumps(request).decode("latin-1")
    assert "secret" not in kept
    assert "Basic" not in kept


def test_a_request_that_is_being_read_shows_no_credential() -> None:
    scope = {
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"authorization", b"Basic secret")],
    }

    assert "secret" not in repr(read_request(scope))


async def test_another_path_is_recorded_without_a_call_uuid() -> None:
    fake = FakePlivo()
    await ask(fake, "/a%2Fb/")

    assert (fake.requests[0].path, fake.requests[0].call_uuid) == ("/a%2Fb/", None)


async def test_refused_requests_are_recorded_too() -> None:
    fake = FakePlivo()
    await ask(fake, headers={})

    assert [request.status for request in fake.requests] == [401]
    assert fake.statuses == {401: 1}


async def test_only_the_last_requests_are_recorded_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "_KEPT_REQUESTS", 3)
    plivo = FakePlivo()
    for number in range(5):
        await ask(plivo, call_uuid=f"c{number}")

    assert [request.call_uuid for request in plivo.requests] == ["c2", "c3", "c4"]
    assert plivo.statuses == {404: 5}
    assert repr(plivo) == "<FakePlivo MA2025RK4E639VJFZAGV calls=1 requests=5>"


async def test_requests_and_statuses_are_snapshots() -> None:
    plivo = FakePlivo()
    kept, statuses = plivo.requests, plivo.statuses
    await ask(plivo)
    statuses[200] += 5

    assert kept == ()
    assert plivo.statuses == {200: 1}


def test_a_recorded_request_is_a_value() -> None:
    def recorded() -> RecordedRequest:
        return requests.RecordedRequest(
            method="GET", path="/", query="", headers={"host": "h"}, call_uuid=None, status=200, time=0.0
        )

    assert recorded() == recorded()
    assert hash(recorded()) == hash(recorded())
