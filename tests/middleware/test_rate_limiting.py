from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    ConfigurationError,
    RateLimit,
    RateLimiter,
    RateLimitMiddleware,
    RetryPolicy,
    SlidingWindowLimiter,
)
from plivo_async.context import CallLimits, CallState, Supervisor
from plivo_async.errors import PlivoError, RateLimitError
from plivo_async.middleware.rate_limiting import find_limiter
from plivo_async.retry_policy import NO_RETRY
from tests.virtual_time import in_virtual_time

FAR = 1e9
Outcome = httpx.Response | BaseException | int


class CountingLimiter:
    """Gives permits 1, 2, 3 and so on, and knows what became of each."""

    def __init__(self, most: int = 1000, then: Exception | None = None) -> None:
        self.given = 0
        self.came_back: list[tuple[int, str, float | None]] = []
        self.most, self.then = most, then

    async def acquire(self, request: httpx.Request) -> int:
        if self.given >= self.most and self.then is not None:
            raise self.then
        await asyncio.sleep(0)
        self.given += 1
        return self.given

    def release(self, permit: int) -> None:
        self.came_back.append((permit, "answered", None))

    def throttled(self, permit: int, retry_after: float | None) -> None:
        self.came_back.append((permit, "limited", retry_after))

    def assert_each_came_back_once(self) -> None:
        assert Counter(permit for permit, _, _ in self.came_back) == Counter(range(1, self.given + 1))


