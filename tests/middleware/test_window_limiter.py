from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
import pytest

from plivo_async import (
    ConfigurationError,
    DeadlineExceededError,
    EventLoopError,
    RateLimit,
    RateLimitError,
    RateLimitTimeoutError,
    ServerError,
    SlidingWindowLimiter,
)
from plivo_async.context import CallLimits, CallState
from plivo_async.error_mapping import status_error
from tests.virtual_time import VirtualTimeLoop, in_virtual_time, virtual_loop

LIMIT = RateLimit(4, per=8.0)
T = TypeVar("T")


def limiter(limit: RateLimit = LIMIT) -> SlidingWindowLimiter:
    return SlidingWindowLimiter(limit, random=lambda: 0.0)


def request(deadline: float | None = None, *, lane: object = None, last: int | None = None) -> httpx.Request:
    """Build a request with a deadline in seconds from now; `last` is the status of its last attempt."""
    made = httpx.Request("GET", "https://api.plivo.com/")
    ends = None if deadline is None else asyncio.get_running_loop().time() + deadline
    failure = None if last is None else status_error(httpx.Response(last), 1)
    limits = CallLimits(deadline=ends, lane=lane)
    CallState(limits, last_failure=failure, attempts=failure is not None).attach(made)
    return made


async def at_once(waiting: Coroutine[Any, Any, int]) -> int:
    """Await the result, which must take no time."""
    began = virtual_loop().time()
    result = await waiting
    assert virtual_loop().time() == began
    return result


async def seconds_of(waiting: Coroutine[Any, Any, int]) -> float:
    began = virtual_loop().time()
    await waiting
    return virtual_loop().time() - began


async def use_up(limited: SlidingWindowLimiter) -> None:
    """Take every permit and release it."""
    for _ in range(limited.current_limit):
        limited.release(await at_once(limited.acquire(request())))


