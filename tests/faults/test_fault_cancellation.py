"""Calls cancelled at every step of the event loop: once, twice, and by timeouts and task groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
from attrs import frozen

from plivo_async import AsyncClient, CallDetailRecord
from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.responses_on_the_wire import (
    CALL_UUID,
    GZIPPED,
    RECORD,
    chunked,
    good,
    head,
    reply,
    sends,
)
from tests.faults.serving import busy, serving

stalled = sends(b"", Wire.stall)
unavailable = sends(reply(b"", status=b"503 Busy"))


async def in_pieces(wire: Wire) -> None:
    await wire.request()
    for piece in (head(b"Transfer-Encoding: chunked"), chunked(RECORD[:50]), chunked(RECORD[50:], b"")):
        await wire.send(piece)
        await turns(3)


@frozen
class Scenario:
    """What the server does in the call to be cancelled, and how many calls came before it."""

    script: tuple[Step, ...]
    before: int = 0
    tls: bool = False


SCENARIOS = {
    "a first call": Scenario((good,)),
    "a call on a kept connection": Scenario((good,), before=1),
    "a call whose connection is stale": Scenario((good, sends(b"", Wire.fin), good), before=1),
    "a call whose connection is reset": Scenario((good, sends(b"", Wire.reset), good), before=1),
    "a call that is retried": Scenario((unavailable, sends(b"", Wire.reset), good)),
    "a response in pieces": Scenario((in_pieces,)),
    "a gzip body": Scenario((sends(reply(GZIPPED, b"Content-Encoding: gzip")),)),
    "a response until fin": Scenario((sends(head() + RECORD, Wire.fin),)),
    "a first call over TLS": Scenario((good,), tls=True),
    "a kept connection over TLS": Scenario((good,), before=1, tls=True),
    "a retried call over TLS": Scenario((sends(b"", Wire.reset), good), tls=True),
}


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def run_and_cancel(
    clock: Clock, server: FaultServer, client: AsyncClient, *, steps: int, times: int
) -> asyncio.Task[CallDetailRecord]:
    """A call that was cancelled after that many steps of the event loop, or has ended before."""
    call = asyncio.create_task(client.calls.get(CALL_UUID))
    for _ in range(steps):
        # Fast enough that the waits between two attempts take a few steps too.
        clock.forward(0.1)
        await asyncio.sleep(0)
    for _ in range(times):
        call.cancel("enough")
        await asyncio.sleep(0)
    # At once: cancellation waits for nothing.
    await turns(3)
    assert call.done()
    return call


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_cancelling_at_any_step_leaves_nothing_behind(
    name: str, times: int, clock: Clock, authority: Authority
) -> None:
    scenario = SCENARIOS[name]
    tls = authority.server() if scenario.tls else None
    trusted = authority.client()
    cancelled = 0
    for steps in range(200):
        async with serving(clock, *scenario.script, tls=tls, verify=trusted) as (server, client):
            for _ in range(scenario.before):
                await client.calls.get(CALL_UUID)
            call = await run_and_cancel(clock, server, client, steps=steps, times=times)
            assert busy(client) == 0
            # No request follows, however long the wait.
            await turns(10)
            requests = len(server.requests)
            clock.forward(30.0)
            await turns(10)
            assert len(server.requests) == requests
            if not call.cancelled():
                assert call.result().call_uuid == CALL_UUID
                break
            cancelled += 1
            with pytest.raises(asyncio.CancelledError, match="enough"):
                await call
            # The client still works.
            server.script[:] = [good]
            record = await client.calls.get(CALL_UUID)
            assert record.call_uuid == CALL_UUID
    assert 5 < cancelled < 199


async def test_cancelling_at_any_step_in_the_queue_leaves_nothing_behind(clock: Clock) -> None:
    clock.step = 0.0
    for steps in range(6):
        async with serving(clock, stalled, max_connections=1) as (server, client):
            first = asyncio.create_task(client.calls.get(CALL_UUID))
            await server.asked.wait()
            waiting = [asyncio.create_task(client.calls.get(CALL_UUID)) for _ in range(5)]
            await turns(steps)
            for call in waiting:
                call.cancel()
            await turns(3)
            assert all(call.cancelled() for call in waiting)
            first.cancel()
            await turns(3)
            assert first.cancelled()
            assert (busy(client), len(server.requests)) == (0, 1)


@pytest.mark.parametrize("victims", [1, 0b10, 0b101, 0b11011, 0b11111])
async def test_calls_queued_behind_cancelled_ones_are_served(victims: int, clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, stalled, good, max_connections=1) as (server, client):
        first = asyncio.create_task(client.calls.get(CALL_UUID))
        await server.asked.wait()
        waiting = [asyncio.create_task(client.calls.get(CALL_UUID)) for _ in range(6)]
        await turns(3)
        # A waiter gets the slot in the step that cancels it.
        first.cancel()
        await asyncio.sleep(0)
        for number, call in enumerate(waiting):
            if victims >> number & 1:
                call.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        cancelled = [isinstance(result, asyncio.CancelledError) for result in ended]
        assert cancelled == [bool(victims >> number & 1) for number in range(6)]


STALLS = {
    "before a response": stalled,
    "in a body": sends(reply()[:-50], Wire.stall),
    "between attempts": sends(reply(b"", b"Retry-After: 50", status=b"503 Busy"), Wire.stall),
}


class GivenUpError(Exception):
    """Of the tests alone."""


async def with_timeout(client: AsyncClient) -> None:
    async with asyncio.timeout(5.0):
        await client.calls.get(CALL_UUID)


async def with_wait_for(client: AsyncClient) -> None:
    await asyncio.wait_for(client.calls.get(CALL_UUID), 5.0)


async def with_fail_after(client: AsyncClient) -> None:
    with anyio.fail_after(5.0):
        await client.calls.get(CALL_UUID)


@pytest.mark.parametrize("bound", [with_timeout, with_wait_for, with_fail_after])
@pytest.mark.parametrize("step", STALLS.values(), ids=STALLS)
async def test_a_timeout_of_the_caller_raises_timeout_error(
    step: Step, bound: Callable[[AsyncClient], Awaitable[None]], clock: Clock
) -> None:
    async with serving(clock, step) as (server, client):
        with pytest.raises(TimeoutError) as caught:
            await bound(client)
        # The errors of the package are TimeoutErrors as well.
        assert type(caught.value) is TimeoutError
        assert len(server.requests) == 1


async def test_a_deadline_within_a_timeout_of_the_caller_is_a_deadline_error(clock: Clock) -> None:
    async with serving(clock, stalled, deadline=2.0) as (_, client):
        with pytest.raises(TimeoutError) as caught:
            await with_timeout(client)
        assert type(caught.value).__name__ == "DeadlineExceededError"


async def test_move_on_after_cancels_the_call(clock: Clock) -> None:
    async with serving(clock, stalled) as (server, client):
        with anyio.move_on_after(5.0) as scope:
            await client.calls.get(CALL_UUID)
        assert scope.cancelled_caught
        assert len(server.requests) == 1


async def test_a_task_group_ends_with_the_failure_of_another_task(clock: Clock) -> None:
    clock.step = 0.0

    async def give_up(server: FaultServer) -> None:
        await server.asked.wait()
        raise GivenUpError

    async with serving(clock, stalled) as (server, client):
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(client.calls.get(CALL_UUID))
                group.create_task(give_up(server))
        assert [type(error) for error in caught.value.exceptions] == [GivenUpError]


async def test_an_anyio_task_group_may_be_cancelled(clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, stalled) as (server, client):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(client.calls.get, CALL_UUID)
            await server.until_asked(3)
            group.cancel_scope.cancel()
        assert len(server.requests) == 3


async def test_a_cancelled_call_leaves_no_cancellation_pending(clock: Clock) -> None:
    clock.step = 0.0

    async def call_and_count() -> int:
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(asyncio.CancelledError):
            await client.calls.get(CALL_UUID)
        return task.uncancel()

    async with serving(clock, stalled) as (server, client):
        call = asyncio.create_task(call_and_count())
        await server.asked.wait()
        call.cancel()
        assert await call == 0


async def test_a_deadline_leaves_no_cancellation_pending(clock: Clock) -> None:
    async with serving(clock, stalled, deadline=2.0) as (_, client):
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(TimeoutError):
            await client.calls.get(CALL_UUID)
        assert task.cancelling() == 0
