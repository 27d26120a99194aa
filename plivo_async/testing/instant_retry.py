"""Retries without waiting."""

from __future__ import annotations

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.retry_policy import RetryPolicy


@exported
@frozen(kw_only=True)
class InstantRetryPolicy(RetryPolicy):
    """A RetryPolicy for tests: it retries and gives up as a RetryPolicy does, but never waits.

    It does not wait for a Retry-After either; one above `retry_after_max` ends the call as usual. Use it
    instead of a RetryPolicy: `AsyncClient(retry=InstantRetryPolicy())`. It is the default of
    `FakePlivo.client()`.

    Args:
        max_attempts: The number of attempts, at least 1. With 1 nothing is retried.
        backoff_base: Seconds, above zero. It has no effect.
        backoff_max: Seconds, above zero. It has no effect.
        jitter: A number from 0.25 to 1. It has no effect.
        retry_after_max: Seconds, 0 or more. A longer Retry-After ends the call.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    def gap(self, attempt: int, retry_after: float | None, random: float) -> float | None:
        """Return 0.0, or None to give up.

        Args:
            attempt: The number of the attempt, from 1.
            retry_after: Seconds that the server asks to wait; None if it does not ask.
            random: A number of at least 0 and less than 1. It has no effect.
        """
        return None if super().gap(attempt, retry_after, random) is None else 0.0
