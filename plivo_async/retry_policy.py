"""When to try again, and after how long. Pure functions: randomness is passed in."""

from __future__ import annotations

from attrs import Attribute, field, frozen

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.validation import finite_number, positive_number, whole_number

# Sending one of these again has no further effect (RFC 9110 section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _not_negative(_: object, attribute: Attribute[float], value: float) -> None:
    finite_number(attribute.name, value, least=0.0)


def _fraction(_: object, attribute: Attribute[float], value: float) -> None:
    if finite_number(attribute.name, value, least=0.25) > 1.0:
        raise ConfigurationError(f"{attribute.name} must be from 0.25 to 1, not {value!r}")


def _at_least_one(_: object, attribute: Attribute[int], value: int) -> None:
    whole_number(attribute.name, value, least=1)


def _above_zero(_: object, attribute: Attribute[float], value: float) -> None:
    positive_number(attribute.name, value)


@exported
@frozen(kw_only=True)
class RetryPolicy:
    """How often a request is tried, and how long the gaps are: exponential backoff with jitter.

    The n-th gap is between `(1 - jitter) * g` and `g`, where
    `g = min(backoff_max, backoff_base * 2 ** (n - 1))`. If the server sends a Retry-After (RFC 9110 section
    10.2.3), the gap is its seconds plus up to `jitter * g`.

    Args:
        max_attempts: The number of attempts, at least 1. With 1 nothing is retried.
        backoff_base: Seconds of the first gap, above zero.
        backoff_max: Seconds of the longest gap, above zero.
        jitter: The random part of a gap, from 0.25 to 1. With 0.5 a gap of 1 s lasts 0.5 to 1 s.
        retry_after_max: Seconds, 0 or more. A longer Retry-After ends the call.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    max_attempts: int = field(default=3, validator=_at_least_one)
    backoff_base: float = field(default=0.5, validator=_above_zero)
    backoff_max: float = field(default=8.0, validator=_above_zero)
    jitter: float = field(default=0.5, validator=_fraction)
    retry_after_max: float = field(default=60.0, validator=_not_negative)

    def gap(self, attempt: int, retry_after: float | None, random: float) -> float | None:
        """Return the seconds to wait after a failed attempt.

        Args:
            attempt: The number of the attempt, from 1.
            retry_after: Seconds that the server asks to wait; None if it does not ask.
            random: A number of at least 0 and less than 1.

        Returns:
            The seconds; None to give up.
        """
        if attempt >= self.max_attempts:
            return None
        # The exponent is bounded because 2.0 ** 1024 overflows.
        gap = min(self.backoff_max, self.backoff_base * 2.0 ** min(attempt - 1, 1000))
        if retry_after is None:
            return gap * (1.0 - self.jitter * random)
        if retry_after > self.retry_after_max:
            return None
        return retry_after + gap * self.jitter * (1.0 - random)


NO_RETRY = RetryPolicy(max_attempts=1)


@exported
class RetryBudget:
    """How many retries a client may still spend, so that its retries do not add to an outage.

    A retry spends one. A call that succeeds returns those that it spent, and one more, up to `capacity`. In a
    total outage each call costs one request, and all calls together send at most `capacity` more.

    If more calls than `capacity` are in flight, the capacity is their number minus one. So each of them may
    retry after a single reset of all connections. A total outage still costs fewer than two requests a call.

    Args:
        capacity: The number of retries at the beginning and at most, 0 or more. With 0 nothing is retried.

    Raises:
        ConfigurationError: `capacity` is not a whole number, or below 0.
    """

    def __init__(self, capacity: int = 15) -> None:
        self._capacity = whole_number("capacity", capacity, least=0)
        self._spent = 0
        self._in_flight = 0

    @property
    def capacity(self) -> int:
        """The most retries that may be spent without a success, at present."""
        return max(self._capacity, self._in_flight - 1) if self._capacity else 0

    @property
    def left(self) -> int:
        """How many retries may be spent now."""
        return max(0, self.capacity - self._spent)

    @property
    def in_flight(self) -> int:
        """How many calls are in flight that may spend them."""
        return self._in_flight

    def call_began(self) -> None:
        """Count a call that may retry."""
        self._in_flight += 1

    def call_ended(self) -> None:
        """Forget a call, however it ended."""
        self._in_flight -= 1

    def spend(self) -> bool:
        """Spend one retry.

        Returns:
            Whether one was left.
        """
        if not self.left:
            return False
        self._spent += 1
        return True

    def refill(self, spent: int) -> None:
        """Return the retries of a call that succeeded, and one more.

        Args:
            spent: How many retries the call spent.
        """
        self._spent = max(0, self._spent - spent - 1)

    def __repr__(self) -> str:
        return f"RetryBudget({self.left} of {self.capacity} left)"
