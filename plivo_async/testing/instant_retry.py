"""Retries without waiting."""

from __future__ import annotations

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.retry_policy import RetryPolicy


@exported
@frozen(kw_only=True)
class InstantRetryPolicy(RetryPolicy):
    """A RetryPolicy for tests: it retries and gives up as a RetryPolicy does, but never waits.

    It does not wait for a Retry-After either; one above `retry_after_max` ends the call as usual. Use it in
    place of a RetryPolicy: `AsyncClient(retry=InstantRetryPolicy())`. It is the default of
    `FakePlivo.client()`.
    """

    def gap(self, attempt: int, retry_after: float | None, random: float) -> float | None:
        """Return 0.0, or None to give up."""
        return None if super().gap(attempt, retry_after, random) is None else 0.0
