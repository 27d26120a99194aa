from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Coroutine
from typing import Any

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
from plivo_async.context import RequestContext
from plivo_async.middleware.rate_window import Permit
from tests.virtual_time import in_virtual_time, virtual_loop

LIMIT = RateLimit(4, per=8.0)


def limiter(limit: RateLimit = LIMIT) -> SlidingWindowLimiter:
    return SlidingWindowLimiter(limit, random=lambda: 0.0)


def request(deadline: float | None = None, *, lane: object = None, last: int | None = None) -> httpx.Request:
    """A request whose deadline is so many seconds away, and whose last attempt had this status."""
    made = httpx.Request("GET", "https://api.plivo.com/")
    ends = None if deadline is None else asyncio.get_running_loop().time() + deadline
    failure = None if last is None else httpx.Response(last)
    RequestContext(deadline=ends, lane=lane, last_failure=failure, attempts=failure is not None).attach(made)
    return made


async def at_once(waiting: Coroutine[Any, Any, Permit]) -> Permit:
    """What it gives, which must take no time."""
    began = virtual_loop().time()
    result = await waiting
    assert virtual_loop().time() == began
    return result


async def seconds_of(waiting: Coroutine[Any, Any, Permit]) -> float:
    began = virtual_loop().time()
    await waiting
    return virtual_loop().time() - began


async def use_up(limited: SlidingWindowLimiter) -> None:
    """As many permits as there are are taken, and their requests answered."""
    for _ in range(limited.window.allowed):
        limited.release(await at_once(limited.acquire(request())))


