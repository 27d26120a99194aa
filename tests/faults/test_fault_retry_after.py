"""Retry-After as a server sends it, and the wait that follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from plivo_async import AsyncClient, DeadlineExceededError, RateLimitError, RetryPolicy, ServerError
from tests.faults.fault_server import Clock, FaultServer, Step
from tests.faults.responses_on_the_wire import CALL_UUID, good, reply, sends
from tests.faults.serving import serving

# Its own backoff is much shorter than the times in the headers.
POLICY = RetryPolicy(backoff_base=1.0, backoff_max=1.0, jitter=0.25)
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def in_(seconds: float) -> bytes:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True).encode()


DATE = b"Date: " + in_(0)
GARBAGE = [
    b"NaN",
    b"nan",
    b"inf",
    b"Infinity",
    b"1e9",
    b"-5",
    b"+5",
    b"0x10",
    b"9" * 5000,
    b"1_0",
    b"1,5",
    b"5 s",
    b"",
    b"soon",
    "٣".encode(),
    "５".encode(),
    b"\xb2",
    b"Fri, 31 Dec 100000 23:59:59 GMT",
    b"Fri, 31 Dec 9999999999 23:59:59 GMT",
    b"Fri, 99 Foo 2026 99:99:99 GMT",
    b"Fri, 31 Dec 2026 23:59:59 +9999999999",
    b"Fri",
    b"2026-03-01T12:00:30Z",
]


@asynccontextmanager
async def flying(
    clock: Clock, *script: Step, **options: Any
) -> AsyncGenerator[tuple[FaultServer, AsyncClient], None]:
    """`serving`, while time flies."""
    async with serving(clock, *script, **options) as (server, client):
        flight = asyncio.create_task(clock.fly())
        try:
            yield server, client
        finally:
            flight.cancel()
            await asyncio.wait([flight])


def unavailable(*headers: bytes, status: bytes = b"503 Busy") -> Step:
    return sends(reply(b"", *headers, status=status))


@pytest.mark.parametrize("status", [b"503 Busy", b"429 Too Many Requests", b"500 Oh", b"408 x"])
@pytest.mark.parametrize(
    "headers",
    [
        (b"Retry-After: 20",),
        (b"retry-after:20",),
        (b"Retry-After: 20.0",),
        (b"Retry-After: " + in_(20), DATE),
    ],
    ids=["seconds", "lower case", "fraction", "date"],
)
async def test_retry_after_is_respected(headers: tuple[bytes, ...], status: bytes, clock: Clock) -> None:
    async with flying(clock, unavailable(*headers, status=status), good, retry=POLICY) as (server, client):
        await client.calls.get(CALL_UUID)
        waited = server.times[1] - server.times[0]
        assert 20.0 <= waited < 40.0


async def test_an_obsolete_date_format_is_read(clock: Clock) -> None:
    headers = (b"Retry-After: Sun Mar  1 12:00:20 2026", DATE)
    async with flying(clock, unavailable(*headers), good, retry=POLICY) as (server, client):
        await client.calls.get(CALL_UUID)
        assert server.times[1] - server.times[0] >= 20.0


async def test_a_past_date_causes_no_wait(clock: Clock) -> None:
    headers = (b"Retry-After: " + in_(-3600), DATE)
    async with flying(clock, unavailable(*headers), good, retry=POLICY) as (server, client):
        await client.calls.get(CALL_UUID)
        assert server.times[1] - server.times[0] < 20.0


@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: repr(value[:40]))
async def test_garbage_is_ignored(value: bytes, clock: Clock) -> None:
    async with flying(clock, unavailable(b"Retry-After: " + value), good, retry=POLICY) as (server, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert server.times[1] - server.times[0] < 20.0


@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: repr(value[:40]))
async def test_garbage_is_not_in_the_error(value: bytes, clock: Clock) -> None:
    async with serving(clock, unavailable(b"Retry-After: " + value), retry=None) as (_, client):
        with pytest.raises(ServerError) as caught:
            await client.calls.get(CALL_UUID)
        assert caught.value.retry_after is None


async def test_a_repeated_header_is_ignored(clock: Clock) -> None:
    twice = unavailable(b"Retry-After: 20", b"Retry-After: 30")
    async with flying(clock, twice, good, retry=POLICY) as (server, client):
        await client.calls.get(CALL_UUID)
        assert server.times[1] - server.times[0] < 20.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((b"Retry-After: 61",), 61.0),
        ((b"Retry-After: 86400",), 86400.0),
        ((b"Retry-After: 9999999999",), 9999999999.0),
        ((b"Retry-After: " + in_(3600), DATE), 3600.0),
        ((b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", DATE), None),
    ],
    ids=["61 s", "a day", "317 years", "an hour from now", "year 9999"],
)
async def test_a_value_above_the_cap_is_raised_at_once(
    headers: tuple[bytes, ...], seconds: float | None, clock: Clock
) -> None:
    limited = unavailable(*headers, status=b"429 Too Many Requests")
    async with serving(clock, limited, retry=POLICY, deadline=None) as (server, client):
        started = clock()
        with pytest.raises(RateLimitError) as caught:
            await client.calls.get(CALL_UUID)
        assert clock() - started < 60.0
        assert len(server.requests) == 1
        retry_after = caught.value.retry_after
        assert retry_after is not None
        assert retry_after > 60.0
        assert seconds in (None, retry_after)


async def test_a_wait_that_does_not_fit_the_deadline_is_raised_at_once(clock: Clock) -> None:
    async with serving(clock, unavailable(b"Retry-After: 20"), retry=POLICY, deadline=19.0) as (
        server,
        client,
    ):
        started = clock()
        with pytest.raises(DeadlineExceededError) as caught:
            await client.calls.get(CALL_UUID)
        assert clock() - started < 19.0
        assert (caught.value.retry_after, caught.value.status) == (20.0, 503)
        assert len(server.requests) == 1


async def test_the_error_has_the_last_value(clock: Clock) -> None:
    script = [unavailable(b"Retry-After: 1"), unavailable(b"Retry-After: 2"), unavailable(b"Retry-After: 3")]
    async with flying(clock, *script, retry=POLICY) as (_, client):
        with pytest.raises(ServerError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, caught.value.retry_after) == (3, 3.0)


async def test_the_wait_may_be_cancelled(clock: Clock) -> None:
    async with serving(clock, unavailable(b"Retry-After: 20"), good) as (server, client):
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        clock.forward(40.0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(server.requests) == 1
