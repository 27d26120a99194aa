"""get_many over real sockets, at small limits by the real clock."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from plivo_async import AsyncClient, Failed, Fetched, NetworkError, RateLimit, RetryPolicy
from plivo_async.testing import Drop, FakePlivo, FakeRateLimit
from tests.limited_account import KINDS
from tests.offline import pool_of

Kind = Literal["fixed", "sliding", "bucket"]
pytestmark = pytest.mark.usefixtures("unmeasured")
LIMIT = RateLimit(requests=20, per=0.2)

each_kind = pytest.mark.parametrize("kind", KINDS)


@asynccontextmanager
async def serving(fake: FakePlivo, **options: Any) -> AsyncGenerator[AsyncClient, None]:
    """A client of the fake on a socket; at the end no slot is taken and no task left."""
    before = asyncio.all_tasks()
    with fake.serve() as url:
        defaults: dict[str, Any] = {"rate_limit": LIMIT, "retry": RetryPolicy(backoff_base=0.01)}
        async with AsyncClient(
            fake.auth_id, fake.auth_token, base_url=url, **{**defaults, **options}
        ) as client:
            yield client
            for _ in range(10):
                await asyncio.sleep(0)
            assert pool_of(client).busy == 0
            assert asyncio.all_tasks() == before


def limited(kind: Kind = "fixed", **options: Any) -> FakePlivo:
    return FakePlivo(rate_limit=FakeRateLimit(requests=20, per=0.2, kind=kind, **options))


@each_kind
async def test_an_honest_limit_is_kept_whatever_the_real_clock_does(kind: Kind) -> None:
    fake = limited(kind)
    ids = fake.generate(200)
    async with serving(fake) as client:
        outcomes = await client.calls.get_many(ids)
    assert [outcome.call_uuid for outcome in outcomes] == list(ids)
    assert fake.statuses == Counter({200: 200})


@each_kind
@pytest.mark.parametrize("retry_after", [None, "seconds"])
async def test_a_limit_configured_too_high_loses_nothing(kind: Kind, retry_after: Any) -> None:
    fake = limited(kind, retry_after=retry_after)
    ids = fake.generate(60)
    async with serving(fake, rate_limit=RateLimit(40, 0.2)) as client:
        outcomes = await client.calls.get_many(ids)
    assert [outcome.call_uuid for outcome in outcomes if isinstance(outcome, Fetched)] == list(ids)


async def test_calls_that_always_fail_fail_no_other_call() -> None:
    fake = limited()
    ids = fake.generate(100)
    for call_uuid in ids[::20]:
        fake.script(itertools.repeat(Drop()), call_uuid=call_uuid)
    async with serving(fake) as client:
        outcomes = await client.calls.get_many(ids)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert [outcome.call_uuid for outcome in failed] == list(ids[::20])
    assert {type(outcome.error) for outcome in failed} == {NetworkError}


async def test_leaving_in_the_middle_leaves_no_connection_in_use() -> None:
    fake = FakePlivo(latency=0.01, rate_limit=None)
    ids = fake.generate(10_000)
    async with serving(fake, rate_limit=None) as client:
        for leave_after in (0, 1, 10, 100):
            async with client.calls.get_many(ids) as batch:
                async for _ in batch:
                    if batch.done >= leave_after:
                        break
        assert (await client.calls.get(ids[0])).call_uuid == ids[0]


async def test_a_thousand_random_cancellations_lose_no_permit_and_no_connection() -> None:
    fake = FakePlivo(latency=0.001, rate_limit=None)
    ids = fake.generate(50)
    chance = random.Random(1)
    async with serving(fake, rate_limit=RateLimit(50, 0.02), max_connections=10) as client:
        running: list[asyncio.Task[Any]] = []
        for number in range(1000):
            running = [task for task in running if not task.done()]
            while len(running) < 30:
                running.append(asyncio.create_task(client.calls.get(ids[number % 50])))
            await asyncio.sleep(chance.choice([0, 0, 0.0005, 0.002]))
            chance.choice(running).cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        outcomes = await client.calls.get_many(ids)
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)
