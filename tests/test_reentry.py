"""A client that is entered again: what it keeps, and what is new."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    AsyncClient,
    CallNext,
    ClientClosedError,
    EventLoopError,
    RateLimit,
    SlidingWindowLimiter,
)
from plivo_async.testing import FakePlivo
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, ok, pool_of
from tests.virtual_time import VirtualTimeLoop, in_virtual_time


def missing() -> httpx.Response:
    return httpx.Response(404)


class TestEntering:
    async def test_opens_a_closed_client_again(self) -> None:
        async with asking(ok()) as (client, route):
            for entries in (1, 2, 3):
                async with client as entered:
                    assert entered is client
                    await client.calls.get(CALL_UUID)
                assert repr(client).endswith("closed>")
                assert route.call_count == entries

    async def test_opens_a_client_that_was_closed_unused(self) -> None:
        async with asking(ok()) as (client, _):
            await client.aclose()
            async with client:
                await client.calls.get(CALL_UUID)

    async def test_takes_a_fresh_pool_with_the_same_options(self) -> None:
        client = AsyncClient(
            AUTH_ID,
            TOKEN,
            max_connections=7,
            keepalive_expiry=3.0,
            verify=False,
            proxy="http://me:secret@proxy.example",
        )
        first = pool_of(client)
        async with client:
            assert pool_of(client) is first
        async with client:
            second = pool_of(client)
        assert second is not first
        for name in ("_max_connections", "_keepalive_expiry", "_verify", "_proxy"):
            assert getattr(second, name) == getattr(first, name)

    async def test_opens_the_views_too(self) -> None:
        async with asking(ok()) as (client, route):
            view = client.with_options(deadline=5.0)
            await client.aclose()
            async with view:
                await client.calls.get(CALL_UUID)
                await client.in_own_lane().calls.get(CALL_UUID)
            with pytest.raises(ClientClosedError):
                await client.calls.get(CALL_UUID)
            assert route.call_count == 2

    async def test_does_not_open_a_borrowed_client_that_its_owner_closed(self) -> None:
        http_client = httpx.AsyncClient()
        client = AsyncClient(AUTH_ID, TOKEN, http_client=http_client)
        await http_client.aclose()
        async with client:
            with pytest.raises(ClientClosedError, match="http_client it was given, is closed"):
                await client.calls.get(CALL_UUID)

    def test_works_once_per_asyncio_run(self) -> None:
        transport = httpx.MockTransport(lambda request: ok())
        client = AsyncClient(AUTH_ID, TOKEN, http_client=httpx.AsyncClient(transport=transport))

        async def use() -> str:
            async with client:
                return (await client.calls.get(CALL_UUID)).call_uuid

        assert [asyncio.run(use()) for _ in range(3)] == [CALL_UUID] * 3

    def test_needs_a_running_event_loop(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        asyncio.run(client.aclose())
        with pytest.raises(EventLoopError, match="no asyncio event loop"):
            client.__aenter__().send(None)
        assert repr(client).endswith("closed>")

    def test_after_a_fork_leaves_the_pool_to_the_parent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        asyncio.run(client.__aenter__())
        parents = pool_of(client)
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: -1)
            kept: list[object] = []
            child.setattr("plivo_async.lifetime._pools_of_parents", kept)
            asyncio.run(client.__aenter__())
            assert pool_of(client) is not parents
            assert kept == [parents]
            assert "busy=0" in repr(parents)


class TestBlocks:
    async def test_within_each_other_close_at_the_end_of_the_outermost(self) -> None:
        async with asking(ok()) as (client, _):
            async with client:
                async with client.with_options(deadline=1.0):
                    await client.calls.get(CALL_UUID)
                await client.calls.get(CALL_UUID)
            with pytest.raises(ClientClosedError):
                await client.calls.get(CALL_UUID)

    async def test_of_two_tasks_end_no_call_of_each_other(self) -> None:
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(request: httpx.Request) -> httpx.Response:
            asked.set()
            await answer.wait()
            return ok()

        async def work() -> str:
            async with client:
                return (await client.calls.get(CALL_UUID)).call_uuid

        async with asking(slow) as (client, _):
            call = asyncio.create_task(work())
            await asked.wait()
            async with client:
                pass
            answer.set()
            assert await call == CALL_UUID
            assert repr(client).endswith("closed>")

    async def test_do_not_keep_aclose_from_closing(self) -> None:
        async with asking(ok()) as (client, _):
            async with client:
                async with client:
                    await client.aclose()
                    with pytest.raises(ClientClosedError):
                        await client.calls.get(CALL_UUID)
                async with client:
                    await client.calls.get(CALL_UUID)
            assert repr(client).endswith("closed>")


class Stubborn:
    """Middleware that goes on when it is cancelled, as soon as it may."""

    def __init__(self) -> None:
        self.sending, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        if self.sending.is_set():
            return await call_next(request)
        self.sending.set()
        while not self.may_go_on.is_set():
            try:
                await self.may_go_on.wait()
            except asyncio.CancelledError:
                continue
        return await call_next(request)


class TestACallOfTheSessionBefore:
    async def test_ends_although_the_client_is_open_again(self) -> None:
        asked = asyncio.Event()

        async def hangs_once(request: httpx.Request) -> httpx.Response:
            if asked.is_set():
                return ok()
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with asking(hangs_once) as (client, _):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await asked.wait()
            closing = asyncio.create_task(client.aclose())
            await asyncio.sleep(0)
            async with client:
                await client.calls.get(CALL_UUID)
                await closing
                with pytest.raises(ClientClosedError, match="closed during the call"):
                    await call
                # The end of that closing has not closed this session.
                await client.calls.get(CALL_UUID)

    async def test_ends_the_wait_that_it_belongs_to(self) -> None:
        asked, requests = asyncio.Event(), list[httpx.Request]()

        async def hang(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with asking(hang) as (client, _):
            waiting = asyncio.create_task(client.calls.wait(CALL_UUID))
            await asked.wait()
            closing = asyncio.create_task(client.aclose())
            await asyncio.sleep(0)
            async with client:
                await closing
                with pytest.raises(ClientClosedError, match="closed during the call"):
                    await waiting
            assert len(requests) == 1

    async def test_is_not_sent_in_the_next_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("plivo_async.lifetime.CLOSING_SECONDS", 0.001)
        middleware = Stubborn()
        async with asking(ok(), middleware=[middleware]) as (client, route):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await middleware.sending.wait()
            await client.aclose()
            async with client:
                middleware.may_go_on.set()
                with pytest.raises(ClientClosedError) as caught:
                    await call
                assert caught.value.retryable
                assert route.call_count == 0
                await client.calls.get(CALL_UUID)

    @in_virtual_time
    async def test_that_waits_for_a_record_ends_too(self) -> None:
        asked = asyncio.Event()

        async def none(request: httpx.Request) -> httpx.Response:
            asyncio.get_running_loop().call_later(0.01, asked.set)
            return missing()

        async with asking(none) as (client, route):
            waiting = asyncio.create_task(client.calls.wait(CALL_UUID))
            await asked.wait()
            closing = asyncio.create_task(client.aclose())
            await asyncio.sleep(0)
            async with client:
                await closing
                with pytest.raises(ClientClosedError) as caught:
                    await waiting
                assert caught.value.retryable
            assert route.call_count == 1


async def test_a_request_that_middleware_makes_is_sent_in_the_present_session() -> None:
    async def remakes(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        return await call_next(httpx.Request(request.method, request.url, headers=request.headers))

    async with asking(ok(), attempt_middleware=[remakes]) as (client, route), client:
        await client.calls.get(CALL_UUID)
        await client.aclose()
        async with client:
            await client.calls.get(CALL_UUID)
        assert route.call_count == 2


class Closable:
    """A limiter that counts how often it was closed."""

    def __init__(self) -> None:
        self.closings = 0

    def acquire(self, request: httpx.Request) -> int:
        return self.closings

    def release(self, permit: int) -> None: ...

    def throttled(self, permit: int, retry_after: float | None) -> None: ...

    async def aclose(self) -> None:
        self.closings += 1


async def test_a_limiter_with_aclose_is_closed_each_time() -> None:
    async with asking(ok(), rate_limit=(limiter := Closable())) as (client, _):
        for closings in (1, 2):
            async with client:
                await client.calls.get(CALL_UUID)
            assert limiter.closings == closings


class TestTheRateLimit:
    @in_virtual_time
    async def test_counts_across_sessions(self) -> None:
        limiter = SlidingWindowLimiter(RateLimit(2, per=10.0))
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asking(ok(), rate_limit=limiter) as (client, _):
            for _ in range(3):
                async with client:
                    await client.calls.get(CALL_UUID)
        assert clock() == pytest.approx(began + 10.0)

    def test_of_a_parent_process_goes_on_in_a_fork(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limiter = SlidingWindowLimiter(RateLimit(2, per=10.0))
        request = httpx.Request("GET", "https://api.plivo.com/")
        with (
            asyncio.Runner(loop_factory=VirtualTimeLoop) as parent,
            asyncio.Runner(loop_factory=VirtualTimeLoop) as child,
        ):
            parent.run(limiter.acquire(request))
            monkeypatch.setattr(os, "getpid", lambda: -1)
            child.run(limiter.acquire(request))
            # The parent's permit is not the child's to wait for.
            assert limiter.in_flight == 1


async def endless(read: list[int]) -> AsyncIterator[str]:
    for number in range(10**6):
        read.append(number)
        yield f"id-{number}"


class TestABatch:
    def test_in_another_event_loop_raises_at_once(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        read = list[int]()

        async def fetch() -> None:
            async with client.calls.get_many(endless(read), concurrency=4) as batch:
                async for outcome in batch:
                    raise AssertionError(outcome)

        async def first_of_list() -> None:
            async for outcome in client.calls.list():
                raise AssertionError(outcome)

        with asyncio.Runner() as first, asyncio.Runner(loop_factory=VirtualTimeLoop) as second:
            first.run(client.__aenter__())
            with pytest.raises(EventLoopError, match="another event loop"):
                second.run(fetch())
            assert len(read) <= 4
            with pytest.raises(EventLoopError, match="another event loop"):
                second.run(first_of_list())
            with pytest.raises(EventLoopError, match="another event loop"):
                second.run(client.calls.wait(CALL_UUID))
            first.run(client.aclose())

    async def test_of_a_closed_client_stops_and_names_the_way_out(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        await client.aclose()
        with pytest.raises(ClientClosedError, match="enter it again"):
            await client.calls.get_many(["a", "b"])


STEPS = st.lists(st.sampled_from(["enter", "leave", "close", "call"]), max_size=12)


@given(steps=STEPS)
def test_any_sequence_of_entries_calls_and_closings(steps: list[str]) -> None:
    """Each session has a pool of its own, no call leaves a closed client, and no connection is left."""

    async def play() -> None:
        fake = FakePlivo()
        async with fake.serve() as url:
            client = AsyncClient(fake.auth_id, fake.auth_token, base_url=url, rate_limit=None)
            closed, blocks, asked = False, 0, 0
            pools = [pool_of(client)]
            for step in [*steps, "close"]:
                if step == "enter":
                    await client.__aenter__()
                    assert (pool_of(client) is not pools[-1]) == closed
                    if closed:
                        pools.append(pool_of(client))
                        closed, blocks = False, 0
                    blocks += 1
                elif step == "leave":
                    await client.__aexit__(None, None, None)
                    blocks -= 1
                    closed = closed or blocks <= 0
                elif step == "close":
                    await client.aclose()
                    closed = True
                elif closed:
                    with pytest.raises(ClientClosedError):
                        await client.calls.get(fake.call_uuids[0])
                else:
                    await client.calls.get(fake.call_uuids[0])
                    asked += 1
                assert len(fake.requests) == asked
                assert repr(client).endswith("closed>") == closed
                assert not any(pool._open for pool in pools[:-1])
            assert not pools[-1]._open

    asyncio.run(play())
