"""A RateLimiter of the user's: its methods are coroutine functions or plain ones, in any mix."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    CallInfo,
    ClientClosedError,
    DeadlineExceededError,
    RateLimiter,
    RateLimitMiddleware,
)
from plivo_async.context import CallLimits, CallState
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, ok
from tests.virtual_time import in_virtual_time, virtual_loop

STEPS = 60


class Limiter:
    """Gives the permits 1, 2, 3 and so on, and records how each comes back.

    `waiting` names the methods that return a coroutine; the others are done when they return.
    """

    def __init__(self, *waiting: str) -> None:
        self._waiting = waiting
        self.given = 0
        self.returned: list[tuple[Any, ...]] = []

    def _take(self) -> int:
        self.given += 1
        return self.given

    def _do(self, name: str, action: Callable[[], Any]) -> Any:
        if name not in self._waiting:
            return action()

        async def later() -> Any:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return action()

        return later()

    def acquire(self, request: httpx.Request) -> Any:
        return self._do("acquire", self._take)

    def release(self, permit: int) -> Awaitable[None] | None:
        returning: Awaitable[None] | None = self._do("release", lambda: self.returned.append((permit,)))
        return returning

    def throttled(self, permit: int, retry_after: float | None) -> Awaitable[None] | None:
        action = lambda: self.returned.append((permit, retry_after))  # noqa: E731
        returning: Awaitable[None] | None = self._do("throttled", action)
        return returning

    def assert_each_permit_is_back_once(self) -> None:
        assert Counter(permit for permit, *_ in self.returned) == Counter(range(1, self.given + 1))


METHODS = ("acquire", "release", "throttled")
every_mix = pytest.mark.parametrize(
    "waiting", [names for size in range(4) for names in itertools.combinations(METHODS, size)]
)


def get(deadline: float | None = 1e9) -> httpx.Request:
    request = httpx.Request("GET", "https://api.plivo.com/")
    ends = None if deadline is None else asyncio.get_running_loop().time() + deadline
    CallState(CallLimits(deadline=ends)).attach(request)
    return request


class Server:
    """Responds with these statuses; None is a failure of the connection."""

    def __init__(self, *statuses: int | None) -> None:
        self._statuses = list(statuses)
        self.statuses: list[int | None] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        status = self._statuses.pop(0)
        self.statuses.append(status)
        if status is None:
            raise httpx.ReadError("reset")
        return httpx.Response(status, headers={"Retry-After": "7"} if status == 429 else {})


@every_mix
async def test_a_response_releases_the_permit(waiting: tuple[str, ...]) -> None:
    limiter = Limiter(*waiting)
    response = await RateLimitMiddleware(limiter)(get(), Server(200))
    assert (response.status_code, limiter.returned) == (200, [(1,)])


@every_mix
async def test_a_429_throttles_and_the_request_is_sent_again(waiting: tuple[str, ...]) -> None:
    limiter, server = Limiter(*waiting), Server(429, 429, 200)
    await RateLimitMiddleware(limiter)(get(), server)
    assert server.statuses == [429, 429, 200]
    assert limiter.returned == [(1, 7.0), (2, 7.0), (3,)]


@every_mix
async def test_a_failure_releases_the_permit(waiting: tuple[str, ...]) -> None:
    limiter = Limiter(*waiting)
    with pytest.raises(httpx.ReadError):
        await RateLimitMiddleware(limiter)(get(), Server(None))
    assert limiter.returned == [(1,)]


@every_mix
async def test_a_permit_is_back_before_the_response(waiting: tuple[str, ...]) -> None:
    limiter = Limiter(*waiting)
    await RateLimitMiddleware(limiter)(get(deadline=None), Server(429))
    assert limiter.returned == [(1, 7.0)]


@every_mix
@pytest.mark.parametrize("statuses", [(429, 200), (429, None), (503,)], ids=str)
async def test_a_request_cancelled_at_any_step_gives_each_permit_back_once(
    waiting: tuple[str, ...], statuses: tuple[int | None, ...]
) -> None:
    cancelled = 0
    for steps in range(STEPS):
        limiter = Limiter(*waiting)
        task = asyncio.create_task(RateLimitMiddleware(limiter)(get(), Server(*statuses)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        limiter.assert_each_permit_is_back_once()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        cancelled += task.cancelled()
        if not task.cancelled():
            task.exception()
            break
    # An eager task takes its first step at once.
    assert 0 < cancelled < STEPS


class Stuck(Limiter):
    """Gives permits back by waiting for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.releasing = asyncio.Event()
        self.ended = False

    async def release(self, permit: int) -> None:
        self.releasing.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@in_virtual_time