async def let_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestAcquire:
    @in_virtual_time
    async def test_gives_as_many_permits_as_the_limit_allows_at_once(self) -> None:
        limited = limiter()
        for _ in range(4):
            await at_once(limited.acquire(request()))
        assert limited.window.in_flight == 4

    @in_virtual_time
    async def test_gives_the_next_one_a_window_after_an_answer(self) -> None:
        limited = limiter()
        await use_up(limited)
        assert await seconds_of(limited.acquire(request())) == pytest.approx(8.0)

    @in_virtual_time
    async def test_waits_for_the_answers_of_what_is_under_way(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        waiting = asyncio.create_task(seconds_of(limited.acquire(request())))
        await asyncio.sleep(100.0)
        limited.release(permits[0])
        assert await waiting == pytest.approx(108.0)

    @in_virtual_time
    async def test_serves_in_turn(self) -> None:
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
    async def test_lets_single_calls_go_between_those_of_a_batch(self) -> None:
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
        # One of the batch waits at the head already.
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
    async def test_for_hours_is_no_busy_wait(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 3600.0)
        before = virtual_loop().steps
        assert await seconds_of(limited.acquire(request())) == pytest.approx(3600.0)
        # It looks once a window.
        assert virtual_loop().steps - before <= 2 * 3600 / 8.0 + 10

    @in_virtual_time
    async def test_costs_one_look_for_each_answer_that_comes_meanwhile(self) -> None:
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
    async def test_that_the_wait_fits_into_is_waited_for(self) -> None:
        limited = limiter()
        await use_up(limited)
        assert await seconds_of(limited.acquire(request(8.5))) == pytest.approx(8.0)

    @in_virtual_time
    async def test_that_the_wait_does_not_fit_into_raises_now(self) -> None:
        limited = limiter()
        await use_up(limited)
        await asyncio.sleep(3.0)
        with pytest.raises(DeadlineExceededError) as caught:
            await at_once(limited.acquire(request(5.0)))
        assert type(caught.value) is DeadlineExceededError
        assert str(caught.value) == "the rate limit lets a request pass in 5.00 s, the deadline is in 5.00 s"
        assert (caught.value.attempts, caught.value.__cause__) == (0, None)

    @in_virtual_time
    async def test_that_is_over_raises_now(self) -> None:
        limited = limiter()
        await use_up(limited)
        with pytest.raises(DeadlineExceededError, match=r"in 8\.00 s, the deadline is in 0\.00 s"):
            await at_once(limited.acquire(request(-1.0)))

    @in_virtual_time
    async def test_that_is_over_does_not_matter_where_there_is_a_permit(self) -> None:
        limited = limiter()
        await at_once(limited.acquire(request(-1.0)))

    @in_virtual_time
    async def test_within_a_window_raises_now_where_all_permits_are_under_way(self) -> None:
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        with pytest.raises(DeadlineExceededError, match=r"in 8\.00 s, the deadline is in 7\.90 s"):
            await at_once(limited.acquire(request(7.9)))
        assert len(permits) == limited.window.in_flight

    @in_virtual_time
    async def test_raises_now_also_behind_others_who_can_wait(self) -> None:
        limited = limiter()
        await use_up(limited)
        patient = asyncio.create_task(limited.acquire(request()))
        await let_run()
        with pytest.raises(DeadlineExceededError):
            await at_once(limited.acquire(request(7.0)))
        await patient

    @in_virtual_time
    async def test_that_the_wait_outgrows_raises_as_soon_as_that_is_known(self) -> None:
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
    async def test_after_a_429_of_its_own_is_both_errors(self) -> None:
        limited = limiter()
        await use_up(limited)
        with pytest.raises(RateLimitTimeoutError) as caught:
            await at_once(limited.acquire(request(5.0, last=429)))
        assert isinstance(caught.value, RateLimitError)
        assert isinstance(caught.value, DeadlineExceededError)
        assert type(caught.value.__cause__) is RateLimitError
        assert caught.value.retryable

    @in_virtual_time
    async def test_at_a_gate_that_the_429_of_another_call_closed_is_both_errors(self) -> None:
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
    async def test_at_a_gate_has_the_last_failure_of_its_own_as_the_cause(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 30.0)
        with pytest.raises(DeadlineExceededError) as caught:
            await at_once(limited.acquire(request(5.0, last=500)))
        assert type(caught.value) is DeadlineExceededError
        assert type(caught.value.__cause__) is ServerError

    @in_virtual_time
    async def test_ends_no_wait_for_a_probe_that_may_be_answered_at_once(self) -> None:
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
    async def test_closes_the_gate_for_all(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        first = await limited.acquire(request())
        limited.throttled(first, 3.0)
        waits = await asyncio.gather(*(self.probed(limited) for _ in range(10)))
        assert waits == [pytest.approx(3.0)] * 10

    async def probed(self, limited: SlidingWindowLimiter) -> float:
        began = virtual_loop().time()
        limited.release(await limited.acquire(request()))
        return virtual_loop().time() - began

    @in_virtual_time
    async def test_closes_the_gate_for_those_who_wait_already(self) -> None:
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
        assert limited.window.in_flight == 0

    @in_virtual_time
    async def test_sends_back_at_once_all_those_whose_deadlines_come_first(self) -> None:
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
    async def test_keeps_the_order_of_those_who_go_on_waiting(self) -> None:
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
    async def test_lets_one_probe_before_the_others(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), None)
        probe = await limited.acquire(request())
        waiting = [asyncio.create_task(limited.acquire(request())) for _ in range(3)]
        await asyncio.sleep(5.0)
        assert not any(task.done() for task in waiting)
        limited.release(probe)
        await let_run()
        assert all(task.done() for task in waiting)

    @in_virtual_time
    async def test_whose_probe_is_cancelled_lets_the_others_go_on(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), None)
        probe = await limited.acquire(request())
        waiting = asyncio.create_task(limited.acquire(request()))
        await asyncio.sleep(1.0)
        # As RateLimitMiddleware does for a request that has no answer.
        limited.release(probe)
        await let_run()
        assert waiting.done()

    @in_virtual_time
    async def test_whose_probe_hangs_holds_up_the_others_for_a_window_only(self) -> None:
        limited = limiter(RateLimit(100, per=8.0))
        limited.throttled(await limited.acquire(request()), 0.0)
        await limited.acquire(request())
        assert await seconds_of(limited.acquire(request())) == pytest.approx(8.0)

    @in_virtual_time
    async def test_is_logged_once_a_wave(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "plivo_async")
        limited = limiter()
        permits = [await limited.acquire(request()) for _ in range(4)]
        for permit in permits:
            limited.throttled(permit, None)
        assert [record.getMessage() for record in caplog.records] == [
            "HTTP 429: no request for 1.00 s, then 2 per 8 s"
        ]
        assert caplog.records[0].levelname == "INFO"

    @in_virtual_time
    async def test_that_closes_no_gate_is_not_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "plivo_async")
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 0.0)
        assert not caplog.records
        await at_once(limited.acquire(request()))

    @in_virtual_time
    async def test_pauses_differently_each_time_so_that_processes_do_not_meet(self) -> None:
        pauses: set[float] = set()
        for _ in range(20):
            limited = SlidingWindowLimiter(LIMIT)
            limited.throttled(await limited.acquire(request()), None)
            pauses.add(limited.window.gate - virtual_loop().time())
        assert len(pauses) > 10
        assert all(1.0 - 1e-9 <= pause < 1.25 for pause in pauses)


