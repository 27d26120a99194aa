"""Item: one call UUID on its way through a batch, and whether it goes again after a failure. Pure."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from plivo_async.errors import DeadlineExceededError, PlivoError
from plivo_async.resources.holding import Gate
from plivo_async.resources.verdict import Verdict

# How often a call may fail while others succeed, with the attempts of its policy each time. Two, because in
# 10,000 calls with 3 % of errors at random one fails three times in a row.
ROUNDS_OF_ITS_OWN = 2
# How often it may fail while most other attempts fail too: then the service fails some calls and not others.
ROUNDS_AMONG_FAILURES = 8


@define(eq=False)
class Item:
    """One call UUID that was pulled, and has no outcome yet.

    Attributes:
        number: Its place in the input, from 1; 0 for a probe with an id that has its outcome.
        call_uuid: The call UUID in the form of the input.
        probe: What the gate admitted it as.
        attempts: The number of requests that were sent for it, before the present ones.
        error: The last failure.
    """

    number: int
    call_uuid: Any
    probe: int = field(default=0, init=False)
    attempts: int = field(default=0, init=False)
    error: PlivoError | None = field(default=None, init=False)
    _rounds_of_its_own: int = field(default=0, init=False)
    _rounds_among_failures: int = field(default=0, init=False)
    # What the gate had counted when it was sent first, when it was sent last, and when it failed last.
    _successes_at_first: int | None = field(default=None, init=False)
    _successes_before: int = field(default=0, init=False)
    _failures_before: int = field(default=0, init=False)
    _successes_at_failure: int = field(default=-1, init=False)

    def sent(self, gate: Gate, probe: int) -> None:
        """Note that it is sent now."""
        self.probe = probe
        self._successes_before, self._failures_before = gate.successes, gate.failures
        if self._successes_at_first is None:
            self._successes_at_first = gate.successes

    def goes_again(self, error: PlivoError, kind: Verdict, gate: Gate) -> bool:
        """Return whether it is sent again after a failure, and take the failure over.

        A failure is its own only if other calls succeed meanwhile. Then it goes once more; after that the
        failure is its outcome. While most attempts fail, it goes several times more.
        """
        error.attempts += self.attempts
        requests = error.attempts - self.attempts
        self.attempts, self.error = error.attempts, error
        self._successes_at_failure = gate.successes
        if kind is Verdict.THROTTLED:
            return True
        if kind is not Verdict.SHARED:
            return False
        if gate.closed or gate.successes == self._successes_at_first:
            return True
        others_succeeded = gate.successes - self._successes_before
        if gate.failures - self._failures_before - requests > others_succeeded:
            self._rounds_among_failures += 1
            return self._rounds_among_failures < ROUNDS_AMONG_FAILURES
        self._rounds_of_its_own += 1
        may_heal = error.retryable and not isinstance(error, DeadlineExceededError)
        return may_heal and self._rounds_of_its_own < ROUNDS_OF_ITS_OWN

    def is_due(self, gate: Gate) -> bool:
        """Return whether another call has succeeded since it failed, so that the service is there again."""
        return gate.successes > self._successes_at_failure
