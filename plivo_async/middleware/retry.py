"""Tries a request again after a transient failure."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from plivo_async._httpx import httpx
from plivo_async.context import CallState
from plivo_async.deadline import check_deadline
from plivo_async.errors import DeadlineExceededError, DecodeError, PlivoError
from plivo_async.exported import exported
from plivo_async.middleware import CallNext
from plivo_async.middleware.attempt import Attempt
from plivo_async.retry_policy import SAFE_METHODS, RetryBudget, RetryPolicy
from plivo_async.validation import instance_of

_DEFAULT_POLICY = RetryPolicy()


@exported
class RetryMiddleware:
    """Middleware that repeats GET, HEAD and OPTIONS after a transient failure.

    Transient are the statuses 408, 429, 500, 502, 503 and 504, a damaged body, and failures of the transport.
    A refused certificate is not, nor is a request that cannot be sent. The policy sets the gaps. The
    middleware goes on as long as its budget lasts and the next gap fits the deadline of the call. At the end
    it returns the last response, or raises the last exception of httpx or DecodeError.

    Of several around one request only the outermost retries. So one among the `middleware` of an
    `AsyncClient` replaces the client's own.

    Args:
        policy: When to retry. Default: the `retry` option of the call, else `RetryPolicy()`.
        budget: How many retries may be spent. Default: a budget of its own.
        sleep: A coroutine function that waits for a number of seconds. Replace it in tests.
        random: Returns a number of at least 0 and less than 1. Replace it in tests.

    Raises:
        ConfigurationError: An argument cannot be used.

    Attributes:
        policy: When to retry; None for the `retry` option of the call.
        budget: How many retries may be spent.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        budget: RetryBudget | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.policy: RetryPolicy | None = (
            None if policy is None else instance_of("policy", policy, RetryPolicy)
        )
        self.budget: RetryBudget = (
            RetryBudget() if budget is None else instance_of("budget", budget, RetryBudget)
        )
        self._sleep = sleep
        self._random = random

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        """Send the request, and again after a transient failure.

        Args:
            request: The request to send.
            call_next: Sends a request through the rest of the chain.

        Returns:
            The last response.

        Raises:
            DeadlineExceededError: The next wait would outlast the deadline. Raised at once; its cause is the
                last failure.
            httpx.TransportError: The last failure.
            DecodeError: The last failure: the body is damaged.
        """
        state = CallState.attached_to(request)
        if request.method not in SAFE_METHODS or state.retried_by not in (None, self):
            return await call_next(request)
        state.retried_by = self
        self.budget.call_began()
        try:
            return await self._retried(request, call_next, state)
        finally:
            self.budget.call_ended()

    async def _retried(self, request: httpx.Request, call_next: CallNext, state: CallState) -> httpx.Response:
        policy = self.policy or state.limits.retry or _DEFAULT_POLICY
        number = 0
        while True:
            number += 1
            try:
                attempt = Attempt(await call_next(request))
            except (httpx.TransportError, httpx.HTTPStatusError, DecodeError) as failure:
                attempt = Attempt(failure)
            if not attempt.is_transient:
                if attempt.status is not None and attempt.status < 500:
                    self.budget.refill(number - 1)
                return attempt.unwrap()
            error = state.attempt_failed(attempt.error(state.attempts))
            if (supervisor := state.supervisor) is not None:
                supervisor.attempt_failed(error)
                if supervisor.holds:
                    return attempt.unwrap()
            notes, sent, name = state.notes, state.attempts or number, attempt.name
            gap = policy.gap(number, attempt.retry_after, self._random())
            if gap is None or not self.budget.left:
                why = "the policy allows none" if gap is None else "the retry budget is spent"
                notes.gave_up(error, sent, name, why)
                return attempt.unwrap()
            _check_deadline(state, gap, error, sent, name)
            notes.retry_scheduled(error, sent, name, gap)
            await self._sleep(gap)
            if supervisor is not None and supervisor.holds:
                return attempt.unwrap()
            # Spent only now, so that retries that succeed meanwhile let this one follow. While others are in
            # flight, they may do so in the next gap.
            while not self.budget.spend():
                number += 1
                gap = policy.gap(number, None, self._random()) if self.budget.in_flight > 1 else None
                if gap is None:
                    notes.gave_up(error, sent, name, "the retry budget is spent")
                    return attempt.unwrap()
                _check_deadline(state, gap, error, sent, name)
                notes.retry_postponed(sent, gap)
                await self._sleep(gap)
            notes.backed_off()

    def __repr__(self) -> str:
        return f"RetryMiddleware({self.policy!r}, budget={self.budget!r})"


def _check_deadline(state: CallState, gap: float, error: PlivoError, attempt: int, name: str) -> None:
    """Check that a wait ends before the deadline of the call, and note that no attempt follows if not.

    Raises:
        DeadlineExceededError: It does not.
    """
    try:
        check_deadline(state, gap)
    except DeadlineExceededError:
        state.notes.gave_up(error, attempt, name, "the deadline is sooner")
        raise
