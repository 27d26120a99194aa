"""Whether a call of a batch is sent again after a failure."""

from __future__ import annotations

from plivo_async import NotFoundError, PlivoError, RateLimitError, ServerError, TLSError
from plivo_async.resources.holding import FAILURES_OF_AN_OUTAGE, Gate
from plivo_async.resources.item import ROUNDS_AMONG_FAILURES, Item
from plivo_async.resources.verdict import Verdict


def sent_item(gate: Gate) -> Item:
    item = Item(1, "c1")
    item.sent(gate, 0)
    return item


def server_error(attempts: int = 1) -> ServerError:
    return ServerError("HTTP 503", status=503, attempts=attempts)


def test_a_throttled_call_is_sent_again() -> None:
    gate = Gate()
    error = RateLimitError("slow down", status=429, attempts=1)
    assert sent_item(gate).goes_again(error, Verdict.THROTTLED, gate)


def test_a_call_that_fails_by_itself_is_not_sent_again() -> None:
    gate = Gate()
    assert not sent_item(gate).goes_again(NotFoundError("unknown", status=404), Verdict.OWN, gate)


def test_a_call_is_sent_again_while_no_call_has_succeeded() -> None:
    gate = Gate()
    item = sent_item(gate)
    assert all(item.goes_again(server_error(), Verdict.SHARED, gate) for _ in range(20))


def test_a_call_is_sent_again_while_the_gate_is_closed() -> None:
    gate = Gate()
    item = sent_item(gate)
    gate.succeeded(0)
    for _ in range(FAILURES_OF_AN_OUTAGE):
        gate.attempt_failed(server_error(), 100.0, 0.0)
    assert item.goes_again(server_error(), Verdict.SHARED, gate)


def rounds_beside_a_success(error: PlivoError) -> int:
    """How often a call was sent whose every failure is beside a success of another."""
    gate = Gate()
    item = Item(1, "c1")
    for number in range(1, 100):
        item.sent(gate, 0)
        gate.succeeded(0)
        error.attempts = 1
        if not item.goes_again(error, Verdict.SHARED, gate):
            return number
    raise AssertionError


def test_a_call_that_fails_while_others_succeed_is_sent_twice() -> None:
    assert rounds_beside_a_success(server_error()) == 2


def test_a_call_that_no_repetition_heals_is_sent_once_while_others_succeed() -> None:
    assert rounds_beside_a_success(TLSError("expired")) == 1


def test_a_call_that_fails_among_failures_is_sent_several_times() -> None:
    gate = Gate()
    item = Item(1, "c1")
    sent = 0
    goes_again = True
    while goes_again:
        sent += 1
        item.sent(gate, 0)
        gate.succeeded(0)
        for _ in range(3):
            gate.attempt_failed(server_error(), 100.0, 0.0)
        goes_again = item.goes_again(server_error(), Verdict.SHARED, gate)
    assert sent == ROUNDS_AMONG_FAILURES


def test_its_error_counts_the_requests_of_all_rounds() -> None:
    gate = Gate()
    item = sent_item(gate)
    item.goes_again(server_error(attempts=3), Verdict.SHARED, gate)
    item.goes_again(last := server_error(attempts=2), Verdict.SHARED, gate)
    assert (last.attempts, item.attempts, item.error) == (5, 5, last)


def test_a_call_is_due_after_the_success_of_another() -> None:
    gate = Gate()
    item = sent_item(gate)
    item.goes_again(server_error(), Verdict.SHARED, gate)
    assert not item.is_due(gate)
    gate.succeeded(0)
    assert item.is_due(gate)
