"""ClientStats: the counts of a client, as `client.stats()` returns them."""

from __future__ import annotations

from attrs import frozen

from plivo_async.exported import exported


@exported
@frozen(kw_only=True)
class ClientStats:
    """The counts of a client and its views since it was built, and their state now.

    The counts and the seconds, up to `backoff_seconds`, only grow; closing the client keeps them. The others
    are the state at this moment.

    Attributes:
        calls: How many calls began. Each page of a list and each request of `calls.wait` counts as a call,
            which may need several attempts.
        succeeded: How many calls ended with a result.
        failed: How many calls raised an error.
        cancelled: How many calls were cancelled.
        requests: How many requests were sent.
        responses: How many responses were read, of any status.
        failed_attempts: How many requests have no whole response: they failed on the wire, or were cancelled.
        retries: How many requests repeated a failed one after a wait.
        throttled: How many responses were a 429.
        pauses: How many pauses began because of a 429.
        permit_seconds: Seconds that all calls together waited for permits of the rate limit.
        connection_seconds: Seconds that all calls together waited for a connection.
        backoff_seconds: Seconds that all calls together waited between a failure and the next attempt.
        failures_in_a_row: How many requests failed since the last one that succeeded.
        batches: How many batches and lists are under way.
        retries_left: How many retries the budget of the client has left.
        connections_busy: How many connections of the pool are in use; None with an `http_client`.
        connections_idle: How many connections of the pool are idle; None with an `http_client`.
        connections_max: How many connections may be open at once; None with an `http_client`.
        limit: How many requests may be sent in a window of the rate limit now; None if that is not known.
        permits_in_flight: How many permits are in use; None if that is not known.
    """

    calls: int
    succeeded: int
    failed: int
    cancelled: int
    requests: int
    responses: int
    failed_attempts: int
    retries: int
    throttled: int
    pauses: int
    permit_seconds: float
    connection_seconds: float
    backoff_seconds: float
    failures_in_a_row: int
    batches: int
    retries_left: int
    connections_busy: int | None
    connections_idle: int | None
    connections_max: int | None
    limit: int | None
    permits_in_flight: int | None

    @property
    def in_flight(self) -> int:
        """How many calls are under way."""
        return self.calls - self.succeeded - self.failed - self.cancelled
