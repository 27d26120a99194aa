"""Retries without their waits."""

from __future__ import annotations

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.retry_policy import RetryPolicy


@exported
@frozen(kw_only=True)
class InstantRetryPolicy(RetryPolicy):
    """A RetryPolicy for tests: it retries and gives up where a RetryPolicy does, and waits for nothing.

    A Retry-After is not waited for either; one above `retry_after_max` ends the call as ever. It goes
    wherever a RetryPolicy goes, `AsyncClient(retry=InstantRetryPolicy())` say; `FakePlivo.client()` has it
    by default.
    """

    def gap(self, attempt: int, retry_after: float | None, random: float) -> float | None:
        """0.0, or None to give up."""
        return None if super().gap(attempt, retry_after, random) is None else 0.0
