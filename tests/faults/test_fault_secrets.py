"""No error, chain of errors or log record of a fault contains the token or its Basic value."""

from __future__ import annotations

import asyncio
import logging
from operator import attrgetter

import pytest

from plivo_async import (
    AsyncClient,
    ClientClosedError,
    ConfigurationError,
    PlivoError,
    RequestTimeoutError,
    RetryPolicy,
)
from tests.faults.fault import Fault
from tests.faults.fault_server import Clock, Wire
from tests.faults.fault_table import FAULTS
from tests.faults.leaks import SECRETS, leaks_in, leaks_of
from tests.faults.responses_on_the_wire import CALL_UUID, good, never_reads, sends
from tests.faults.serving import AUTH_ID, TOKEN, serving

SOON = RetryPolicy(backoff_base=0.001)
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=attrgetter("name"))


@every_fault
async def test_an_error_shows_no_secret(
    fault: Fault, clock: Clock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(clock, fault.act, retry=SOON) as (_, client):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
    assert leaks_of(caught.value) == []
    assert leaks_in(caplog.records) == []
    assert "".join(capfd.readouterr()) == ""


@every_fault
async def test_a_cancellation_shows_no_secret(fault: Fault, clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, fault.act) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
    assert leaks_of(caught.value) == []


async def test_a_success_shows_no_secret_and_warns_of_nothing(
    clock: Clock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(clock, good) as (_, client):
        record = await client.calls.get(CALL_UUID)
        shown = f"{client!r} {client} {vars(client)} {client.calls!r} {record!r}"
    assert not any(secret in shown for secret in SECRETS)
    assert leaks_in(caplog.records) == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    "options",
    [
        {"deadline": -1},
        {"base_url": "http://example.com"},
        {"retry": "often"},
        {"verify": 3},
        {"proxy": "ftp://x"},
    ],
    ids=str,
)
def test_a_client_that_cannot_be_built_shows_no_secret(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AsyncClient(AUTH_ID, TOKEN, **options)  # type: ignore[arg-type]
    assert leaks_of(caught.value) == []


def test_a_token_with_a_forbidden_character_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AsyncClient(AUTH_ID, f"{TOKEN}\r\n")
    assert leaks_of(caught.value) == []


async def test_a_call_ended_by_closing_shows_no_secret(clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, sends(b"", Wire.stall)) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        await client.aclose()
        with pytest.raises(ClientClosedError) as caught:
            await call
    assert leaks_of(caught.value) == []


async def test_a_write_timeout_shows_no_secret(clock: Clock) -> None:
    async with serving(clock, never_reads) as (_, client):
        with pytest.raises(RequestTimeoutError, match="write timeout") as caught:
            await client.request("POST", "Call/", json="x" * 20_000_000)
    assert leaks_of(caught.value) == []


async def test_a_cancelled_write_shows_no_secret(clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, never_reads) as (server, client):
        call = asyncio.create_task(client.request("POST", "Call/", json="x" * 20_000_000))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
    assert leaks_of(caught.value) == []