class Server:
    """What comes next after RateLimitMiddleware: these outcomes, the last one for ever."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = outcomes
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await asyncio.sleep(0)
        outcome = self.outcomes[min(len(self.requests), len(self.outcomes)) - 1]
        if isinstance(outcome, BaseException):
            raise outcome
        return httpx.Response(outcome) if isinstance(outcome, int) else outcome


def request(method: str = "GET", *, deadline: float | None = FAR, retry: RetryPolicy | None = None) -> Any:
    made = httpx.Request(method, "https://api.plivo.com/")
    ends = None if deadline is None else asyncio.get_running_loop().time() + deadline
    CallState(CallLimits(deadline=ends, retry=retry)).attach(made)
    return made


def limited(retry_after: str | None = None) -> httpx.Response:
    return httpx.Response(429, headers={} if retry_after is None else {"Retry-After": retry_after})


def refused(response: httpx.Response) -> httpx.HTTPStatusError:
    """What raise_for_status() raises, in a hook of a borrowed client."""
    made = httpx.Request("GET", "https://api.plivo.com/")
    return httpx.HTTPStatusError("no", request=made, response=response)


class TestEachAttempt:
    async def test_is_sent_with_a_permit_that_comes_back(self) -> None:
        limiter, server = CountingLimiter(), Server(200)
        response = await RateLimitMiddleware(limiter)(request(), server)
        assert response.status_code == 200
        assert (limiter.came_back, len(server.requests)) == ([(1, "answered", None)], 1)

    async def test_with_any_status_but_429_releases_its_permit(self) -> None:
        for status in range(100, 600):
            if status == 429:
                continue
            limiter, server = CountingLimiter(), Server(status)
            response = await RateLimitMiddleware(limiter)(request(), server)
            assert response.status_code == status
            assert (limiter.came_back, len(server.requests)) == ([(1, "answered", None)], 1), status

    @pytest.mark.parametrize(
        "failure",
        [
            httpx.ReadTimeout("slow"),
            httpx.ConnectError("refused"),
            ValueError("a bug in middleware"),
            asyncio.CancelledError(),
            KeyboardInterrupt(),
            SystemExit(),
            GeneratorExit(),
        ],
        ids=lambda failure: type(failure).__name__,
    )
    async def test_that_fails_gives_its_permit_back(self, failure: BaseException) -> None:
        limiter = CountingLimiter()

        async def fail(request: httpx.Request) -> httpx.Response:
            raise failure

        with pytest.raises(type(failure)) as caught:
            await RateLimitMiddleware(limiter)(request(), fail)
        assert caught.value is failure
        assert limiter.came_back == [(1, "answered", None)]

    async def test_that_is_cancelled_gives_its_permit_back(self) -> None:
        limiter, arrived = CountingLimiter(), asyncio.Event()

        async def hang(request: httpx.Request) -> httpx.Response:
            arrived.set()
            await asyncio.Event().wait()
            raise AssertionError

        task = asyncio.create_task(RateLimitMiddleware(limiter)(request(), hang))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert limiter.came_back == [(1, "answered", None)]

    async def test_that_gets_no_permit_is_not_sent(self) -> None:
        limiter, server = CountingLimiter(0, ValueError("no permit")), Server(200)
        with pytest.raises(ValueError, match="no permit"):
            await RateLimitMiddleware(limiter)(request(), server)
        assert (server.requests, limiter.came_back) == ([], [])

    async def test_that_a_hook_refused_is_answered(self) -> None:
        limiter, failure = CountingLimiter(), refused(httpx.Response(404))
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await RateLimitMiddleware(limiter)(request(), Server(failure))
        assert caught.value is failure
        assert limiter.came_back == [(1, "answered", None)]

    async def test_cancelled_at_any_step_gives_each_permit_back_once(self) -> None:
        for steps in range(40):
            limiter, server = CountingLimiter(), Server(429, refused(limited()), 200)
            task = asyncio.create_task(RateLimitMiddleware(limiter)(request(), server))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            limiter.assert_each_came_back_once()


class TestA429:
    @pytest.mark.parametrize("answer", [limited(), refused(limited())], ids=["answer", "refused by a hook"])
    async def test_is_followed_by_the_same_request(self, answer: Outcome) -> None:
        limiter, server = CountingLimiter(), Server(answer, answer, answer, answer, 200)
        sent = request()
        response = await RateLimitMiddleware(limiter)(sent, server)
        assert response.status_code == 200
        assert server.requests == [sent] * 5
        assert [how for _, how, _ in limiter.came_back] == ["limited"] * 4 + ["answered"]
        limiter.assert_each_came_back_once()

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    async def test_is_followed_by_what_may_be_sent_twice(self, method: str) -> None:
        server = Server(429, 200)
        assert (await RateLimitMiddleware(CountingLimiter())(request(method), server)).status_code == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    async def test_ends_what_may_not(self, method: str) -> None:
        limiter, server = CountingLimiter(), Server(429, 200)
        response = await RateLimitMiddleware(limiter)(request(method), server)
        assert (response.status_code, len(server.requests)) == (429, 1)
        assert limiter.came_back == [(1, "limited", None)]

    @pytest.mark.parametrize(
        ("header", "seconds"), [("7", 7.0), ("0", 0.0), (None, None), ("soon", None), ("-1", None)]
    )
    async def test_tells_the_limiter_its_retry_after(self, header: str | None, seconds: float | None) -> None:
        limiter = CountingLimiter()
        await RateLimitMiddleware(limiter)(request(), Server(limited(header), 200))
        assert limiter.came_back[0] == (1, "limited", seconds)

    async def test_tells_the_limiter_a_retry_after_that_is_a_date(self) -> None:
        headers = {
            "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            "Retry-After": "Wed, 21 Oct 2015 07:28:09 GMT",
        }
        limiter = CountingLimiter()
        await RateLimitMiddleware(limiter)(request(), Server(httpx.Response(429, headers=headers), 200))
        assert limiter.came_back[0] == (1, "limited", 9.0)

    @pytest.mark.parametrize("outcome", [limited("61"), refused(limited("61"))], ids=["response", "hook"])
    async def test_with_a_retry_after_above_the_cap_ends_the_request(self, outcome: Outcome) -> None:
        limiter, server = CountingLimiter(), Server(outcome, 200)
        try:
            status = (await RateLimitMiddleware(limiter)(request(), server)).status_code
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
        assert (status, len(server.requests)) == (429, 1)
        assert limiter.came_back == [(1, "limited", 61.0)]

    @pytest.mark.parametrize(("retry_after", "requests"), [("60", 2), ("61", 1)])
    async def test_with_a_retry_after_up_to_the_cap_is_waited_for(
        self, retry_after: str, requests: int
    ) -> None:
        server = Server(limited(retry_after), 200)
        await RateLimitMiddleware(CountingLimiter())(request(), server)
        assert len(server.requests) == requests

    async def test_is_held_to_the_cap_of_the_requests_own_policy(self) -> None:
        server = Server(limited("5"), 200)
        policy = RetryPolicy(retry_after_max=4.0)
        response = await RateLimitMiddleware(CountingLimiter())(request(retry=policy), server)
        assert (response.status_code, len(server.requests)) == (429, 1)

    async def test_without_a_deadline_is_left_to_retry(self) -> None:
        server = Server(429, 200)
        response = await RateLimitMiddleware(CountingLimiter())(request(deadline=None), server)
        assert (response.status_code, len(server.requests)) == (429, 1)

    async def test_with_one_attempt_only_is_the_answer(self) -> None:
        server = Server(429, 200)
        response = await RateLimitMiddleware(CountingLimiter())(request(retry=NO_RETRY), server)
        assert (response.status_code, len(server.requests)) == (429, 1)

    async def test_costs_no_attempt(self) -> None:
        server = Server(*[429] * 50, 200)
        response = await RateLimitMiddleware(CountingLimiter())(
            request(retry=RetryPolicy(max_attempts=2)), server
        )
        assert (response.status_code, len(server.requests)) == (200, 51)

    async def test_is_the_last_failure_where_no_further_permit_comes(self) -> None:
        limiter = CountingLimiter(1, ValueError("no permit"))
        sent = request()
        with pytest.raises(ValueError, match="no permit"):
            await RateLimitMiddleware(limiter)(sent, Server(limited()))
        assert isinstance(CallState.attached_to(sent).last_failure, RateLimitError)
        limiter.assert_each_came_back_once()


class TestWhatAClientTakes:
    def test_is_a_limit_of_its_own(self) -> None:
        limiter = find_limiter(RateLimit(7, 2.0))
        assert isinstance(limiter, SlidingWindowLimiter)
        assert limiter.limit == RateLimit(7, 2.0)
        assert repr(RateLimitMiddleware(limiter)) == f"RateLimitMiddleware({limiter!r})"

    def test_is_none_for_no_limit(self) -> None:
        assert find_limiter(None) is None

    @pytest.mark.parametrize("limiter", [SlidingWindowLimiter(), CountingLimiter()])
    def test_is_a_limiter_to_share(self, limiter: RateLimiter) -> None:
        assert find_limiter(limiter) is limiter

    @pytest.mark.parametrize(
        "wrong",
        [
            0,
            60,
            60.0,
            True,
            False,
            "300/5s",
            (300, 5.0),
            RateLimit,
            SlidingWindowLimiter,
            CountingLimiter,
            object(),
        ],
    )
    def test_is_nothing_else(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match="rate_limit must be a RateLimit, a RateLimiter or None"):
            AsyncClient("MA", "token", rate_limit=wrong)


class WaitingSupervisor(Supervisor):
    """Knows which delays were reported, and how many waits ended."""

    def __init__(self) -> None:
        self.delays: list[Callable[[], float] | None] = []
        self.ended = 0

    @property
    def holds(self) -> bool:
        raise AssertionError

    def waits(self, state: CallState, delay: Callable[[], float] | None) -> None:
        assert state.limits.deadline is None
        self.delays.append(delay)

    def goes_on(self, state: CallState) -> None:
        self.ended += 1

    def attempt_failed(self, error: PlivoError) -> None:
        raise AssertionError


def supervised(supervisor: Supervisor) -> httpx.Request:
    made = httpx.Request("GET", "https://api.plivo.com/")
    CallState(CallLimits(lane=supervisor)).attach(made)
    return made


class TestASupervisedCall:
    async def test_reports_its_wait_for_a_permit(self) -> None:
        supervisor = WaitingSupervisor()
        await RateLimitMiddleware(CountingLimiter())(supervised(supervisor), Server(200))
        assert (supervisor.delays, supervisor.ended) == ([None], 1)

    async def test_reports_no_wait_while_the_limiter_is_free(self) -> None:
        supervisor = WaitingSupervisor()
        limiter = SlidingWindowLimiter(RateLimit(4, per=8.0))
        await RateLimitMiddleware(limiter)(supervised(supervisor), Server(200))
        assert supervisor.delays == []

    @in_virtual_time
    async def test_reports_how_long_it_waits_if_the_limiter_knows(self) -> None:
        supervisor = WaitingSupervisor()
        limiter = SlidingWindowLimiter(RateLimit(1, per=8.0))
        middleware = RateLimitMiddleware(limiter)
        for _ in range(2):
            await middleware(supervised(supervisor), Server(200))
        assert (supervisor.delays, supervisor.ended) == ([limiter.delay], 1)

    async def test_reports_the_end_of_a_wait_that_fails(self) -> None:
        supervisor = WaitingSupervisor()
        limiter = CountingLimiter(0, ValueError("no permit"))
        with pytest.raises(ValueError, match="no permit"):
            await RateLimitMiddleware(limiter)(supervised(supervisor), Server(200))
        assert supervisor.ended == 1

    @in_virtual_time
    async def test_has_as_much_time_after_the_wait_as_before(self) -> None:
        limiter = SlidingWindowLimiter(RateLimit(1, per=8.0))
        middleware = RateLimitMiddleware(limiter)
        await middleware(supervised(WaitingSupervisor()), Server(200))
        made = httpx.Request("GET", "https://api.plivo.com/")
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(5.0) as scope:
            state = CallState(CallLimits(deadline=scope.when(), lane=WaitingSupervisor()), scope=scope)
            state.attach(made)
            assert (await middleware(made, Server(200))).status_code == 200
            assert state.limits.deadline == scope.when() == pytest.approx(clock() + 5.0)
