"""Several limiters with one Redis server, as in several processes, keep to one limit."""

from __future__ import annotations

import asyncio

import pytest

from plivo_async import DeadlineExceededError, Fetched, RateLimitTimeoutError
from plivo_async.redis import RedisLimiter
from plivo_async.testing import FakeRateLimit
from tests.limited_account import account, client_of
from tests.redis_limiter.fake_redis import FakeRedis, request
from tests.virtual_time import in_virtual_time, virtual_loop


async def seconds(limiter: RedisLimiter) -> float:
    """How long a request waits for its permit, which it gives back unanswered."""
    began = virtual_loop().time()
    limiter.release(await limiter.acquire(request()))
    return virtual_loop().time() - began


@in_virtual_time
async def test_they_use_the_whole_limit_without_a_429(fake_redis: FakeRedis) -> None:
    fake = account(FakeRateLimit(requests=20, per=1.0, kind="sliding"))
    fake_redis.round_trip = 0.001
    call_uuids = fake.generate(50)
    began = virtual_loop().time()

    async def fetch() -> int:
        async with client_of(fake, rate_limit=fake_redis.limiter(20)) as client:
            outcomes = await client.calls.get_many(call_uuids)
            return sum(isinstance(outcome, Fetched) for outcome in outcomes)

    assert sum(await asyncio.gather(fetch(), fetch())) == 100
    assert fake.statuses == {200: 100}
    # At best 4 s: five bursts of 20.
    assert virtual_loop().time() - began < 4.4
    assert await fake_redis.permits() <= 20
    # Permits are asked for and given back by the dozen.
    assert fake_redis.calls < 100


@in_virtual_time
async def test_a_permit_is_free_again_a_window_after_its_response(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1) as one, fake_redis.limiter(1) as other:
        permit = await one.acquire(request())
        await asyncio.sleep(5)
        one.release(permit)
        assert await seconds(other) == pytest.approx(1.0, abs=0.02)


@in_virtual_time
async def test_a_wait_that_outlasts_the_deadline_raises_at_once(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1, per=5.0) as one, fake_redis.limiter(1, per=5.0) as other:
        one.release(await one.acquire(request()))
        began = virtual_loop().time()
        for _ in range(2):
            # The first asks Redis, the second knows.
            with pytest.raises(
                DeadlineExceededError, match=r"pass in \d\.\d\d s, the deadline is in 2\.00 s"
            ):
                await other.acquire(request(deadline=2.0))
        assert virtual_loop().time() - began < 0.1


@in_virtual_time
async def test_a_429_stops_all_of_them(fake_redis: FakeRedis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "plivo_async")
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        one.throttled(await one.acquire(request()), 7.0)
        await asyncio.sleep(0)
        with pytest.raises(RateLimitTimeoutError, match="HTTP 429 to another call"):
            await other.acquire(request(deadline=5.0))
        assert other.delay() == pytest.approx(7.0, abs=0.1)
        assert await seconds(other) == pytest.approx(7.0, abs=0.1)
    assert any("HTTP 429: no request for" in record.message for record in caplog.records)


