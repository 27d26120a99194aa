"""The gate of a batch, and the texts and errors about it. The clock and the randomness are passed in."""

from __future__ import annotations

import socket

import pytest

from plivo_async import (
    ConfigurationError,
    Holding,
    InvalidCallUUIDError,
    NetworkError,
    NotFoundError,
    PermissionDeniedError,
    PlivoError,
    RateLimitError,
    RateLimitTimeoutError,
    RequestTimeoutError,
    ServerError,
    TLSError,
)
from plivo_async.resources.holding import FAILURES_OF_AN_OUTAGE, Gate, patience_error
from plivo_async.resources.verdict import Verdict, verdict


def server_error() -> ServerError:
    return ServerError("HTTP 503", status=503, attempts=1)


def closed_gate(patience: float | None = 900.0) -> Gate:
    """A gate that an outage closed at second 100, for 0.5 seconds."""
    gate = Gate(patience)
    for _ in range(FAILURES_OF_AN_OUTAGE):
        gate.attempt_failed(server_error(), 100.0, 0.0)
    return gate


def unknown_host() -> NetworkError:
    error = NetworkError("no such host")
    error.__cause__ = socket.gaierror(socket.EAI_NONAME, "unknown")
    return error


class TestHolding:
    def test_text_has_the_seconds_until_the_next_request(self) -> None:
        assert Holding("outage", 0.0, 13.2).text(10.0) == "outage, next request in 3.2 s"

    def test_text_has_only_the_reason_while_the_time_is_unknown(self) -> None:
        assert Holding("throttled", 0.0).text(10.0) == "throttled"

    def test_seconds_left_are_never_negative(self) -> None:
        assert Holding("outage", 0.0, 5.0).seconds_left(6.0) == 0.0

    def test_seconds_left_are_none_while_the_time_is_unknown(self) -> None:
        assert Holding("outage", 0.0).seconds_left(6.0) is None


class TestPatienceError:
    @pytest.mark.parametrize(
        ("holding", "start"),
        [
            (Holding("rate limit", 0.0, 130.0), "the rate limit lets the next request pass in 30 s, at "),
            (Holding("throttled", 0.0, 130.0), "HTTP 429: the next request may be sent in 30 s, at "),
            (
                Holding("outage", 40.0, 130.0),
                "no call has succeeded for 60 s, the next probe is due in 30 s, at ",
            ),
        ],
        ids=lambda value: value.reason if isinstance(value, Holding) else "",
    )
    def test_names_the_reason_and_the_patience(self, holding: Holding, start: str) -> None:
        error = patience_error(holding, 20.0, 100.0)
        assert str(error).startswith(start)
        assert str(error).endswith(" UTC; patience=20")
        assert error.retry_after == 30.0

    def test_has_the_facts_of_the_last_failure(self) -> None:
        last = ServerError("HTTP 503", status=503, api_id="a", headers={"x": "y"}, body=b"down")
        error = patience_error(Holding("outage", 0.0, 130.0, last), 20.0, 100.0)
        assert str(error).endswith("; last failure: HTTP 503")
        assert (error.status, error.api_id, error.headers, error.body) == (503, "a", {"x": "y"}, b"down")
        assert error.__cause__ is last

    def test_without_a_failure_has_no_cause(self) -> None:
        error = patience_error(Holding("rate limit", 0.0), 20.0, 100.0)
        assert (error.__cause__, error.status, error.retry_after) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimitError("slow down", status=429), Verdict.THROTTLED),
        (RateLimitTimeoutError("not in time"), Verdict.THROTTLED),
        (InvalidCallUUIDError("no id"), Verdict.UNSENT),
        (server_error(), Verdict.SHARED),
        (PermissionDeniedError("no", status=403), Verdict.SHARED),
        (TLSError("expired"), Verdict.SHARED),
        (ConfigurationError("no proxy"), Verdict.SHARED),
        (NotFoundError("unknown", status=404), Verdict.OWN),
        (PlivoError("not sent"), Verdict.UNSENT),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, PlivoError) else value.name,
)
def test_verdict_of_an_error(error: PlivoError, expected: Verdict) -> None:
    assert verdict(error) is expected


class TestAGateThatIsOpen:
    def test_admits_calls_that_are_no_probes(self) -> None:
        gate = Gate()
        assert gate.admits(0.0)
        assert gate.admit() == 0
        assert (gate.closed, gate.probing, gate.holding(), gate.exhausted(1e9)) == (False, False, None, False)

    def test_stays_open_while_failures_are_few(self) -> None:
        gate = Gate()
        for _ in range(FAILURES_OF_AN_OUTAGE - 1):
            gate.attempt_failed(server_error(), 100.0, 0.0)
        assert not gate.closed

    def test_counts_failures_from_the_last_success(self) -> None:
        gate = Gate()
        for _ in range(FAILURES_OF_AN_OUTAGE - 1):
            gate.attempt_failed(server_error(), 100.0, 0.0)
        gate.succeeded(0)
        gate.attempt_failed(server_error(), 100.0, 0.0)
        assert not gate.closed
        assert (gate.successes, gate.failures) == (1, FAILURES_OF_AN_OUTAGE)

    def test_closes_after_so_many_failures_in_a_row(self) -> None:
        holding = closed_gate().holding()
        assert holding is not None
        assert (holding.reason, holding.since, holding.until) == ("outage", 100.0, 100.5)
        assert isinstance(holding.error, ServerError)

    def test_does_not_count_a_call_whose_attempts_were_counted(self) -> None:
        gate = Gate()
        gate.call_failed(0, server_error(), 100.0, 0.0)
        assert gate.failures == 0

    def test_counts_a_call_whose_failure_no_attempt_reported(self) -> None:
        gate = Gate()
        gate.call_failed(0, TLSError("expired"), 100.0, 0.0)
        assert gate.failures == 1


