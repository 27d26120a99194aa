"""Every error names the call that it is about, once, and the host that could not be reached."""

from __future__ import annotations

import asyncio
import copy
import pickle
import ssl
from typing import Any

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    CallDetailRecord,
    ConfigurationError,
    DeadlineExceededError,
    Failed,
    InvalidCallUUIDError,
    NetworkError,
    NotFoundError,
    PlivoError,
    RecordMismatchError,
    ServerError,
    TLSError,
)
from plivo_async.error_mapping import transport_error
from plivo_async.testing import FakePlivo, StubResponse
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, down, ok
from tests.virtual_time import in_virtual_time

RECORDS = [CallDetailRecord(call_uuid=f"call-{number}") for number in range(8)]
OTHER = "6607532d-5037-4066-befc-a8b40218dd4f"


async def error_of(*answers: Any, call_uuid: str = CALL_UUID, **options: Any) -> PlivoError:
    async with asking(*answers, **options) as (client, _):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(call_uuid)
    return caught.value


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([httpx.Response(404)], NotFoundError),
        ([down()], ServerError),
        ([httpx.ReadError("reset")], NetworkError),
        ([ok()], RecordMismatchError),
    ],
)
async def test_an_error_names_its_call_once(answers: list[Any], kind: type[PlivoError]) -> None:
    error = await error_of(*answers, call_uuid=OTHER)
    assert isinstance(error, kind)
    assert error.call_uuid == OTHER
    assert str(error).count(OTHER) == repr(error).count(f"call_uuid='{OTHER}'") == 1


async def test_a_message_is_the_text_without_the_call() -> None:
    error = await error_of(httpx.Response(400, json={"error": "no"}))
    assert (error.message, str(error)) == ("HTTP 400: no", f"HTTP 400: no (call {CALL_UUID})")
    assert error.args == ("HTTP 400: no",)


@in_virtual_time
async def test_an_error_and_its_cause_name_the_call() -> None:
    error = await error_of(down(), retry=9, deadline=1.0)
    assert isinstance(error, DeadlineExceededError)
    cause = error.__cause__
    assert isinstance(cause, ServerError)
    assert error.call_uuid == cause.call_uuid == CALL_UUID
    assert str(error).count(CALL_UUID) == 1


async def test_copies_keep_the_call() -> None:
    error = await error_of(httpx.Response(404))
    for copied in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (copied.call_uuid, str(copied)) == (CALL_UUID, str(error))


async def test_an_error_about_no_call_has_none() -> None:
    async with asking(httpx.Response(404)) as (client, _):
        with pytest.raises(NotFoundError) as caught:
            await client.request("GET", "Number/7/")
        with pytest.raises(InvalidCallUUIDError) as invalid:
            await client.calls.get("no/uuid")
    assert caught.value.call_uuid is invalid.value.call_uuid is None
    assert "call" not in str(caught.value)


async def test_an_error_that_has_a_call_keeps_it() -> None:
    async def refuses(request: httpx.Request, call_next: Any) -> httpx.Response:
        raise ConfigurationError("no", call_uuid=OTHER)

    assert (await error_of(ok(), middleware=[refuses])).call_uuid == OTHER


@in_virtual_time
async def test_the_end_of_a_wait_names_the_call_once() -> None:
    async with asking(httpx.Response(404), sleep=asyncio.sleep) as (client, _):
        with pytest.raises(NotFoundError) as caught:
            await client.calls.wait(CALL_UUID, deadline=9)
    assert caught.value.call_uuid == CALL_UUID
    assert str(caught.value).count(CALL_UUID) == 1


async def test_each_outcome_of_a_batch_that_stopped_names_its_own_call() -> None:
    fake = FakePlivo(RECORDS)
    fake.script([401] * 9)
    ids = fake.call_uuids
    outcomes: list[Failed] = []
    async with fake.client().calls.get_many(ids, concurrency=2) as batch:
        with pytest.raises(AuthenticationError) as stopped:
            async for outcome in batch:
                assert isinstance(outcome, Failed)
                outcomes.append(outcome)
    assert [outcome.error.call_uuid for outcome in outcomes] == [outcome.call_uuid for outcome in outcomes]
    assert [str(outcome.error).count("(call ") for outcome in outcomes] == [1] * len(outcomes)
    assert str(stopped.value).count("(call ") == 1


async def test_a_row_of_a_list_that_cannot_be_read_names_its_call() -> None:
    body = {"objects": [{"call_uuid": "r1", "end_time": 7}, {"end_time": 7}], "meta": {"total_count": 2}}
    fake = FakePlivo()
    fake.script([StubResponse(200, body)])
    page = await fake.client().calls.list()
    assert [failed.error.call_uuid for failed in page.failed] == ["r1", None]


async def unused_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def failure_of(**options: Any) -> PlivoError:
    async with AsyncClient(AUTH_ID, TOKEN, retry=None, trust_env=False, **options) as client:
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
    return caught.value


async def test_a_server_that_refuses_is_named() -> None:
    port = await unused_port()
    error = await failure_of(base_url=f"http://127.0.0.1:{port}")
    assert error.message.startswith(f"ConnectError: connecting to 127.0.0.1:{port}: ")
    assert "request to" not in error.message


async def test_a_proxy_that_refuses_is_named_and_the_server_too() -> None:
    port = await unused_port()
    error = await failure_of(proxy=f"http://127.0.0.1:{port}")
    assert error.message.startswith(f"ConnectError: connecting to 127.0.0.1:{port}: ")
    assert error.message.endswith("(request to api.plivo.com:443)")


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (httpx.ConnectError("all attempts failed"), "all attempts failed (request to api.plivo.com:443)"),
        (httpx.ReadTimeout("silence"), "silence (request to api.plivo.com:443)"),
        (httpx.ConnectError("api.plivo.com is down"), "ConnectError: api.plivo.com is down"),
    ],
)
async def test_a_failure_on_the_wire_names_the_server(failure: httpx.HTTPError, end: str) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        failure.request = request
        raise failure

    error = await error_of(fail, retry=1)
    assert error.message.endswith(end)


def test_a_refused_certificate_names_the_server() -> None:
    failure = httpx.ConnectError("bad", request=httpx.Request("GET", "https://api.plivo.com/v1/"))
    failure.__cause__ = ssl.SSLCertVerificationError("bad")
    error = transport_error(failure, 1)
    assert isinstance(error, TLSError)
    assert "bad (request to api.plivo.com:443)" in error.message


def test_a_failure_without_a_request_names_no_server() -> None:
    assert transport_error(httpx.ReadError("reset"), 1).message == "ReadError: reset"


def test_a_failure_to_a_scheme_without_a_port_names_the_host() -> None:
    failure = httpx.ReadError("reset", request=httpx.Request("GET", "x://example.com/"))
    assert transport_error(failure, 1).message == "ReadError: reset (request to example.com)"
