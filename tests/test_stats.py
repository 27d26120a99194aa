"""`client.stats()`: counts that only grow, and the state of the pool and the limits."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from plivo_async import AsyncClient, NotFoundError, RateLimit, RetryMiddleware
from plivo_async.retry_policy import RetryBudget
from plivo_async.testing import FakePlivo
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, down, ok
from tests.virtual_time import in_virtual_time


def test_of_a_new_client_are_zero() -> None:
    stats = AsyncClient(AUTH_ID, TOKEN, max_connections=7).stats()
    assert (stats.calls, stats.in_flight, stats.requests, stats.batches) == (0, 0, 0, 0)
    assert (stats.connections_busy, stats.connections_idle, stats.connections_max) == (0, 0, 7)
    assert (stats.limit, stats.permits_in_flight, stats.retries_left) == (300, 0, 15)


async def test_count_calls_requests_and_retries() -> None:
    async with asking(down(), ok(), httpx.ReadError("x"), httpx.Response(404)) as (client, _):
        await client.calls.get(CALL_UUID)
        with pytest.raises(NotFoundError):
            await client.with_options(deadline=9).calls.get(CALL_UUID)
        stats = client.stats()
    assert (stats.calls, stats.succeeded, stats.failed, stats.cancelled) == (2, 1, 1, 0)
    assert (stats.requests, stats.responses, stats.failed_attempts, stats.retries) == (4, 3, 1, 2)
    assert (stats.failures_in_a_row, stats.throttled) == (0, 0)
    assert (stats.limit, stats.permits_in_flight, stats.connections_max) == (None, None, None)


@in_virtual_time
async def test_are_right_while_calls_wait_and_after_a_cancellation() -> None:
    async with asking(ok(), rate_limit=RateLimit(1, per=4)) as (client, _):
        calls = [asyncio.create_task(client.calls.get(CALL_UUID)) for _ in range(3)]
        await asyncio.sleep(3)
        stats = client.stats()
        assert (stats.calls, stats.succeeded, stats.in_flight, stats.requests) == (3, 1, 2, 1)
        assert stats.limit == 1
        calls[1].cancel()
        await asyncio.wait(calls)
        stats = client.stats()
    assert (stats.succeeded, stats.cancelled, stats.in_flight, stats.requests) == (2, 1, 0, 2)
    assert stats.permit_seconds == pytest.approx(7.0)


@in_virtual_time
async def test_count_429s_pauses_and_the_backoff() -> None:
    answers: list[Any] = [httpx.Response(429, headers={"Retry-After": "2"}), down(), ok()]
    async with asking(*answers, rate_limit=RateLimit(), retry=3) as (client, _):
        await client.calls.get(CALL_UUID)
        stats = client.stats()
    assert (stats.throttled, stats.pauses, stats.retries, stats.requests) == (1, 1, 1, 3)
    assert stats.backoff_seconds > 0.0


async def test_count_the_batches_and_lists_under_way() -> None:
    client = FakePlivo().client()
    async with client.calls.get_many([CALL_UUID]) as batch:
        assert client.stats().batches == 1
        async with client.calls.list() as listing:
            async for _ in listing:
                assert client.stats().batches == 2
        assert [outcome.call_uuid async for outcome in batch] == [CALL_UUID]
    assert client.stats().batches == 0


async def test_have_the_budget_of_the_retry_middleware_in_use() -> None:
    own = RetryMiddleware(budget=RetryBudget(3))
    async with asking(ok(), middleware=[own]) as (client, _):
        assert client.stats().retries_left == 3


class Counting:
    """A limiter whose `in_flight` is no number."""

    in_flight = "some"

    def acquire(self, request: httpx.Request) -> None: ...
    def release(self, permit: None) -> None: ...
    def throttled(self, permit: None, retry_after: float | None) -> None: ...


async def test_of_a_limiter_of_ones_own_are_none_where_unknown() -> None:
    async with asking(ok(), rate_limit=Counting()) as (client, _):
        stats = client.stats()
    assert (stats.limit, stats.permits_in_flight) == (None, None)


async def test_are_kept_when_the_client_is_closed_and_entered_again() -> None:
    fake = FakePlivo()
    async with fake.serve() as url:
        client = AsyncClient(fake.auth_id, fake.auth_token, base_url=url)
        for count in (1, 2):
            async with client:
                await client.calls.get(CALL_UUID)
                assert (client.stats().calls, client.stats().connections_idle) == (count, 1)
            assert (client.stats().calls, client.stats().connections_idle) == (count, 0)
