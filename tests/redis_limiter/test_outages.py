"""Redis is slow, gone, or has lost its data: a typed error or a share of the limit, never a flood."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import random
from typing import Any

import pytest
from redis import exceptions

from plivo_async import DeadlineExceededError, LimiterUnavailableError, PatienceExceededError, RateLimit
from plivo_async.redis import RedisLimiter
from plivo_async.testing import FakeRateLimit
from tests.limited_account import account, client_of
from tests.redis_limiter.fake_redis import FakeRedis, request
from tests.virtual_time import in_virtual_time, virtual_loop

FAULTS = [
    exceptions.ConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused."),
    exceptions.TimeoutError("Timeout reading from socket"),
    exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    exceptions.ReadOnlyError("You can't write against a read only replica."),
    exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ConnectionResetError("reset"),
]


async def burst(*limiters: RedisLimiter, of: int = 10, within: float = 0.5) -> int:
    """How many requests all of these send within some seconds. Each has its response at once."""
    sent = 0

    async def send(limiter: RedisLimiter) -> None:
        nonlocal sent
        limiter.release(await limiter.acquire(request()))
        sent += 1

    sending = [asyncio.create_task(send(limiter)) for limiter in limiters for _ in range(of)]
    await asyncio.sleep(within)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    return sent


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@in_virtual_time
async def test_a_call_raises_a_typed_error(
    fake_redis: FakeRedis, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with fake_redis.limiter() as one:
        fake_redis.fault = fault
        for _ in range(2):
            with pytest.raises(LimiterUnavailableError, match=type(fault).__name__) as raised:
                await one.acquire(request())
            assert (raised.value.retryable, raised.value.is_permanent) == (True, False)
        # One line for the outage, whatever the number of calls.
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        fake_redis.fault = None
        one.release(await one.acquire(request()))


@in_virtual_time
async def test_a_server_that_hangs_is_given_up_after_the_timeout(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(timeout=0.5) as one:
        fake_redis.hangs = True
        began = virtual_loop().time()
        waiting = [asyncio.create_task(one.acquire(request())) for _ in range(3)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(result) for result in results] == [
            "the rate limiter's Redis cannot be used: no reply within 0.5 s"
        ] * 3
        assert virtual_loop().time() - began == pytest.approx(0.5)
        assert len({id(result) for result in results}) == 3


@in_virtual_time
async def test_a_refused_password_ends_a_batch_at_once(fake_redis: FakeRedis) -> None:
    fake_redis.fault = exceptions.AuthenticationError("invalid username-password pair or user is disabled.")
    fake = account()
    async with client_of(fake, rate_limit=fake_redis.limiter()) as client:
        began = virtual_loop().time()
        with pytest.raises(LimiterUnavailableError) as raised:
            await client.calls.get_many(fake.generate(50))
        assert virtual_loop().time() - began < 1.0
    assert (raised.value.is_permanent, raised.value.retryable) == (True, False)
    assert fake.statuses == {}


@in_virtual_time
async def test_a_single_call_raises_the_error_without_its_request(fake_redis: FakeRedis) -> None:
    fake = account()
    fake_redis.fault = ConnectionRefusedError("refused")
    async with client_of(fake, rate_limit=fake_redis.limiter()) as client:
        with pytest.raises(LimiterUnavailableError) as raised:
            await client.calls.get(fake.call_uuids[0])
    assert raised.value.__context__ is None
    assert pickle.loads(pickle.dumps(raised.value)).is_permanent is False


@in_virtual_time
async def test_a_batch_outlasts_an_outage(fake_redis: FakeRedis) -> None:
    fake = account()
    fake_redis.fault = ConnectionRefusedError("refused")
    async with client_of(fake, rate_limit=fake_redis.limiter(300, per=5.0)) as client:
        fetching = asyncio.ensure_future(client.calls.get_many(fake.generate(20))._all())
        await asyncio.sleep(30)
        assert fake.statuses == {}
        fake_redis.fault = None
        await fetching
    assert fake.statuses == {200: 20}


@in_virtual_time
async def test_an_outage_beyond_its_patience_ends_a_batch(fake_redis: FakeRedis) -> None:
    fake = account()
    fake_redis.fault = ConnectionRefusedError("refused")
    async with client_of(fake, rate_limit=fake_redis.limiter()) as client:
        with pytest.raises(PatienceExceededError, match="Redis cannot be used"):
            await client.calls.get_many(fake.generate(3), patience=20)


@in_virtual_time
async def test_a_call_whose_reply_is_lost_gives_its_permits_back(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1, timeout=0.5) as one, fake_redis.limiter(1) as other:
        # Now the server knows the script.
        other.release(await other.acquire(request()))
        await asyncio.sleep(1.5)
        fake_redis.round_trip = 0.8
        with pytest.raises(LimiterUnavailableError):
            # The server runs it in the middle of the round trip.
            await one.acquire(request())
        assert await fake_redis.permits() == 1
        fake_redis.round_trip = 0.0
        await asyncio.sleep(1.5)
        other.release(await other.acquire(request(deadline=0.1)))


@in_virtual_time
async def test_a_call_that_arrives_after_its_timeout_takes_nothing(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one:
        one.release(await one.acquire(request()))
        await asyncio.sleep(0.1)
        fake_redis.jump = 30.0
        before = await fake_redis.permits()
        one.release(await one.acquire(request()))
        # The call that was late, and the one after it.
        assert await fake_redis.permits() == before + 1


@in_virtual_time
async def test_a_call_that_was_sent_twice_takes_its_permits_once(fake_redis: FakeRedis) -> None:
    real = fake_redis.evalsha

    async def twice(*arguments: Any) -> Any:
        await real(*arguments)
        return await real(*arguments)

    async with fake_redis.limiter(3) as one:
        one.release(await one.acquire(request()))
        fake_redis.evalsha = twice  # type: ignore[method-assign]
        permits = await asyncio.gather(*(one.acquire(request()) for _ in range(2)))
        assert await fake_redis.permits() == 3
        for permit in permits:
            one.release(permit)


@in_virtual_time
async def test_a_script_that_the_server_has_forgotten_is_sent_again(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one:
        one.release(await one.acquire(request()))
        await fake_redis.redis.script_flush()
        one.release(await one.acquire(request()))


@in_virtual_time
async def test_a_server_that_lost_its_data_lets_nobody_pass_for_a_window(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        held = await one.acquire(request())
        assert await burst(one, other) == 9
        await fake_redis.redis.flushall()
        assert await burst(one, other) == 0
        await asyncio.sleep(1.0)
        # The permit that was in flight meanwhile counts again.
        assert await burst(one, other) == 9
        one.release(held)


@in_virtual_time
async def test_a_clock_that_jumps_ahead_frees_nothing(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        assert await burst(one, other, within=0.1) == 10
        fake_redis.jump = 600.0
        assert await burst(one, other, within=0.3) == 0
        await asyncio.sleep(0.7)
        assert await burst(one, other) == 10


@in_virtual_time
async def test_a_clock_that_jumps_back_blocks_nobody(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as one, fake_redis.limiter() as other:
        assert await burst(one, other) == 10
        fake_redis.jump = -600.0
        await asyncio.sleep(1.0)
        assert await burst(one, other, within=1.1) == 10


@in_virtual_time
async def test_a_share_replaces_redis_after_a_window(
    fake_redis: FakeRedis, caplog: pytest.LogCaptureFixture
) -> None:
    share = RateLimit(5, 1.0)
    async with fake_redis.limiter(fallback=share) as one, fake_redis.limiter(fallback=share) as other:
        assert await burst(one, other) == 10
        fake_redis.fault = ConnectionRefusedError("refused")
        # Others may have used up the limit just before.
        assert await burst(one, other, within=0.9) == 0
        await asyncio.sleep(0.2)
        assert one.is_free()
        assert await burst(one, other) == 10
        assert one.delay() == pytest.approx(0.5, abs=0.2)
        fake_redis.fault = None
        caplog.set_level("INFO", "plivo_async")
        await asyncio.sleep(1.0)
        # Not before all have noticed that Redis is back, and know of the requests of the last window.
        assert await burst(one, other) == 10
        assert await fake_redis.permits() == 10
        assert "can be used again" in caplog.text
        await asyncio.sleep(20)
        calls = fake_redis.calls
        assert await burst(one, of=10) == 10
        assert fake_redis.calls > calls


@in_virtual_time
async def test_a_window_after_redis_went_the_share_is_free_at_once(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(5, fallback=RateLimit(5, 1.0), lost_after=3.0) as one:
        held = await one.acquire(request())
        fake_redis.fault = ConnectionRefusedError("refused")
        await asyncio.sleep(5)
        assert await burst(one, within=0.1) == 5
        one.release(held)


@in_virtual_time
async def test_no_window_of_an_outage_has_more_than_the_limit(fake_redis: FakeRedis) -> None:
    fake = account(FakeRateLimit(requests=20, per=1.0, kind="sliding"))
    call_uuids = fake.generate(100)
    share = RateLimit(10, 1.0)

    async def fetch() -> None:
        limiter = fake_redis.limiter(20, fallback=share, timeout=0.2)
        async with client_of(fake, rate_limit=limiter) as client:
            await client.calls.get_many(call_uuids, concurrency=10)

    async def outages() -> None:
        await asyncio.sleep(1.5)
        fake_redis.hangs = True
        await asyncio.sleep(2.0)
        fake_redis.hangs = False

    await asyncio.gather(fetch(), fetch(), outages())
    assert fake.statuses == {200: 200}


@in_virtual_time
async def test_a_429_of_the_share_stops_the_share_and_later_the_others(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(fallback=RateLimit(5, 1.0)) as one, fake_redis.limiter() as other:
        fake_redis.fault = ConnectionRefusedError("refused")
        permit = await one.acquire(request())
        one.throttled(permit, 30.0)
        assert one.delay() == pytest.approx(30.0)
        fake_redis.fault = None
        await asyncio.sleep(2.0)
        other_asks = asyncio.create_task(other.acquire(request()))
        await asyncio.sleep(5.0)
        assert not other_asks.done()
        other_asks.cancel()


@in_virtual_time
async def test_an_error_that_is_not_of_redis_ends_no_wait_without_a_word(fake_redis: FakeRedis) -> None:
    failures: list[Any] = []
    virtual_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    async with fake_redis.limiter() as one:
        fake_redis.fault = ZeroDivisionError("of a client that was passed")
        with pytest.raises(LimiterUnavailableError, match="does not work"):
            await one.acquire(request())
        fake_redis.fault = None
        one.release(await one.acquire(request()))


@in_virtual_time
async def test_a_request_that_waits_for_the_share_outlasts_the_closing(fake_redis: FakeRedis) -> None:
    limiter = fake_redis.limiter(fallback=RateLimit(5, 1.0))
    fake_redis.fault = ConnectionRefusedError("refused")
    waiting = asyncio.create_task(limiter.acquire(request()))
    await asyncio.sleep(0.5)
    await limiter.aclose()
    limiter.release(await waiting)
    assert limiter.in_flight == 0
    fake_redis.fault = None
    await asyncio.sleep(2.0)


@pytest.mark.parametrize("share", [None, RateLimit(3, 1.0)], ids=["error", "share"])
@in_virtual_time
async def test_no_window_has_more_than_the_limit_whatever_happens(
    fake_redis: FakeRedis, share: RateLimit | None
) -> None:
    chance, loop = random.Random(7), virtual_loop()
    limiters = [fake_redis.limiter(10, timeout=0.5, fallback=share, lost_after=3.0) for _ in range(3)]
    sent: list[float] = []

    async def send(limiter: RedisLimiter) -> None:
        await asyncio.sleep(chance.random() * 12)
        with contextlib.suppress(LimiterUnavailableError, DeadlineExceededError):
            permit = await limiter.acquire(request(chance.choice([None, None, 2.0, 0.3])))
            sent.append(loop.time())
            try:
                await asyncio.sleep(chance.random() / 5)
            finally:
                limiter.release(permit)

    async def interfere() -> None:
        for _ in range(4):
            fake_redis.round_trip = chance.choice([0.0, 0.001, 0.4])
            await asyncio.sleep(chance.random())
            await fake_redis.redis.flushall()
            await asyncio.sleep(chance.random())
            fake_redis.hangs = True
            await chance.choice(limiters).aclose()
            await asyncio.sleep(chance.random())
            fake_redis.hangs, fake_redis.fault = False, ConnectionResetError("reset")
            await asyncio.sleep(chance.random())
            fake_redis.fault = None
        fake_redis.round_trip = 0.0

    sending = [asyncio.create_task(send(chance.choice(limiters))) for _ in range(120)]
    for task in sending[::5]:
        loop.call_later(chance.random() * 15, task.cancel)
    await interfere()
    await asyncio.wait(sending, timeout=120)
    assert all(task.done() for task in sending)
    for limiter in limiters:
        await limiter.aclose()
        assert limiter.in_flight == 0
    assert len(sent) > 30
    assert max(sum(begin <= other < begin + 1.0 for other in sent) for begin in sent) <= 10
