"""A sync holds while nothing may be sent: whatever it requests, a list or a count."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest

from plivo_async import AsyncClient, AuthenticationError, CallNext, Holding, PatienceExceededError, RateLimit
from plivo_async.sync import Sync
from plivo_async.testing import FakePlivo
from tests.sync.memory_target import MemoryTarget
from tests.virtual_time import in_virtual_time, virtual_loop

CALLS = 30
# One for each 30 of the 90 days that Plivo keeps.
COUNTS_BEFORE_THE_FIRST_LIST = 3


@pytest.fixture
def fake() -> FakePlivo:
    fake, now = FakePlivo((), rate_limit=None), datetime.now(UTC)
    fake.generate(CALLS, since=now - timedelta(days=20), until=now - timedelta(hours=12))
    return fake


def client_of(fake: FakePlivo, first: int, times: int, response: httpx.Response) -> AsyncClient:
    """Return a client whose requests of a count get this response, from the first one so many times."""
    numbers = count()

    async def failing(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        is_count = request.url.params.get("limit") == "1"
        fails = is_count and first <= next(numbers) < first + times
        return response if fails else await call_next(request)

    return fake.client(attempt_middleware=[failing], sleep=asyncio.sleep)


@pytest.mark.parametrize("first", [0, COUNTS_BEFORE_THE_FIRST_LIST], ids=["first count", "last count"])
@pytest.mark.parametrize(
    ("times", "response", "reason"),
    [
        (12, httpx.Response(503), "outage"),
        (1, httpx.Response(429, headers={"Retry-After": "100"}), "throttled"),
    ],
    ids=["outage", "429"],
)
@in_virtual_time
async def test_a_count_holds(
    fake: FakePlivo, first: int, times: int, response: httpx.Response, reason: str
) -> None:
    async with client_of(fake, first, times, response) as client:
        sync = Sync(client, MemoryTarget(), patience=300)
        holding = list[Holding | None]()
        virtual_loop().call_later(1, lambda: holding.append(sync.holding))
        report = await sync

    assert report.complete
    assert report.changes.new == CALLS
    assert [one and one.reason for one in holding] == [reason]


@in_virtual_time
async def test_a_count_waits_for_the_rate_limit_longer_than_a_deadline(fake: FakePlivo) -> None:
    limit = RateLimit(requests=1, per=100)
    async with fake.client(sleep=asyncio.sleep, rate_limit=limit, deadline=60) as client:
        report = await Sync(client, MemoryTarget())

    assert report.complete


@in_virtual_time
async def test_an_outage_that_outlasts_the_patience_ends_the_count(fake: FakePlivo) -> None:
    began = virtual_loop().time()

    async with client_of(fake, 0, 1000, httpx.Response(503)) as client:
        with pytest.raises(PatienceExceededError, match="no call has succeeded"):
            await Sync(client, MemoryTarget(), patience=100)

    assert 100 <= virtual_loop().time() - began < 110


@in_virtual_time
async def test_an_error_that_no_pause_mends_ends_the_count_at_once(fake: FakePlivo) -> None:
    began = virtual_loop().time()

    async with client_of(fake, 0, 1, httpx.Response(401)) as client:
        with pytest.raises(AuthenticationError):
            await Sync(client, MemoryTarget())

    assert virtual_loop().time() - began < 1
