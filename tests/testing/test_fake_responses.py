"""What the fake answers over ASGI: credentials, path, query, records, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from plivo_async import AsyncClient, AuthenticationError, CallDetailRecord, ConfigurationError, NotFoundError
from plivo_async.errors import InvalidCallUUIDError
from plivo_async.testing import DOCUMENTED_CALL, FakePlivo
from tests.testing.asking import ask, basic, http_client

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_CALL = DOCUMENTED_CALL["call_uuid"]


def error_of(response: httpx.Response) -> str:
    body = response.json()
    assert sorted(body) == ["api_id", "error"]
    assert response.headers["content-type"] == "application/json"
    return str(body["error"])


async def test_the_documented_record_is_served_exactly() -> None:
    response = await ask(FakePlivo())

    documented = json.loads((_FIXTURES / "call_documented.json").read_bytes())
    assert response.status_code == 200
    assert list(response.json().items()) == list(documented.items())


async def test_a_record_is_json_of_a_declared_length() -> None:
    response = await ask(FakePlivo())

    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.content)


async def test_the_client_reads_the_served_record() -> None:
    fake = FakePlivo()
    record = await fake.client().calls.get(_CALL)

    assert record == CallDetailRecord.from_json((_FIXTURES / "call_documented.json").read_bytes())


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Basic Zm9v",
        basic("MA2025RK4E639VJFZAGV:wrong"),
        basic("MA2025RK4E639VJFZAGV:"),
        basic("MAOTHER:fake-token"),
        basic("MA2025RK4E639VJFZAGV:fake-token").replace("Basic", "Bearer"),
        basic("MA2025RK4E639VJFZAGV:fake-token") + "\N{LATIN SMALL LETTER E WITH ACUTE}",
    ],
)
async def test_wrong_credentials_are_401_with_a_body_of_plivos_shape(authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    response = await ask(FakePlivo(), headers=headers)

    assert response.status_code == 401
    assert "authentication failed" in error_of(response)
    assert response.headers["www-authenticate"] == 'Basic realm="Plivo"'


async def test_the_scheme_of_the_credentials_may_be_in_any_letter_case() -> None:
    fake = FakePlivo()
    right = basic(f"{fake.auth_id}:{fake.auth_token}")

    response = await ask(fake, headers={"Authorization": right.replace("Basic", "bASIC").encode()})

    assert response.status_code == 200


async def test_the_account_and_token_can_be_chosen() -> None:
    fake = FakePlivo(auth_id="SAMINE", auth_token="t")

    assert (await ask(fake, f"/v1/Account/SAMINE/Call/{_CALL}/")).status_code == 200


async def test_another_accounts_path_is_401() -> None:
    assert (await ask(FakePlivo(), f"/v1/Account/MAOTHER/Call/{_CALL}/")).status_code == 401


async def test_the_client_raises_an_authentication_error_for_a_wrong_token() -> None:
    fake = FakePlivo()
    client = AsyncClient(
        fake.auth_id, "wrong", base_url="https://fake.invalid", http_client=http_client(fake)
    )

    with pytest.raises(AuthenticationError, match="authentication failed") as caught:
        await client.calls.get(_CALL)

    assert caught.value.api_id == "00000000-0000-4000-8000-000000000001"


async def test_an_unknown_call_is_404() -> None:
    response = await ask(FakePlivo(), call_uuid="no-such-call")

    assert response.status_code == 404
    assert error_of(response) == "CDR for call uuid not found"


async def test_the_client_raises_a_not_found_error_for_an_unknown_call() -> None:
    with pytest.raises(NotFoundError):
        await FakePlivo().client().calls.get("no-such-call")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/Account/{auth_id}/",
        "/v1/Account/{auth_id}/Call/{call}",
        "/v1/Account/{auth_id}/Call/{call}//",
        "/v1/Account/{auth_id}//Call/{call}/",
        "/v1/Account/{auth_id}/call/{call}/",
        "/v2/Account/{auth_id}/Call/{call}/",
        "/v1/Account/{auth_id}/Call/{call}%2F/",
        "/v1/Account/{auth_id}/Call/%35607532d-5037-4066-befc-a8b40218dd4f/",
    ],
)
async def test_any_other_path_is_404_and_names_the_right_one(path: str) -> None:
    fake = FakePlivo()
    response = await ask(fake, path.format(auth_id=fake.auth_id, call=_CALL))

    assert response.status_code == 404
    assert f"GET /v1/Account/{fake.auth_id}/Call/" in error_of(response)


async def test_a_scope_without_a_raw_path_is_read() -> None:
    fake = FakePlivo()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/v1/Account/{fake.auth_id}/Call/{_CALL}/",
        "query_string": b"",
        "headers": [(b"authorization", basic(f"{fake.auth_id}:{fake.auth_token}").encode())],
    }
    await fake(scope, None, send)  # type: ignore[arg-type] # it reads no body

    assert sent[0]["status"] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_any_other_method_is_405(method: str) -> None:
    response = await ask(FakePlivo(), method=method)

    assert (response.status_code, response.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("query", ["callback_url=https%3A%2F%2Fexample.com", "callback_url="])
async def test_a_callback_url_gets_no_record(query: str) -> None:
    fake = FakePlivo()
    response = await ask(fake, f"/v1/Account/{fake.auth_id}/Call/{_CALL}/?{query}")

    assert response.status_code == 200
    assert response.json() == {
        "message": "async api spawned",
        "api_id": "00000000-0000-4000-8000-000000000001",
    }


async def test_another_parameter_changes_nothing() -> None:
    fake = FakePlivo()

    assert (await ask(fake, f"/v1/Account/{fake.auth_id}/Call/{_CALL}/?a=callback_url")).status_code == 200


@pytest.mark.parametrize("status", ["live", "queued"])
async def test_no_call_is_live_or_queued(status: str) -> None:
    fake = FakePlivo()

    response = await ask(fake, f"/v1/Account/{fake.auth_id}/Call/{_CALL}/?status={status}")

    assert response.status_code == 404


async def test_each_response_has_its_own_api_id() -> None:
    fake = FakePlivo()
    api_ids = [(await ask(fake, call_uuid="no-such-call")).json()["api_id"] for _ in range(3)]

    assert api_ids == [f"00000000-0000-4000-8000-{number:012x}" for number in (1, 2, 3)]


async def test_custom_records_are_served() -> None:
    mapping = {"call_uuid": "mine", "total_amount": "0.10", "new": None}
    value = CallDetailRecord.from_json((_FIXTURES / "call_2017_unanswered.json").read_bytes())
    fake = FakePlivo([mapping, value])

    assert (await ask(fake, call_uuid="mine")).json() == mapping
    assert await fake.client().calls.get(value.call_uuid) == value
    assert list(fake.call_uuids) == ["mine", value.call_uuid]


async def test_a_fake_without_records_sends_404() -> None:
    fake = FakePlivo([])

    assert (await ask(fake, call_uuid=_CALL)).status_code == 404
    assert len(fake.call_uuids) == 0


async def test_an_added_record_replaces_the_one_before() -> None:
    fake = FakePlivo()
    fake.add({"call_uuid": _CALL, "call_duration": 7})

    assert (await fake.client().calls.get(_CALL)).call_duration == 7
    assert list(fake.call_uuids) == [_CALL]


@pytest.mark.parametrize("record", ["call_uuid", 1, None, ["call_uuid"]])
def test_other_types_are_not_records(record: Any) -> None:
    with pytest.raises(ConfigurationError, match="a CallDetailRecord or a mapping"):
        FakePlivo([record])


@pytest.mark.parametrize("record", [{}, {"call_uuid": None}, {"call_uuid": "a/b"}])
def test_a_record_without_a_valid_call_uuid_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidCallUUIDError):
        FakePlivo([record])


def test_a_record_without_a_json_form_is_refused() -> None:
    with pytest.raises(TypeError):
        FakePlivo([{"call_uuid": "c", "end_time": object()}])


@pytest.mark.parametrize("options", [{"auth_id": ""}, {"auth_token": "a b"}, {"latency": -1.0}])
def test_invalid_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        FakePlivo(**options)


async def test_lifespan_messages_get_a_response() -> None:
    received = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await FakePlivo()({"type": "lifespan"}, receive, send)

    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


async def test_a_websocket_is_refused() -> None:
    async def unused(*_: Any) -> Any: ...

    with pytest.raises(ValueError, match="serves http, not 'websocket'"):
        await FakePlivo()({"type": "websocket"}, unused, unused)


def test_the_repr_shows_no_token() -> None:
    fake = FakePlivo(auth_token="s3cr3t")

    assert repr(fake) == "<FakePlivo MA2025RK4E639VJFZAGV calls=1 requests=0>"
