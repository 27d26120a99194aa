from __future__ import annotations

import httpx
import pytest

from plivo_async import CallInfo
from plivo_async.context import CallLimits, CallState


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