class TestCancellation:
    @in_virtual_time
    async def test_of_the_one_at_the_head_lets_the_next_one_wait(self) -> None:
        limited = limiter()
        await use_up(limited)
        head = asyncio.create_task(limited.acquire(request()))
        await let_run()
        second = asyncio.create_task(seconds_of(limited.acquire(request())))
        await asyncio.sleep(3.0)
        head.cancel()
        assert await second == pytest.approx(8.0)
        assert limited.window.in_flight == 1

    @in_virtual_time
    async def test_in_the_step_in_which_the_permit_comes_takes_none(self) -> None:
        limited = limiter()
        await use_up(limited)
        head = asyncio.create_task(limited.acquire(request()))
        await asyncio.sleep(7.999)
        virtual_loop().call_later(0.001, head.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await head
        assert limited.window.in_flight == (0 if head.cancelled() else 1)

    @in_virtual_time
    async def test_of_all_leaves_every_permit(self) -> None:
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
        assert (limited.window.in_flight, limited._turns.held, limited._waiter) == (0, False, None)
        # And as many pass as ever: first it must have grown back.
        await asyncio.sleep(0.06)
        while limited.window.allowed < 5:
            await asyncio.sleep(0.011)
            limited.release(await limited.acquire(request()))
        await asyncio.sleep(0.011)
        await use_up(limited)


class TestWindowLimiter:
    def test_has_plivos_limit_by_default(self) -> None:
        assert SlidingWindowLimiter().window.limit == RateLimit(300, 5.0)

    @pytest.mark.parametrize("limit", [None, 300, (300, 5.0), RateLimit, "300/5s"])
    def test_refuses_what_is_no_limit(self, limit: Any) -> None:
        with pytest.raises(ConfigurationError, match="limit must be of type RateLimit"):
            SlidingWindowLimiter(limit)

    def test_needs_no_event_loop_to_be_built(self) -> None:
        assert repr(SlidingWindowLimiter(RateLimit(2, 1.0))) == (
            "SlidingWindowLimiter(RateLimit(requests=2, per=1.0), allowed=2, in_flight=0)"
        )

    @in_virtual_time
    async def test_shows_what_it_allows_and_what_is_under_way(self) -> None:
        limited = limiter()
        limited.throttled(await limited.acquire(request()), 0.0)
        await limited.acquire(request())
        assert repr(limited) == "SlidingWindowLimiter(RateLimit(requests=4, per=8.0), allowed=2, in_flight=1)"

    def test_belongs_to_one_event_loop(self) -> None:
        limited = limiter()

        async def take() -> None:
            await limited.acquire(httpx.Request("GET", "https://api.plivo.com/"))

        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(take())
            with pytest.raises(EventLoopError, match="belongs to another event loop"):
                second.run(take())
            first.run(take())
        assert limited.window.in_flight == 2

    def test_goes_on_in_another_event_loop_once_the_first_is_closed(self) -> None:
        limited = limiter()

        async def take() -> None:
            await limited.acquire(httpx.Request("GET", "https://api.plivo.com/"))

        asyncio.run(take())
        asyncio.run(take())
        assert limited.window.in_flight == 2

    @in_virtual_time
    async def test_delays_nobody_at_first(self) -> None:
        assert limiter().window.gate == -math.inf