async def test_a_release_that_does_not_end_holds_a_cancelled_call_up_for_a_second() -> None:
    limiter = Stuck()
    task = asyncio.create_task(RateLimitMiddleware(limiter)(get(), Server(200)))
    await limiter.releasing.wait()
    began = virtual_loop().now
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert virtual_loop().now - began == pytest.approx(1.0)
    await asyncio.sleep(0)
    assert limiter.ended


@in_virtual_time
async def test_a_second_cancellation_ends_the_release_at_once() -> None:
    limiter = Stuck()
    task = asyncio.create_task(RateLimitMiddleware(limiter)(get(), Server(200)))
    await limiter.releasing.wait()
    began = virtual_loop().now
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert virtual_loop().now == began
    await asyncio.sleep(0)
    assert limiter.ended


async def test_an_error_of_release_is_raised() -> None:
    class Broken(Limiter):
        async def release(self, permit: int) -> None:
            raise ValueError("the server of the limiter is down")

    with pytest.raises(ValueError, match="the server of the limiter is down"):
        await RateLimitMiddleware(Broken())(get(), Server(200))


@in_virtual_time
async def test_a_limiter_learns_call_uuid_deadline_and_attempts() -> None:
    seen: list[CallInfo] = []

    class Curious(Limiter):
        def acquire(self, request: httpx.Request) -> int:
            seen.append(CallInfo.of(request))
            return self._take()

    async with asking(
        httpx.Response(429), httpx.Response(503), ok(), rate_limit=Curious(), deadline=30.0
    ) as (client, _):
        ends = virtual_loop().now + 30.0
        await client.calls.get(CALL_UUID)
    assert seen == [CallInfo(CALL_UUID, ends, attempts) for attempts in range(3)]


@in_virtual_time
async def test_the_deadline_bounds_the_wait_for_a_permit() -> None:
    class Closed(Limiter):
        async def acquire(self, request: httpx.Request) -> int:
            await asyncio.Event().wait()
            raise AssertionError

    async with asking(ok(), rate_limit=Closed(), deadline=5.0) as (client, route):
        with pytest.raises(DeadlineExceededError) as caught:
            await client.calls.get(CALL_UUID)
    assert (caught.value.attempts, route.call_count) == (0, 0)


class Closable(Limiter):
    def __init__(self) -> None:
        super().__init__()
        self.closings = 0

    def aclose(self) -> None:
        self.closings += 1


class ClosableLater(Limiter):
    def __init__(self) -> None:
        super().__init__()
        self.closings = 0

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closings += 1


@pytest.mark.parametrize("kind", [Closable, ClosableLater])
class TestClosing:
    async def test_closes_the_limiter_once(self, kind: type[Closable | ClosableLater]) -> None:
        async with asking(ok(), rate_limit=(limiter := kind())) as (client, _):
            async with client:
                await client.calls.get(CALL_UUID)
                assert limiter.closings == 0
            await client.aclose()
            await client.with_options(retry=None).aclose()
        assert limiter.closings == 1

    async def test_of_an_unused_client_closes_the_limiter_too(
        self, kind: type[Closable | ClosableLater]
    ) -> None:
        client = AsyncClient(AUTH_ID, TOKEN, rate_limit=(limiter := kind()))
        await client.aclose()
        await client.aclose()
        assert limiter.closings == 1

    async def test_follows_the_end_of_the_calls(self, kind: type[Closable | ClosableLater]) -> None:
        async def hang(request: httpx.Request) -> httpx.Response:
            sent.set()
            await asyncio.Event().wait()
            raise AssertionError

        sent = asyncio.Event()
        async with asking(hang, rate_limit=(limiter := kind())) as (client, _):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await sent.wait()
            await client.aclose()
            assert isinstance(call.exception(), ClientClosedError)
        assert (limiter.closings, limiter.returned) == (1, [(1,)])


async def test_a_limiter_without_aclose_needs_none() -> None:
    limiter: RateLimiter = Limiter()
    async with asking(ok(), rate_limit=limiter) as (client, _):
        await client.calls.get(CALL_UUID)
        await client.aclose()


async def test_the_limiter_is_closed_even_if_the_pool_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    client = AsyncClient(AUTH_ID, TOKEN, rate_limit=(limiter := Closable()))

    async def fail(pool: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("plivo_async.transport.pool.ConnectionPool.aclose", fail)
    async with client:
        with pytest.raises(OSError, match="no"):
            await client.aclose()
    assert limiter.closings == 1
