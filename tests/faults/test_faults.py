"""Every fault: once, persistent, cancelled, and under a short deadline."""

from __future__ import annotations

import asyncio
import pickle
from operator import attrgetter
from typing import Any

import httpx
import httpx2
import pytest

from plivo_async import DeadlineExceededError, PlivoError, RetryPolicy, ServerError
from tests.faults.fault import Ends, Fault
from tests.faults.fault_server import Clock
from tests.faults.fault_table import FAULTS, RETRIED
from tests.faults.faults_on_the_wire import SLOW_FAULTS
from tests.faults.responses_on_the_wire import CALL_UUID, good, reply, sends
from tests.faults.serving import serving

SOON = RetryPolicy(backoff_base=0.001)
LATER = RetryPolicy(backoff_base=30.0, backoff_max=30.0)
STEPS = 40

name_of = attrgetter("name")
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=name_of)
retried_faults = pytest.mark.parametrize("fault", RETRIED, ids=name_of)
other_faults = pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault not in RETRIED], ids=name_of
)


@retried_faults
async def test_a_call_recovers(fault: Fault, clock: Clock) -> None:
    async with serving(clock, fault.act, good, retry=SOON) as (server, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert len(server.requests) == 2


@other_faults
async def test_the_next_call_recovers(fault: Fault, clock: Clock) -> None:
    async with serving(clock, fault.act, good, retry=SOON) as (server, client):
        with pytest.raises(fault.error):
            await client.calls.get(CALL_UUID)
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert len(server.requests) == 2


# Without certificates, which take 30 ms to load.
HTTP_CLIENTS: dict[str, Any] = {
    "pool": lambda: None,
    "httpx": lambda: httpx.AsyncClient(verify=False),
    "httpx2": lambda: httpx2.AsyncClient(verify=False),
}


@pytest.mark.parametrize("sender", HTTP_CLIENTS)
@every_fault
async def test_a_persistent_fault_ends_in_its_error(fault: Fault, sender: str, clock: Clock) -> None:
    http = HTTP_CLIENTS[sender]()
    async with serving(clock, fault.act, retry=SOON, http_client=http) as (server, client):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
        if http is not None:
            await http.aclose()
        error = caught.value
        attempts = 3 if fault.ends is Ends.AFTER_RETRIES else 1
        assert type(error) is fault.error
        assert (error.status, error.attempts, len(server.requests)) == (fault.status, attempts, attempts)
        assert error.retryable is (fault.ends is not Ends.AT_ONCE)


@every_fault
async def test_its_error_survives_a_pickle(fault: Fault, clock: Clock) -> None:
    async with serving(clock, fault.act, retry=SOON) as (_, client):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
    error = caught.value
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))


@every_fault
async def test_cancelling_at_any_step_leaves_nothing_behind(fault: Fault, clock: Clock) -> None:
    clock.step = 0.0
    cancelled = 0
    waits = asyncio.Event()

    async def pause(seconds: float) -> None:
        waits.set()
        await asyncio.sleep(seconds)

    for steps in range(STEPS):
        if waits.is_set():
            # Nothing happens in the steps that follow.
            break
        async with serving(clock, fault.act, retry=LATER, sleep=pause) as (
            server,
            client,
        ):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            assert len(server.requests) <= 1
            cancelled += call.cancelled()
            if not call.cancelled():
                assert type(call.exception()) is fault.error
                break
    assert cancelled > 1


@every_fault
async def test_a_deadline_ends_a_fault_in_time(fault: Fault, clock: Clock) -> None:
    async with serving(clock, fault.act, retry=LATER, deadline=5.0) as (server, client):
        started = clock()
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
        # Sooner than a read timeout (10 s) or the next attempt (15 s).
        assert clock() - started < 10.0
        error = caught.value
        assert isinstance(error, fault.error if fault.ends is Ends.AT_ONCE else DeadlineExceededError)
        assert (error.attempts, len(server.requests)) == (1, 1)


@pytest.mark.parametrize("fault", [fault for fault in RETRIED if fault not in SLOW_FAULTS], ids=name_of)
async def test_a_fault_is_the_cause_if_the_next_wait_exceeds_the_deadline(fault: Fault, clock: Clock) -> None:
    async with serving(clock, fault.act, retry=LATER, deadline=5.0) as (_, client):
        with pytest.raises(DeadlineExceededError, match="next attempt is due") as caught:
            await client.calls.get(CALL_UUID)
        cause = caught.value.__cause__
        assert isinstance(cause, PlivoError)
        assert (type(cause), cause.status, cause.attempts) == (fault.error, fault.status, 1)


@pytest.mark.parametrize("fault", SLOW_FAULTS, ids=name_of)
async def test_a_deadline_names_the_failure_before_it_as_its_cause(fault: Fault, clock: Clock) -> None:
    unavailable = sends(reply(b"", status=b"503 Busy"))
    async with serving(clock, unavailable, fault.act, retry=SOON, deadline=5.0) as (_, client):
        with pytest.raises(DeadlineExceededError) as caught:
            await client.calls.get(CALL_UUID)
        error = caught.value
        assert isinstance(error.__cause__, ServerError)
        assert (error.status, error.attempts) == (503, 2)


@pytest.mark.parametrize("fault", SLOW_FAULTS, ids=name_of)
async def test_a_deadline_ends_a_fault_by_the_real_clock(fault: Fault, clock: Clock) -> None:
    clock.step = 0.0
    async with serving(clock, fault.act, deadline=0.05) as (_, client):
        with pytest.raises(DeadlineExceededError):
            await client.calls.get(CALL_UUID)
