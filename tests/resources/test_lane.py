"""The lane of a batch: it knows which calls wait for a permit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from plivo_async import RateLimitError, ServerError
from plivo_async.context import CallState
from plivo_async.resources.holding import FAILURES_OF_AN_OUTAGE
from plivo_async.resources.lane import BatchLane
from tests.virtual_time import in_virtual_time

# The clock of a virtual loop begins here.
NOW = 1000.0


def close(lane: BatchLane) -> None:
    for _ in range(FAILURES_OF_AN_OUTAGE):
        lane.gate.attempt_failed(ServerError("HTTP 503", status=503), NOW, 0.0)


class TestACallThatWaits:
    @pytest.mark.parametrize("delay", [None, lambda: 3.0], ids=["unknown", "known"])
    @in_virtual_time
    async def test_keeps_others_back_if_the_delay_is_known(self, delay: Callable[[], float] | None) -> None:
        lane, state = BatchLane(60.0), CallState()
        assert not lane.queues
        lane.waits(state, delay)
        assert lane.queues is (delay is not None)
        lane.goes_on(state)
        assert not lane.queues

    @in_virtual_time
    async def test_is_reported_at_its_begin_and_end(self) -> None:
        changes: list[bool] = []
        lane, state = BatchLane(60.0), CallState()
        lane.changed = lambda: changes.append(lane.queues)
        lane.waits(state, lambda: 3.0)
        lane.goes_on(state)
        assert changes == [True, False]

    @pytest.mark.parametrize(
        ("delay", "until"), [(None, None), (lambda: 3.0, NOW + 3.0), (lambda: float("inf"), None)]
    )
    @in_virtual_time
    async def test_holds_the_batch_for_the_rate_limit(
        self, delay: Callable[[], float] | None, until: float | None
    ) -> None:
        lane = BatchLane(60.0)
        lane.waits(CallState(), delay)
        holding = lane.holding(NOW)
        assert holding is not None
        assert (holding.reason, holding.since, holding.until) == ("rate limit", NOW, until)

    @in_virtual_time
    async def test_waits_since_the_first_one_began_to_wait(self) -> None:
        lane = BatchLane(60.0)
        lane.waits(CallState(), None)
        await asyncio.sleep(5.0)
        lane.waits(CallState(), None)
        assert (holding := lane.holding(NOW + 5.0)) is not None
        assert holding.since == NOW

    @in_virtual_time
    async def test_waits_anew_after_a_permit(self) -> None:
        lane, state = BatchLane(60.0), CallState()
        lane.waits(state, None)
        lane.waits(CallState(), None)
        await asyncio.sleep(5.0)
        lane.goes_on(state)
        assert lane.wakes_at() == NOW + 5.0 + 60.0

    @in_virtual_time
    async def test_ends_when_the_lane_dismisses_it(self) -> None:
        lane, state = BatchLane(60.0), CallState()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as state.scope:
                lane.waits(state, None)
                lane.dismiss()
                await asyncio.sleep(1.0)


class TestPatience:
    @in_virtual_time
    async def test_ends_with_the_time_of_a_wait(self) -> None:
        lane = BatchLane(60.0)
        lane.waits(CallState(), None)
        assert not lane.exhausted(NOW + 59.0)
        assert lane.exhausted(NOW + 60.0)

    @in_virtual_time
    async def test_ends_at_once_if_the_delay_is_longer(self) -> None:
        lane = BatchLane(60.0)
        lane.waits(CallState(), lambda: 61.0)
        assert lane.exhausted(NOW)

    @in_virtual_time
    async def test_does_not_end_at_once_if_the_delay_depends_on_a_response(self) -> None:
        lane = BatchLane(60.0)
        lane.waits(CallState(), lambda: float("inf"))
        assert not lane.exhausted(NOW)

    @in_virtual_time
    async def test_may_be_endless(self) -> None:
        lane = BatchLane(None)
        lane.waits(CallState(), lambda: 1e6)
        assert not lane.exhausted(NOW + 1e9)
        assert lane.wakes_at() is None


class TestAFailedAttempt:
    @in_virtual_time
    async def test_is_counted_and_reported(self) -> None:
        changes: list[int] = []
        lane = BatchLane(60.0)
        lane.changed = lambda: changes.append(lane.gate.failures)
        lane.attempt_failed(ServerError("HTTP 503", status=503))
        assert changes == [1]

    @in_virtual_time
    async def test_is_not_counted_if_it_is_a_429(self) -> None:
        lane = BatchLane(60.0)
        lane.attempt_failed(RateLimitError("slow down", status=429))
        assert lane.gate.failures == 0


class TestAClosedGate:
    def test_lets_calls_that_fail_return(self) -> None:
        lane = BatchLane(60.0)
        assert not lane.holds
        close(lane)
        assert lane.holds

    def test_wakes_the_lane_at_the_next_probe(self) -> None:
        lane = BatchLane(60.0)
        assert lane.wakes_at() is None
        close(lane)
        assert lane.wakes_at() == NOW + 0.5

    def test_wakes_nobody_during_a_probe(self) -> None:
        lane = BatchLane(60.0)
        close(lane)
        lane.gate.admit()
        assert lane.wakes_at() is None

    @in_virtual_time
    async def test_is_the_reason_rather_than_a_wait_for_a_permit(self) -> None:
        lane = BatchLane(60.0)
        lane.waits(CallState(), lambda: 61.0)
        close(lane)
        assert (holding := lane.holding(NOW)) is not None
        assert holding.reason == "outage"
        assert not lane.exhausted(NOW)