class TestAGateThatIsClosed:
    def test_admits_one_probe_when_the_gap_is_over(self) -> None:
        gate = closed_gate()
        assert not gate.admits(100.4)
        assert gate.admits(100.5)
        assert gate.admit() == 1
        assert (gate.probing, gate.probes) == (True, 1)
        assert not gate.admits(1e9)

    def test_does_not_know_the_next_time_during_a_probe(self) -> None:
        gate = closed_gate()
        gate.admit()
        holding = gate.holding()
        assert holding is not None
        assert holding.until is None

    def test_gap_has_jitter(self) -> None:
        gate = Gate()
        for _ in range(FAILURES_OF_AN_OUTAGE):
            gate.attempt_failed(server_error(), 100.0, 1.0)
        assert gate.until == 100.375

    def test_opens_when_a_probe_succeeds(self) -> None:
        gate = closed_gate()
        gate.succeeded(gate.admit())
        assert (gate.closed, gate.probing, gate.probes, gate.error) == (False, False, 0, None)

    def test_opens_during_an_outage_when_an_earlier_call_succeeds(self) -> None:
        gate = closed_gate()
        gate.succeeded(0)
        assert not gate.closed

    def test_waits_longer_after_each_probe_that_fails(self) -> None:
        gate = closed_gate()
        gate.call_failed(gate.admit(), server_error(), 101.0, 0.0)
        assert gate.until == 101.75

    def test_never_waits_longer_than_the_longest_gap(self) -> None:
        gate = closed_gate()
        for _ in range(20):
            probe = gate.admit()
            gate.call_failed(probe, server_error(), gate.until, 0.0)
            gate.ended(probe)
        before = gate.until
        gate.call_failed(gate.admit(), server_error(), before, 0.0)
        assert gate.until - before == 15.0

    def test_admits_another_probe_when_one_has_ended(self) -> None:
        gate = closed_gate()
        gate.ended(gate.admit())
        assert gate.admits(101.0)

    def test_keeps_its_probe_when_an_earlier_one_ends_late(self) -> None:
        gate = closed_gate()
        first = gate.admit()
        gate.ended(first)
        gate.admit()
        gate.ended(first)
        assert gate.probing


class TestA429:
    def test_closes_the_gate_for_its_retry_after(self) -> None:
        gate = Gate()
        gate.throttled(RateLimitError("slow down", status=429, retry_after=7.0), 100.0, 0.0)
        holding = gate.holding()
        assert holding is not None
        assert (holding.reason, holding.since) == ("throttled", 100.0)
        assert holding.until == pytest.approx(107.001)

    def test_without_a_retry_after_closes_the_gate_for_growing_gaps(self) -> None:
        gate = Gate()
        gate.throttled(RateLimitError("slow down", status=429), 100.0, 0.0)
        assert gate.until == 100.5
        gate.throttled(RateLimitError("slow down", status=429), 100.5, 0.0)
        assert (gate.since, gate.until) == (100.0, 101.25)

    def test_keeps_the_gate_closed_when_an_earlier_call_succeeds(self) -> None:
        gate = Gate()
        gate.throttled(RateLimitError("slow down", status=429), 100.0, 0.0)
        gate.succeeded(0)
        assert gate.closed

    def test_lets_the_gate_open_when_the_probe_succeeds(self) -> None:
        gate = Gate()
        gate.throttled(RateLimitError("slow down", status=429), 100.0, 0.0)
        gate.succeeded(gate.admit())
        assert not gate.closed


class TestPatience:
    def test_ends_so_many_seconds_after_the_gate_closed(self) -> None:
        gate = closed_gate(patience=60.0)
        assert not gate.exhausted(159.9)
        assert gate.exhausted(160.0)

    def test_ends_at_once_when_the_server_asks_for_a_longer_pause(self) -> None:
        gate = Gate(60.0)
        gate.throttled(RateLimitError("slow down", status=429, retry_after=61.0), 100.0, 0.0)
        assert gate.exhausted(100.0)

    def test_does_not_end_during_a_probe(self) -> None:
        gate = closed_gate(patience=60.0)
        gate.admit()
        assert not gate.exhausted(200.0)

    def test_may_be_endless(self) -> None:
        gate = closed_gate(patience=None)
        assert gate.until == 100.5
        assert not gate.exhausted(1e9)

    def test_has_the_last_probe_at_its_end(self) -> None:
        assert closed_gate(patience=0.3).until == 100.3


class TestAHopelessFailure:
    @pytest.mark.parametrize(
        "error", [TLSError("expired"), unknown_host()], ids=lambda error: type(error).__name__
    )
    def test_needs_several_in_a_row(self, error: PlivoError) -> None:
        gate = Gate()
        for _ in range(4):
            gate.attempt_failed(error, 100.0, 0.0)
        assert not gate.is_hopeless
        gate.attempt_failed(error, 100.0, 0.0)
        assert gate.is_hopeless

    def test_is_none_that_may_pass(self) -> None:
        gate = Gate()
        for _ in range(5):
            gate.attempt_failed(RequestTimeoutError("slow"), 100.0, 0.0)
        assert not gate.is_hopeless

    def test_does_not_count_once_a_call_has_succeeded(self) -> None:
        gate = Gate()
        gate.succeeded(0)
        for _ in range(5):
            gate.attempt_failed(TLSError("expired"), 100.0, 0.0)
        assert not gate.is_hopeless
