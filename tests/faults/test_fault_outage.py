"""A total outage: its cost in requests, and the recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from plivo_async import Batch, Fetched, Outcome, PlivoError, RetryPolicy
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.responses_on_the_wire import CALL_UUID, good, reply, sends
from tests.faults.serving import serving

PERSISTENT = RetryPolicy(max_attempts=10, backoff_base=0.001, backoff_max=0.001)
CALLS = 200

outages = pytest.mark.parametrize(
    "outage",
    [sends(reply(b"", status=b"503 Busy")), sends(b"", Wire.reset), sends(b"", Wire.stall)],
    ids=["503", "reset", "stall"],
)


@outages
async def test_an_outage_costs_fewer_than_two_requests_per_call(outage: Step, clock: Clock) -> None:
    async with serving(clock, outage, retry=PERSISTENT, deadline=None) as (server, client):
        errors = [await failure(client.calls.get(CALL_UUID)) for _ in range(CALLS)]
        assert len(server.requests) < 2 * CALLS
        assert sum(error.attempts for error in errors) == len(server.requests)


@outages
async def test_an_outage_costs_concurrent_calls_no_more_requests(outage: Step, clock: Clock) -> None:
    async with serving(clock, outage, retry=PERSISTENT, deadline=None) as (server, client):
        await asyncio.gather(*(failure(client.calls.get(CALL_UUID)) for _ in range(CALLS)))
        assert len(server.requests) < 2 * CALLS


async def test_views_share_the_retry_budget(clock: Clock) -> None:
    busy = sends(reply(b"", status=b"503 Busy"))
    async with serving(clock, busy, retry=PERSISTENT) as (server, client):
        views = [client.with_options(deadline=30.0 + number) for number in range(CALLS)]
        for view in views:
            await failure(view.calls.get(CALL_UUID))
        assert len(server.requests) < 2 * CALLS


async def test_successes_refill_the_budget(clock: Clock) -> None:
    busy = sends(reply(b"", status=b"503 Busy"))
    async with serving(clock, busy, retry=PERSISTENT) as (server, client):
        for _ in range(CALLS):
            await failure(client.calls.get(CALL_UUID))
        spent = await failure(client.calls.get(CALL_UUID))
        # The connection is still in `busy`, waiting for one more request.
        server.script[:] = [good]
        await failure(client.calls.get(CALL_UUID))
        for _ in range(CALLS):
            await client.calls.get(CALL_UUID)
        server.script[:] = [busy]
        await client.calls.get(CALL_UUID)
        refilled = await failure(client.calls.get(CALL_UUID))
        assert (spent.attempts, refilled.attempts) == (1, 10)


class TestInTheMiddleOfABatch:
    """No id is lost, and the outage costs single requests."""

    @pytest.mark.parametrize("concurrency", [1, 16])
    @outages
    async def test_of_20_seconds_fails_no_call(self, outage: Step, concurrency: int, clock: Clock) -> None:
        async with serving(clock, good) as (server, client):

            async def come_and_go() -> None:
                server.script[:] = [outage]
                await asyncio.sleep(20.0)
                server.script[:] = [good]

            batch = client.calls.get_many([CALL_UUID] * CALLS, concurrency=concurrency)
            assert_all_fetched(await outcomes_despite(come_and_go, batch, server))
            # Each of those in flight, a few until the outage is noticed, and the probes.
            assert len(server.requests) < CALLS + 2 * concurrency + 30

    async def test_that_refuses_connections_fails_no_call(self, clock: Clock) -> None:
        async with serving(clock, good) as (server, client):

            async def restart() -> None:
                await server.__aexit__()
                await asyncio.sleep(20.0)
                await server.__aenter__()

            batch = client.calls.get_many([CALL_UUID] * CALLS, concurrency=16)
            assert_all_fetched(await outcomes_despite(restart, batch, server))


async def outcomes_despite(
    outage: Callable[[], Awaitable[None]], batch: Batch, server: FaultServer
) -> list[Outcome]:
    """Have the outage after a quarter of the calls; from then on the clock runs fast."""

    async def have_outage() -> None:
        await server.until_asked(CALLS // 4)
        flight = asyncio.create_task(server.clock.fly())
        try:
            await outage()
            await flight
        finally:
            flight.cancel()

    having_it = asyncio.create_task(have_outage())
    outcomes = list(await batch)
    having_it.cancel()
    await asyncio.wait([having_it])
    return outcomes


def assert_all_fetched(outcomes: list[Outcome]) -> None:
    assert len(outcomes) == CALLS
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)


async def failure(call: object) -> PlivoError:
    with pytest.raises(PlivoError) as caught:
        await call  # type: ignore[misc]
    return caught.value
