from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from plivo_async import AsyncClient, CallNext, ClientClosedError, EventLoopError, ForkedError
from plivo_async.http_client import borrowed_sender
from plivo_async.lifetime import Lifetime
from tests.offline import AUTH_ID, CALL_UUID, RECORD, TOKEN, asking, ok, wrapped
from tests.virtual_time import in_virtual_time, virtual_loop

BUILDING = """
import sys
from plivo_async import AsyncClient

AsyncClient("MA1", "token")
events = []
sys.addaudithook(lambda event, _: events.append(event))
AsyncClient("MA1", "token", verify="/nowhere/ca.pem", proxy="http://proxy.example")
print([event for event in events if event == "open" or event.startswith("socket")])
"""


def run(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


class Hanging(httpx.AsyncBaseTransport):
    """Answers nobody, and knows who asks."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
async def hanging() -> AsyncIterator[tuple[AsyncClient, Hanging]]:
    transport = Hanging()
    async with httpx.AsyncClient(transport=transport) as http_client:
        yield AsyncClient(AUTH_ID, TOKEN, http_client=http_client), transport


class TestBuilding:
    def test_needs_no_event_loop(self) -> None:
        assert "busy=0, idle=0" in repr(AsyncClient(AUTH_ID, TOKEN))

    def test_opens_no_file_and_no_socket(self) -> None:
        assert run(BUILDING) == ["[]"]

    async def test_may_be_closed_unused(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await client.calls.get(CALL_UUID)


class TestClosing:
    async def test_ends_with_the_block(self) -> None:
        async with asking(ok()) as (client, route):
            async with client as entered:
                assert entered is client
                await client.calls.get(CALL_UUID)
            with pytest.raises(
                ClientClosedError,
                match="the client is closed; enter it again with `async with`, or build a new one",
            ):
                await client.calls.get(CALL_UUID)
            assert route.call_count == 1

    async def test_may_be_done_again(self) -> None:
        async with asking(ok()) as (client, _):
            await client.calls.get(CALL_UUID)
            await client.aclose()
            await client.aclose()
            assert repr(client).endswith("closed>")

    async def test_closes_views_and_is_closed_by_them(self) -> None:
        async with asking(ok()) as (client, route):
            view = client.with_options(deadline=5.0)
            await view.calls.get(CALL_UUID)
            await view.aclose()
            for closed in (client, view, client.with_options(retry=None)):
                with pytest.raises(ClientClosedError):
                    await closed.calls.get(CALL_UUID)
            assert route.call_count == 1

    async def test_ends_every_call_under_way(self, hanging: tuple[AsyncClient, Hanging]) -> None:
        client, transport = hanging
        calls = [asyncio.create_task(client.calls.get(CALL_UUID)) for _ in range(5)]
        await transport.asked.wait()
        await client.aclose()
        # Over when aclose() returns.
        assert all(call.done() for call in calls)
        for call in calls:
            error = call.exception()
            assert isinstance(error, ClientClosedError)
            assert error.message == "the client was closed during the call"
            assert error.retryable
            assert error.attempts == 1
        assert transport.requests == 5

    @in_virtual_time
    async def test_takes_no_longer_than_the_calls_take_to_end(self) -> None:
        transport = Hanging()
        async with httpx.AsyncClient(transport=transport) as http_client:
            client = AsyncClient(AUTH_ID, TOKEN, http_client=http_client)
            calls = [asyncio.create_task(client.calls.get(CALL_UUID)) for _ in range(2)]
            await transport.asked.wait()
            began = virtual_loop().time()
            await client.aclose()
            assert virtual_loop().time() == began
            assert all(call.done() for call in calls)
            await asyncio.wait(calls)

    async def test_ends_a_wait_between_attempts(self) -> None:
        waiting = asyncio.Event()

        async def waits(request: httpx.Request) -> httpx.Response:
            asyncio.get_running_loop().call_soon(waiting.set)
            return httpx.Response(503, headers={"Retry-After": "50"})

        async with asking(waits) as (client, route):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await waiting.wait()
            await client.aclose()
            with pytest.raises(ClientClosedError):
                await call
            assert route.call_count == 1

    async def test_keeps_middleware_from_sending_on(self) -> None:
        sending = asyncio.Event()

        async def stubborn(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            try:
                sending.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return await call_next(request)
            raise AssertionError

        async with asking(ok(), middleware=[stubborn]) as (client, route):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await sending.wait()
            await client.aclose()
            with pytest.raises(ClientClosedError):
                await call
            assert route.call_count == 0

    async def test_does_not_wait_for_middleware_that_will_not_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("plivo_async.lifetime.CLOSING_SECONDS", 0.001)
        sending, let_go = asyncio.Event(), asyncio.Event()

        async def stubborn(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            sending.set()
            while not let_go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await let_go.wait()
            return httpx.Response(200, content=RECORD, request=request)

        async with asking(ok(), middleware=[stubborn]) as (client, route):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await sending.wait()
            await client.aclose()
            assert not call.done()
            let_go.set()
            await call
            assert route.call_count == 0

    async def test_leaves_a_borrowed_client_open(self) -> None:
        transport = httpx.MockTransport(lambda request: ok())
        async with httpx.AsyncClient(transport=transport) as http_client:
            async with AsyncClient(AUTH_ID, TOKEN, http_client=http_client) as client:
                await client.calls.get(CALL_UUID)
            assert not http_client.is_closed
            again = AsyncClient(AUTH_ID, TOKEN, http_client=http_client)
            assert (await again.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    async def test_a_borrowed_client_that_its_owner_closed_is_named(self) -> None:
        async with asking(ok()) as (client, route):
            await wrapped(client).aclose()
            with pytest.raises(ClientClosedError, match="http_client it was given, is closed") as caught:
                await client.calls.get(CALL_UUID)
            assert not caught.value.retryable
            assert route.call_count == 0


class TestEventLoop:
    def test_is_the_one_of_the_first_use(self) -> None:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: ok()))
        client = AsyncClient(AUTH_ID, TOKEN, http_client=http_client)

        async def use() -> str:
            return (await client.calls.get(CALL_UUID)).call_uuid

        assert asyncio.run(use()) == CALL_UUID
        with pytest.raises(
            EventLoopError, match="another event loop, which is closed.*enter the client in each"
        ):
            asyncio.run(use())

    def test_of_another_may_not_close_it_while_that_one_lives(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN, http_client=httpx.AsyncClient())
        with asyncio.Runner() as first:
            first.run(client.__aenter__())
            with asyncio.Runner() as second:
                for use in (client.aclose, client.__aenter__, lambda: client.request("GET", "Call/")):
                    with pytest.raises(EventLoopError, match=r"asyncio\.run_coroutine_threadsafe"):
                        second.run(use())
            first.run(client.aclose())

    def test_that_is_over_needs_no_closing(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN, http_client=httpx.AsyncClient())
        asyncio.run(client.__aenter__())
        asyncio.run(client.aclose())
        assert repr(client).endswith("closed>")

    def test_must_run(self) -> None:
        call = AsyncClient(AUTH_ID, TOKEN).calls.get(CALL_UUID)
        with pytest.raises(
            EventLoopError, match=r"no asyncio event loop is running; .* \(trio is not supported\)"
        ):
            call.send(None)

    def test_must_run_for_a_batch_a_list_and_a_wait_too(self) -> None:
        calls = AsyncClient(AUTH_ID, TOKEN).calls
        batch, waiting = calls.get_many([CALL_UUID]), calls.wait(CALL_UUID)
        uses: list[Callable[[], object]] = [
            lambda: batch.__aenter__().send(None),
            lambda: next(batch.__await__()),
            lambda: aiter(calls.list()),
            lambda: waiting.send(None),
        ]
        for use in uses:
            with pytest.raises(EventLoopError, match="no asyncio event loop is running"):
                use()


FORKING = """
import asyncio, os
from plivo_async import AsyncClient, ForkedError
import httpx

requests = []
def answer(request):
    requests.append(request)
    return httpx.Response(404)

async def use():
    try:
        await client.request("GET", "Call/")
    except Exception as error:
        return type(error).__name__

client = AsyncClient("MA1", "token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
print(asyncio.run(use()), flush=True)
child = os.fork()
if not child:
    print(asyncio.run(use()), len(requests), flush=True)
    asyncio.run(client.aclose())
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_client_used_in_a_child_process_raises() -> None:
    assert run(FORKING) == ["NotFoundError", "ForkedError 1"]


class TestLifetime:
    """The parts that a client does not reach."""

    def test_a_process_is_known_by_its_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lifetime = Lifetime(borrowed_sender(httpx.AsyncClient()))

        async def use() -> None:
            lifetime.check()
            lifetime.check()
            monkeypatch.setattr(os, "getpid", lambda: -1)
            lifetime.check()

        with pytest.raises(ForkedError, match="used before a fork.* enter it again in this process"):
            asyncio.run(use())
        assert lifetime.close() is None

    async def test_with_no_call_under_way_there_is_nothing_to_wait_for(self) -> None:
        lifetime = Lifetime(borrowed_sender(httpx.AsyncClient()))
        session = lifetime.check()
        assert lifetime.close() is session
        await session.wait_ended()

    async def test_a_scope_that_has_expired_is_left_alone(self) -> None:
        lifetime = Lifetime(borrowed_sender(httpx.AsyncClient()))
        session = lifetime.check()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0) as scope:
                session.call_began(scope)
                try:
                    await asyncio.Event().wait()
                finally:
                    assert scope.expired()
                    assert lifetime.close() is session
                    session.call_ended(scope)
