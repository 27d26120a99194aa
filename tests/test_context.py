from __future__ import annotations

import asyncio

import httpx
import pytest

from plivo_async import CallInfo
from plivo_async.context import CallLimits, CallState, Supervisor
from tests.virtual_time import in_virtual_time


def request() -> httpx.Request:
    return httpx.Request("GET", "https://api.plivo.com/")


def test_a_request_without_state_gets_one_without_limits() -> None:
    asked = request()
    state = CallState.attached_to(asked)
    assert (state.limits, state.attempts, state.last_failure) == (CallLimits(), 0, None)
    assert (state.limits.deadline, state.limits.retry, state.limits.max_body) == (None, None, 4 * 1024 * 1024)
    assert CallState.attached_to(asked) is state


def test_a_request_keeps_the_state_that_was_attached() -> None:
    asked, state = request(), CallState(attempts=2)
    state.attach(asked)
    assert CallState.attached_to(asked) is state
    assert CallState.find(asked) is state


def test_to_look_for_a_state_attaches_none() -> None:
    asked = request()
    assert CallState.find(asked) is None
    assert asked.extensions == {}


def test_a_detached_state_is_gone() -> None:
    asked = request()
    CallState().attach(asked)
    CallState.detach(asked)
    assert CallState.find(asked) is None


def test_an_attempt_that_is_counted_further_out_is_counted_once() -> None:
    state = CallState(attempts=1, is_counted=True)
    state.count_attempt()
    assert state.attempts == 1
    state.is_counted = False
    state.count_attempt()
    assert state.attempts == 2


def test_other_extensions_go_without_the_state() -> None:
    asked = httpx.Request("GET", "https://api.plivo.com/", extensions={"sni_hostname": "a"})
    CallState().attach(asked)
    assert CallState.foreign_extensions(asked) == {"sni_hostname": "a"}


class TestCallInfo:
    def test_has_the_facts_of_the_call(self) -> None:
        asked = request()
        CallState(CallLimits(deadline=5.0, call_uuid="c1"), attempts=2).attach(asked)
        assert CallInfo.of(asked) == CallInfo(call_uuid="c1", deadline=5.0, attempts=2)

    def test_of_a_request_from_elsewhere_is_empty(self) -> None:
        asked = request()
        assert CallInfo.of(asked) == CallInfo(call_uuid=None, deadline=None, attempts=0)
        assert asked.extensions == {}

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            CallInfo().attempts = 1  # type: ignore[misc]


class TestTheClockOfACall:
    @in_virtual_time
    async def test_stops_and_goes_on_with_the_seconds_that_were_left(self) -> None:
        scope = asyncio.timeout_at(1010.0)
        async with scope:
            state = CallState(CallLimits(deadline=1010.0), scope=scope)
            left = state.stop_clock(1004.0)
            assert (left, state.limits.deadline, scope.when()) == (6.0, None, None)
            state.start_clock(left, 1100.0)
            assert (state.limits.deadline, scope.when()) == (1106.0, 1106.0)

    @pytest.mark.parametrize("deadline", [None, 1010.0])
    def test_does_not_stop_without_a_deadline_and_a_scope(self, deadline: float | None) -> None:
        state = CallState(CallLimits(deadline=deadline))
        assert state.stop_clock(1004.0) is None
        assert state.limits.deadline == deadline

    @in_virtual_time
    async def test_does_not_stop_if_the_client_has_set_another_end(self) -> None:
        scope = asyncio.timeout_at(1005.0)
        async with scope:
            state = CallState(CallLimits(deadline=1010.0), scope=scope)
            assert state.stop_clock(1004.0) is None
            assert scope.when() == 1005.0

    @in_virtual_time
    async def test_that_was_not_stopped_does_not_start(self) -> None:
        scope = asyncio.timeout_at(1010.0)
        async with scope:
            state = CallState(CallLimits(deadline=1010.0), scope=scope)
            state.start_clock(None, 1004.0)
            assert (state.limits.deadline, scope.when()) == (1010.0, 1010.0)

    @in_virtual_time
    async def test_leaves_the_end_that_was_set_meanwhile(self) -> None:
        scope = asyncio.timeout_at(1010.0)
        async with scope:
            state = CallState(CallLimits(deadline=1010.0), scope=scope)
            left = state.stop_clock(1004.0)
            state.expire(1007.0)
            state.start_clock(left, 1006.0)
            assert (state.limits.deadline, scope.when()) == (1012.0, 1007.0)

    @in_virtual_time
    async def test_that_expires_ends_the_call(self) -> None:
        scope = asyncio.timeout(None)
        with pytest.raises(TimeoutError):
            async with scope:
                CallState(scope=scope).expire(1000.0)
                await asyncio.sleep(1.0)
        # It has expired, and cannot be rescheduled.
        CallState(scope=scope).expire(1000.0)
        assert scope.expired()

    def test_needs_a_scope_to_expire(self) -> None:
        state = CallState()
        state.expire(1000.0)
        assert state.scope is None


def test_a_supervisor_cannot_be_built_without_its_methods() -> None:
    with pytest.raises(TypeError, match="attempt_failed"):
        Supervisor()  # type: ignore[abstract]