async def let_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestAcquire:
    @in_virtual_time
    async def test_lets_nobody_pass_for_a_window_once_it_is_used_up(self) -> None:
        limited = limiter()
        await at_once(limited.acquire(request()))
        limited.use_up()
        assert await seconds_of(limited.acquire(request())) == 8.0

    @in_virtual_time
    async def test_gives_as_many_permits_as_the_limit_allows_at_once(self) -> None:
        limited = limiter()
        for _ in range(4):
            await at_once(limited.acquire(request()))
        assert limited.in_flight == 4

    @in_virtual_time
    async def test_gives_the_next_permit_a_window_after_a_response(self) -> None:
        limited = limiter()
        await use_up(limited)
        assert await seconds_of(limited.acquire(request())) == pytest.approx(8.0)

    @in_virtual_time
    async def test_waits_for_the_responses_of_requests_in_flight(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        waiting = asyncio.create_task(seconds_of(limited.acquire(request())))
        await asyncio.sleep(100.0)
        limited.release(permits[0])
        assert await waiting == pytest.approx(108.0)

    @in_virtual_time
    async def test_serves_first_come_first_served(self) -> None:
        limited = limiter(RateLimit(1, per=1.0))
        served: list[int] = []

        async def call(number: int) -> None:
            limited.release(await limited.acquire(request()))
            served.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(call(number))
        assert served == list(range(20))

    @in_virtual_time
    async def test_serves_single_calls_between_those_of_a_batch(self) -> None:
        limited = limiter(RateLimit(10, per=1.0))
        served: list[str] = []

        async def call(lane: object, name: str) -> None:
            limited.release(await limited.acquire(request(lane=lane)))
            served.append(name)

        async with asyncio.TaskGroup() as group:
            for _ in range(500):
                group.create_task(call("a batch", "batch"))
            await asyncio.sleep(3.5)
            before = len(served)
            for _ in range(5):
                group.create_task(call(None, "single"))
        # One call of the batch is at the head already.
        assert served[before : before + 11] == ["batch", "batch"] + ["single", "batch"] * 4 + ["single"]

    @in_virtual_time
    async def test_needs_no_context_of_a_client(self) -> None:
        limited = limiter()
        await at_once(limited.acquire(httpx.Request("GET", "https://api.plivo.com/")))

    @in_virtual_time
    async def test_is_no_busy_wait(self) -> None:
        limited = limiter()
        await use_up(limited)
        before = virtual_loop().steps
        await limited.acquire(request())
        assert virtual_loop().steps - before <= 5

    @in_virtual_time
    async def test_for_an_hour_is_no_busy_wait(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 3600.0)
        before = virtual_loop().steps
        assert await seconds_of(limited.acquire(request())) == pytest.approx(3600.0)
        # It wakes once per window.
        assert virtual_loop().steps - before <= 2 * 3600 / 8.0 + 10

    @in_virtual_time
    async def test_wakes_once_for_each_response(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        permits = [await limited.acquire(request()) for _ in range(100)]
        waiting = asyncio.create_task(limited.acquire(request()))
        await let_run()
        before = virtual_loop().steps
        for permit in permits:
            limited.release(permit)
            await asyncio.sleep(0)
        await waiting
        assert virtual_loop().steps - before <= 210


class TestADeadline:
    @in_virtual_time
    async def test_after_the_end_of_the_wait_is_waited_for(self) -> None:
        limited = limiter()
        await use_up(limited)
        assert await seconds_of(limited.acquire(request(8.5))) == pytest.approx(8.0)

    @in_virtual_time
    async def test_before_the_end_of_the_wait_raises_now(self) -> None:
        limited = limiter()
        await use_up(limited)
        await asyncio.sleep(3.0)
        with pytest.raises(DeadlineExceededError) as caught:
            await at_once(limited.acquire(request(5.0)))
        assert type(caught.value) is DeadlineExceededError
        assert str(caught.value) == "the rate limit lets a request pass in 5.00 s, the deadline is in 5.00 s"
        assert (caught.value.attempts, caught.value.__cause__) == (0, None)

    @in_virtual_time
    async def test_in_the_past_raises_now(self) -> None:
        limited = limiter()
        await use_up(limited)
        with pytest.raises(DeadlineExceededError, match=r"in 8\.00 s, the deadline is in 0\.00 s"):
            await at_once(limited.acquire(request(-1.0)))

    @in_virtual_time
    async def test_in_the_past_does_not_matter_if_a_permit_is_free(self) -> None:
        limited = limiter()
        await at_once(limited.acquire(request(-1.0)))

    @in_virtual_time
    async def test_within_a_window_raises_now_if_all_permits_are_in_flight(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        with pytest.raises(DeadlineExceededError, match=r"in 8\.00 s, the deadline is in 7\.90 s"):
            await at_once(limited.acquire(request(7.9)))
        assert len(permits) == limited.in_flight

    @in_virtual_time
    async def test_raises_now_behind_requests_that_can_wait(self) -> None:
        limited = limiter()
        await use_up(limited)
        patient = asyncio.create_task(limited.acquire(request()))
        await let_run()
        with pytest.raises(DeadlineExceededError):
            await at_once(limited.acquire(request(7.0)))
        await patient

    @in_virtual_time
    async def test_that_a_longer_wait_exceeds_raises_as_soon_as_that_is_known(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        waiting = asyncio.create_task(limited.acquire(request(10.0)))
        await asyncio.sleep(3.0)
        limited.release(permits[0])
        await let_run()
        with pytest.raises(DeadlineExceededError, match=r"in 8\.00 s, the deadline is in 7\.00 s"):
            waiting.result()

    @in_virtual_time
    async def test_names_the_last_failure_as_the_cause(self) -> None:
        limited = limiter()
        await use_up(limited)
        with pytest.raises(DeadlineExceededError) as caught:
            await at_once(limited.acquire(request(5.0, last=503)))
        assert type(caught.value.__cause__) is ServerError
        assert (caught.value.status, caught.value.attempts) == (503, 1)

    @in_virtual_time
    async def test_after_a_429_to_the_same_call_raises_both_errors(self) -> None:
        limited = limiter()
        await use_up(limited)
        with pytest.raises(RateLimitTimeoutError) as caught:
            await at_once(limited.acquire(request(5.0, last=429)))
        assert isinstance(caught.value, RateLimitError)
        assert isinstance(caught.value, DeadlineExceededError)
        assert type(caught.value.__cause__) is RateLimitError
        assert caught.value.retryable

    @in_virtual_time
    async def test_during_a_block_after_a_429_to_another_call_raises_both_errors(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 30.0)
        with pytest.raises(RateLimitTimeoutError) as caught:
            await at_once(limited.acquire(request(5.0)))
        error = caught.value
        assert str(error) == (
            "HTTP 429 to another call: the next may be sent in 30.00 s, the deadline is in 5.00 s"
        )
        assert (error.status, error.attempts, error.retry_after) == (429, 0, 30.0)
        assert error.retryable

    @in_virtual_time
    async def test_during_a_block_has_the_last_failure_of_the_call_as_the_cause(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 30.0)
        with pytest.raises(DeadlineExceededError) as caught:
            await at_once(limited.acquire(request(5.0, last=500)))
        assert type(caught.value) is DeadlineExceededError
        assert type(caught.value.__cause__) is ServerError

    @in_virtual_time
    async def test_does_not_end_the_wait_for_a_probe(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), 0.0)
        probe = await limited.acquire(request())
        waiting = asyncio.create_task(limited.acquire(request(0.5)))
        await asyncio.sleep(0.4)
        limited.release(probe)
        await let_run()
        assert waiting.done()
        await waiting


class TestA429:
    @in_virtual_time
    async def test_blocks_all_requests(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        first = await limited.acquire(request())
        limited.throttled(first, 3.0)
        waits = await asyncio.gather(*(self.probed(limited) for _ in range(10)))
        # Evenly spaced: half of the limit in a window.
        assert waits == [pytest.approx(3.0 + 0.16 * number) for number in range(10)]

    async def probed(self, limited: SlidingWindowLimiter) -> float:
        began = virtual_loop().time()
        limited.release(await limited.acquire(request()))
        return virtual_loop().time() - began

    @in_virtual_time
    async def test_blocks_requests_that_wait_already(self) -> None:
        limited = limiter(RateLimit(8, per=8.0))
        permits = [await limited.acquire(request()) for _ in range(8)]
        for permit in permits[1:]:
            limited.release(permit)
        waiting = [asyncio.create_task(self.probed(limited)) for _ in range(3)]
        await asyncio.sleep(4.0)
        limited.throttled(permits[0], 10.0)
        waits = await asyncio.gather(*waiting)
        assert waits[0] == pytest.approx(14.0)
        assert min(waits) == waits[0]
        assert limited.in_flight == 0

    @in_virtual_time
    async def test_fails_at_once_all_waiting_requests_with_an_earlier_deadline(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        for permit in permits[1:]:
            limited.release(permit)
        patient = asyncio.create_task(self.probed(limited))
        await let_run()
        hasty = [asyncio.create_task(limited.acquire(request(20.0))) for _ in range(5)]
        others = [asyncio.create_task(self.probed(limited)) for _ in range(2)]
        await asyncio.sleep(1.0)
        limited.throttled(permits[0], 30.0)
        await let_run()
        assert [type(task.exception()) for task in hasty] == [RateLimitTimeoutError] * 5
        assert await patient == pytest.approx(31.0)
        assert [type(wait) for wait in await asyncio.gather(*others)] == [float] * 2

    @in_virtual_time
    async def test_keeps_the_order_of_waiting_requests(self) -> None:
        limited = limiter(RateLimit(1, per=8.0))
        refused = await limited.acquire(request())
        served: list[str] = []

        async def call(lane: str, number: int) -> None:
            limited.release(await limited.acquire(request(lane=lane)))
            served.append(f"{lane}{number}")

        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(call("a", number))
            for number in range(2):
                group.create_task(call("b", number))
            await let_run()
            limited.throttled(refused, 1.0)
        assert served == ["a0", "a1", "b0", "a2", "b1"]

    @in_virtual_time
    async def test_lets_one_request_probe_before_the_others(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), None)
        probe = await limited.acquire(request())
        waiting = [asyncio.create_task(limited.acquire(request())) for _ in range(3)]
        await asyncio.sleep(5.0)
        assert not any(task.done() for task in waiting)
        limited.release(probe)
        await asyncio.sleep(0.5)
        assert all(task.done() for task in waiting)

    @in_virtual_time
    async def test_whose_probe_is_cancelled_lets_the_others_pass(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), None)
        probe = await limited.acquire(request())
        waiting = asyncio.create_task(limited.acquire(request()))
        await asyncio.sleep(1.0)
        # RateLimitMiddleware does this for a request without a response.
        limited.release(probe)
        await let_run()
        assert waiting.done()

    @in_virtual_time
    async def test_whose_probe_hangs_delays_the_others_by_a_window_only(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), 0.0)
        await limited.acquire(request())
        assert await seconds_of(limited.acquire(request())) == pytest.approx(8.0)

    @in_virtual_time
    async def test_is_counted_once_per_epoch(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        for permit in permits:
            limited.throttled(permit, None)
        assert (limited.pauses, limited.delay(), limited.current_limit) == (1, 1.0, 2)

    @in_virtual_time
    async def test_without_a_pause_is_not_counted(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 0.0)
        assert limited.pauses == 0
        await at_once(limited.acquire(request()))

    @in_virtual_time
    async def test_pauses_with_jitter_so_that_processes_do_not_retry_together(self) -> None:
        pauses: set[float] = set()
        for _ in range(20):
            limited = SlidingWindowLimiter(LIMIT)
            limited.throttled(await limited.acquire(request()), None)
            pauses.add(limited.delay())
        assert len(pauses) > 10
        assert all(1.0 - 1e-9 <= pause < 1.25 for pause in pauses)


class TestCancellation:
    @in_virtual_time
    async def test_of_the_first_waiter_lets_the_next_one_wait(self) -> None:
        limited = limiter()
        await use_up(limited)
        head = asyncio.create_task(limited.acquire(request()))
        await let_run()
        second = asyncio.create_task(seconds_of(limited.acquire(request())))
        await asyncio.sleep(3.0)
        head.cancel()
        assert await second == pytest.approx(8.0)
        assert limited.in_flight == 1

    @in_virtual_time
    async def test_in_the_step_that_frees_a_permit_takes_none(self) -> None:
        limited = limiter()
        await use_up(limited)
        head = asyncio.create_task(limited.acquire(request()))
        await asyncio.sleep(7.999)
        virtual_loop().call_later(0.001, head.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await head
        assert limited.in_flight == (0 if head.cancelled() else 1)

    @in_virtual_time
    async def test_of_all_waiters_loses_no_permit(self) -> None:
        limited = limiter()
        await use_up(limited)
        waiting = [asyncio.create_task(limited.acquire(request(lane=n % 3))) for n in range(30)]
        await asyncio.sleep(1.0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(8.0)
        await use_up(limited)

    @in_virtual_time
    async def test_thousands_of_times_at_any_moment_loses_no_permit(self) -> None:
        limited = limiter(RateLimit(5, per=0.01))
        chance = random.Random(1)
        cancelled = passed = 0

        async def call() -> None:
            nonlocal passed
            permit = await limited.acquire(request(lane=chance.randrange(4)))
            try:
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.02]))
            finally:
                if chance.random() < 0.02:
                    limited.throttled(permit, chance.choice([None, 0.0, 0.005]))
                else:
                    limited.release(permit)
            passed += 1

        running: list[asyncio.Task[None]] = []
        for _ in range(5000):
            running = [task for task in running if not task.done()]
            while len(running) < 20:
                running.append(asyncio.create_task(call()))
            await asyncio.sleep(chance.choice([0, 0, 0, 0.0005, 0.003]))
            victim = chance.choice(running)
            cancelled += victim.cancel()
            if chance.random() < 0.2:
                await asyncio.sleep(0)
                victim.cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        assert cancelled > 4000
        assert passed > 500
        assert (limited.in_flight, limited._turns.free, limited._waiter) == (0, 1, None)
        # As many pass as before, once the limit has grown back.
        await asyncio.sleep(0.06)
        while limited.current_limit < 5:
            await asyncio.sleep(0.011)
            limited.release(await limited.acquire(request()))
        await asyncio.sleep(0.011)
        await use_up(limited)


class TestSlidingWindowLimiter:
    def test_has_plivos_limit_by_default(self) -> None:
        assert SlidingWindowLimiter().limit == RateLimit(300, 5.0)

    @pytest.mark.parametrize("limit", [None, 300, (300, 5.0), RateLimit, "300/5s"])
    def test_refuses_a_limit_of_another_type(self, limit: Any) -> None:
        with pytest.raises(ConfigurationError, match="limit must be of type RateLimit"):
            SlidingWindowLimiter(limit)

    def test_needs_no_event_loop_to_be_built(self) -> None:
        assert repr(SlidingWindowLimiter(RateLimit(2, 1.0))) == (
            "SlidingWindowLimiter(RateLimit(requests=2, per=1.0), current_limit=2, in_flight=0)"
        )

    @in_virtual_time
    async def test_shows_its_current_limit_and_the_requests_in_flight(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 0.0)
        await limited.acquire(request())
        assert (
            repr(limited)
            == "SlidingWindowLimiter(RateLimit(requests=4, per=8.0), current_limit=2, in_flight=1)"
        )

    @in_virtual_time
    async def test_delays_no_request_at_first(self) -> None:
        assert limiter().delay() == 0

    @in_virtual_time
    async def test_knows_the_delay_of_the_next_request(self) -> None:
        limited = limiter()
        await use_up(limited)
        await asyncio.sleep(3.0)
        assert limited.delay() == pytest.approx(5.0)

    def test_knows_the_delay_without_an_event_loop(self) -> None:
        limited = limiter()
        assert limited.delay() == 0
        asyncio.run(use_up_in_any_time(limited))
        assert 7.0 < limited.delay() <= 8.0


def plain() -> httpx.Request:
    return httpx.Request("GET", "https://api.plivo.com/")


async def use_up_in_any_time(limited: SlidingWindowLimiter) -> None:
    for _ in range(limited.current_limit):
        limited.release(await limited.acquire(plain()))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run in an event loop of its own, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


class TestEventLoops:
    def test_at_the_same_time_cannot_share_a_limiter(self) -> None:
        limited = limiter()
        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(limited.acquire(plain()))
            with pytest.raises(EventLoopError, match="belongs to another event loop"):
                second.run(limited.acquire(plain()))
            first.run(limited.acquire(plain()))
        assert limited.in_flight == 2

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_need_not_run_to_release_a_permit(self, is_closed: bool) -> None:
        limited = limiter()
        with asyncio.Runner() as runner:
            permits = [runner.run(limited.acquire(plain())) for _ in range(2)]
            if is_closed:
                runner.close()
            limited.release(permits[0])
            limited.throttled(permits[1], 30.0)
        assert limited.in_flight == 0
        assert 29.0 < limited.delay() <= 30.0

    def test_share_the_log_one_after_the_other(self) -> None:
        limited = limiter()
        asyncio.run(use_up_in_any_time(limited))

        async def acquire_soon() -> int:
            return await limited.acquire(request(deadline=5.0))

        with pytest.raises(DeadlineExceededError):
            asyncio.run(acquire_soon())

    def test_that_are_closed_free_their_permits_within_a_window(self) -> None:
        limited = limiter()
        lost = asyncio.run(limited.acquire(plain()))
        assert limited.in_flight == 1
        asyncio.run(use_up_all_but(1, limited))
        assert limited.in_flight == 0
        limited.release(lost)
        assert limited.in_flight == 0

    @pytest.mark.parametrize("collected", ["never", "before", "while the next one waits"])
    def test_that_are_closed_during_a_wait_leave_nothing_to_the_next(self, collected: str) -> None:
        limited = limiter(RateLimit(1, per=8.0))

        async def wait_for_ever() -> list[Coroutine[Any, Any, int]]:
            limited.release(await limited.acquire(plain()))
            stale: list[Coroutine[Any, Any, int]] = [limited.acquire(plain()) for _ in range(3)]
            for coroutine in stale:
                coroutine.send(None)
            assert limited._turns.free == 0
            assert limited._waiter is not None
            return stale

        def collect() -> None:
            for coroutine in stale:
                coroutine.close()

        async def wait_again() -> None:
            async def call(lane: object) -> None:
                permit = await limited.acquire(request(lane=lane))
                assert limited.in_flight == 1
                limited.release(permit)

            async with asyncio.TaskGroup() as group:
                for lane in range(3):
                    group.create_task(call(lane))
                await let_run()
                waiter = limited._waiter
                if collected == "while the next one waits":
                    collect()
                assert limited._turns.free == 0
                assert limited._waiter is waiter

        stale = run(wait_for_ever())
        if collected == "before":
            collect()
        run(wait_again())
        assert (limited.in_flight, limited._turns.free, limited._waiter) == (0, 1, None)
        collect()

    def test_that_are_closed_are_not_woken_by_a_release(self) -> None:
        limited = limiter(RateLimit(1, per=8.0))

        async def leave_a_waiter() -> tuple[int, list[Coroutine[Any, Any, int]]]:
            permit = await limited.acquire(plain())
            stale: list[Coroutine[Any, Any, int]] = [limited.acquire(plain()) for _ in range(2)]
            for coroutine in stale:
                coroutine.send(None)
            return permit, stale

        permit, stale = asyncio.run(leave_a_waiter())
        limited.throttled(permit, 30.0)
        for coroutine in stale:
            coroutine.close()
        assert (limited.in_flight, limited._turns.free, limited._waiter) == (0, 1, None)


async def use_up_all_but(count: int, limited: SlidingWindowLimiter) -> None:
    for _ in range(limited.current_limit - count):
        limited.release(await limited.acquire(plain()))
