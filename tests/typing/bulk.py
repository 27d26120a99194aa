"""What users may rely on in the types of batches and of the rate limit. Type-checked, never run."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterable, Iterable, Iterator
from typing import Any, assert_never, assert_type

import httpx

from plivo_async import (
    AsyncClient,
    Batch,
    CallDetailRecord,
    ConnectionPool,
    Failed,
    Fetched,
    Middleware,
    MiddlewareTransport,
    Outcome,
    PlivoError,
    RateLimit,
    RateLimiter,
    RateLimitError,
    RateLimitMiddleware,
    RateLimitTimeoutError,
    RetryPolicy,
    SlidingWindowLimiter,
)
from plivo_async.testing import FakePlivo


async def awaited(client: AsyncClient) -> None:
    outcomes = await client.calls.get_many(["c1"])
    assert_type(outcomes, list[Fetched[CallDetailRecord] | Failed])
    records = [outcome.record for outcome in outcomes if isinstance(outcome, Fetched)]
    assert_type(records, list[CallDetailRecord])

    outcomes[0].record  # type: ignore[union-attr] # noqa: B018


async def iterated(client: AsyncClient) -> None:
    async with client.calls.get_many(["c1"]) as batch:
        assert_type(batch, Batch)
        async for outcome in batch:
            assert_type(outcome, Fetched[CallDetailRecord] | Failed)
            described(outcome)
    assert_type(batch.done, int)
    assert_type(batch.failed, int)
    assert_type(batch.elapsed, float)
    assert_type(batch.rate, float)

    with client.calls.get_many(["c1"]):  # type: ignore[attr-defined]
        pass
    for _ in batch:  # type: ignore[attr-defined]
        pass


def described(outcome: Outcome) -> str:
    match outcome:
        case Fetched(_, record):
            assert_type(record, CallDetailRecord)
            return record.call_uuid
        case Failed(call_uuid, error):
            assert_type(error, PlivoError)
            assert_type(call_uuid, str | uuid.UUID)
            return f"{call_uuid}: {error}"
    # Reached by nothing: a type checker knows that there is no third kind.
    assert_never(outcome)


def frozen(fetched: Fetched[CallDetailRecord], failed: Failed, record: CallDetailRecord) -> None:
    assert_type(Fetched("c1", record), Fetched[CallDetailRecord])
    assert_type(Failed("c1", PlivoError("no")), Failed)

    Fetched("c1")  # type: ignore[call-arg]
    fetched.record = record  # type: ignore[misc]
    failed.error = PlivoError("no")  # type: ignore[misc]


async def sources(
    client: AsyncClient,
    several: Iterable[str | uuid.UUID],
    later: AsyncIterable[uuid.UUID],
    one_by_one: Iterator[str],
    ids: tuple[uuid.UUID, ...],
) -> None:
    assert_type(client.calls.get_many(several), Batch)
    assert_type(client.calls.get_many(later), Batch)
    assert_type(client.calls.get_many(one_by_one, concurrency=100), Batch)
    assert_type(client.calls.get_many(ids, timeout=5, deadline=None, retry=None, max_body=1024), Batch)
    client.calls.get_many({"c1", "c2"}, retry=RetryPolicy(max_attempts=5))

    client.calls.get_many()  # type: ignore[call-arg]
    client.calls.get_many([1])  # type: ignore[list-item]
    client.calls.get_many(uuid.uuid4())  # type: ignore[arg-type]
    client.calls.get_many(["c1"], 5)  # type: ignore[call-arg]
    client.calls.get_many(["c1"], concurrency="5")  # type: ignore[arg-type]
    client.calls.get_many(["c1"], deadlin=5.0)  # type: ignore[call-arg]


async def waiting(client: AsyncClient) -> None:
    assert_type(await client.calls.wait("c1"), CallDetailRecord)
    assert_type(await client.calls.wait(uuid.uuid4(), deadline=60), CallDetailRecord)
    assert_type(await client.calls.wait("c1", timeout=5, retry=None, max_body=1024), CallDetailRecord)

    await client.calls.wait("c1", 60.0)  # type: ignore[call-arg]
    await client.calls.wait("c1", deadline=None)  # type: ignore[arg-type]
    await client.calls.wait("c1", seconds=60.0)  # type: ignore[call-arg]


class Account(AsyncClient):
    """A client of a user's own."""


def lanes(client: AsyncClient, account: Account) -> None:
    assert_type(client.in_own_lane(), AsyncClient)
    assert_type(account.in_own_lane(), Account)
    assert_type(account.in_own_lane().with_options(deadline=5.0), Account)


class Counting:
    """A limiter of a user's own, with permits of a type of its own."""

    async def acquire(self, request: httpx.Request) -> int:
        return 1

    def release(self, permit: int) -> None: ...

    def throttled(self, permit: int, retry_after: float | None) -> None: ...


class WithOtherNames:
    async def acquire(self, sent: httpx.Request, priority: int = 0) -> None: ...

    def release(self, taken: Any) -> None: ...

    def throttled(self, taken: Any, seconds: float | None) -> None: ...


class Forgetful:
    async def acquire(self, request: httpx.Request) -> int:
        return 1

    def release(self, permit: int) -> None: ...


class Blocking(Counting):
    def acquire(self, request: httpx.Request) -> int:  # type: ignore[override]
        return 1


def limits(pool: ConnectionPool, fake: FakePlivo) -> None:
    assert_type(RateLimit(), RateLimit)
    assert_type(RateLimit(600, per=5).requests, int)
    assert_type(RateLimit(requests=60, per=1.0).per, float)
    AsyncClient(rate_limit=None)
    AsyncClient(rate_limit=RateLimit(60, 1.0))
    AsyncClient(rate_limit=SlidingWindowLimiter())
    AsyncClient(rate_limit=Counting())
    AsyncClient(rate_limit=WithOtherNames())
    limiters: list[RateLimiter] = [SlidingWindowLimiter(RateLimit(60, 1.0)), Counting(), WithOtherNames()]
    around: list[Middleware] = [RateLimitMiddleware(limiter) for limiter in limiters]
    httpx.AsyncClient(transport=MiddlewareTransport(pool, around))
    assert_type(fake.client(rate_limit=RateLimit()), AsyncClient)
    assert_type(fake.client(rate_limit=limiters[0]), AsyncClient)

    AsyncClient(rate_limit=60)  # type: ignore[arg-type]
    AsyncClient(rate_limit=Forgetful())  # type: ignore[arg-type]
    AsyncClient(rate_limit=Blocking())
    RateLimit(requests="60")  # type: ignore[arg-type]
    RateLimit().requests = 60  # type: ignore[misc]
    RateLimitMiddleware(RateLimit())  # type: ignore[arg-type]
    SlidingWindowLimiter(60)  # type: ignore[arg-type]


def errors(error: RateLimitTimeoutError) -> None:
    limited: RateLimitError = error
    late: TimeoutError = error
    assert_type([limited.retry_after], list[float | None])
    assert_type([late.errno], list[int | None])