@in_virtual_time
async def test_a_later_429_never_shortens_the_pause(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        permits = [await one.acquire(request()) for _ in range(3)]
        for permit, retry_after in zip(permits, (7.0, 1.0, None), strict=True):
            one.throttled(permit, retry_after)
            await asyncio.sleep(0.01)
        assert await seconds(other) == pytest.approx(7.0, abs=0.1)


@in_virtual_time
async def test_one_request_probes_and_the_others_follow(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        one.throttled(await one.acquire(request()), 1.0)
        began = virtual_loop().time()
        probe = await one.acquire(request())
        waiting = [
            asyncio.create_task(limiter.acquire(request())) for limiter in (one, other) for _ in range(2)
        ]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        one.release(probe)
        for limiter, permit in zip((one, one, other, other), await asyncio.gather(*waiting), strict=True):
            limiter.release(permit)
        assert virtual_loop().time() - began == pytest.approx(1.5, abs=0.2)


@in_virtual_time
async def test_a_probe_that_is_not_sent_leaves_the_turn_to_another(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        one.throttled(await one.acquire(request()), 1.0)
        fake_redis.round_trip = 0.2
        probe = asyncio.create_task(one.acquire(request()))
        await asyncio.sleep(1.15)
        probe.cancel()
        assert await seconds(other) < 1.0


@in_virtual_time
async def test_pauses_grow_without_a_retry_after_and_end_with_a_success(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(random=lambda: 0.0) as one:
        pauses: list[float] = []
        permit = await one.acquire(request())
        for _ in range(5):
            began = virtual_loop().time()
            one.throttled(permit, None)
            permit = await one.acquire(request())
            pauses.append(virtual_loop().time() - began)
        assert pauses == [pytest.approx(pause, abs=0.05) for pause in (0.125, 0.25, 0.5, 1.0, 1.0)]
        one.release(permit)
        assert await seconds(one) < 0.05


@in_virtual_time
async def test_a_limit_that_is_too_high_is_found_out_by_all(fake_redis: FakeRedis) -> None:
    fake = account(FakeRateLimit(requests=20, per=1.0, kind="sliding"))
    call_uuids = fake.generate(100)

    async def fetch() -> int:
        async with client_of(fake, rate_limit=fake_redis.limiter(40)) as client:
            return len(await client.calls.get_many(call_uuids, concurrency=10))

    await asyncio.gather(fetch(), fetch())
    # Twice the limit each second would be refused 200 times.
    assert fake.statuses[429] < 60


@in_virtual_time
async def test_the_limit_grows_again_when_there_is_no_429(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(10, random=lambda: 0.0) as one:
        first = [await one.acquire(request()) for _ in range(10)]
        for permit in first[:6]:
            one.release(permit)
        await asyncio.sleep(0.1)
        for permit in first[6:]:
            one.throttled(permit, 1.0)
        probe = await one.acquire(request())
        one.release(probe)
        await asyncio.sleep(0.1)

        async def burst() -> int:
            asking = [asyncio.create_task(one.acquire(request())) for _ in range(12)]
            await asyncio.sleep(0.1)
            taken = [task for task in asking if task.done()]
            for task in asking:
                task.cancel()
            for task in taken:
                one.release(task.result())
            return len(taken)

        assert await burst() == 5
        await asyncio.sleep(7)
        assert await burst() > 6
        await asyncio.sleep(100)
        assert await burst() == 10


@in_virtual_time
async def test_requests_admitted_after_the_first_429_raise_the_limit(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(10, random=lambda: 0.0) as one:
        first = [await one.acquire(request()) for _ in range(10)]
        one.throttled(first[0], 0.1)
        await asyncio.sleep(0.01)
        for permit in first[1:]:
            one.release(permit)
        await asyncio.sleep(1.5)
        one.release(await one.acquire(request()))
        await asyncio.sleep(0.1)
        limit = await fake_redis.redis.hget(next(iter(await fake_redis.redis.keys("*state"))), "limit")
        assert limit == b"9"


@in_virtual_time
async def test_the_permits_of_a_dead_process_are_free_again(fake_redis: FakeRedis) -> None:
    dead = fake_redis.limiter(1, lost_after=10.0)
    await dead.acquire(request())
    assert dead._poller is not None
    assert dead._poller._task is not None
    dead._poller._task.cancel()
    async with fake_redis.limiter(1) as one:
        assert await seconds(one) == pytest.approx(10.0, abs=0.1)


@in_virtual_time
async def test_a_long_call_keeps_its_permit(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1, lost_after=3.0) as one, fake_redis.limiter(1) as other:
        permit = await one.acquire(request())
        waiting = asyncio.create_task(other.acquire(request()))
        await asyncio.sleep(60)
        assert not waiting.done()
        one.release(permit)
        other.release(await waiting)


@in_virtual_time
async def test_a_permit_that_was_lost_is_counted_once_when_it_is_released(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1, lost_after=300.0) as one, fake_redis.limiter(1) as other:
        permit = await one.acquire(request())
        # As if the process had been cut off until now.
        await fake_redis.redis.zremrangebyscore(fake_redis.permits_key, "-inf", "+inf")
        taken = await other.acquire(request())
        one.release(permit)
        one.release(permit)
        other.release(taken)
        await asyncio.sleep(0.1)
        assert await fake_redis.permits() == 2
        assert await seconds(one) == pytest.approx(0.9, abs=0.1)


@in_virtual_time
async def test_keys_expire_by_themselves(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one:
        await seconds(one)
    assert len(await fake_redis.redis.keys()) == 2
    await asyncio.sleep(7201)
    assert await fake_redis.redis.keys() == []


@in_virtual_time
async def test_a_batch_reports_that_it_waits_for_the_rate_limit(fake_redis: FakeRedis) -> None:
    fake = account()
    async with (
        client_of(fake, rate_limit=fake_redis.limiter(2, per=5.0)) as client,
        client.calls.get_many(fake.generate(5)) as batch,
    ):
        await anext(batch)
        await asyncio.sleep(1.0)
        holding = batch.holding
        assert holding is not None
        assert holding.reason == "rate limit"
        assert holding.seconds_left(virtual_loop().time()) == pytest.approx(4.0, abs=0.2)
