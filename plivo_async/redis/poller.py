"""Poller: the one task of a process that calls Redis, while there is something to ask or to report."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence

from attrs import frozen

from plivo_async.context import CallState
from plivo_async.deadline import check_permit
from plivo_async.errors import LimiterUnavailableError
from plivo_async.fair_semaphore import FairSemaphore
from plivo_async.rate_limit import RateLimit
from plivo_async.redis.ledger import Call, Ledger, Permit
from plivo_async.redis.store import PermitStore, Reply

_logger = logging.getLogger("plivo_async.rate_limit")

_MICROSECONDS = 1_000_000
# Of permits in one call.
_MOST_PERMITS = 1000
# Permits get free one by one, as the responses of a burst arrived. To fetch each would cost a call.
_PATIENCE_WINDOWS = 0.001
_LONGEST_PATIENCE_SECONDS = 0.01
# While Redis cannot be used and no request waits for it.
_RETRY_SECONDS = 1.0
# What is remembered of the server's clock is not compared with it any longer than that.
_CLOCK_MEMORY_SECONDS = 60.0
_LEAST_SLACK_SECONDS = 2.0


@frozen
class Account:
    """The limit that the processes share.

    Attributes:
        keys: The names of the permits and of the state.
        token: Names this process.
        limit: The rate limit.
        lost_after: Seconds after which a permit that is not renewed is taken for lost.
        timeout: Seconds that one call of Redis may take.
    """

    keys: Sequence[str]
    token: str
    limit: RateLimit
    lost_after: float
    timeout: float


class Poller:
    """Asks for the permits of all requests that wait, and reports what became of those that were given.

    Attributes:
        loop: The event loop that it runs in.
        turns: The requests that wait, in their lanes.
        failures: How many calls of Redis have failed.
        error: The last of these failures.
        down_since: When Redis could not be used any more; None if it can.
        back_since: When Redis could be used again; None if it has not failed, or cannot be used.
        is_throttled: Whether a 429 holds up the requests that wait.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        store: PermitStore,
        account: Account,
        ledger: Ledger,
        random: Callable[[], float],
    ) -> None:
        self.loop = loop
        self._store = store
        self._account = account
        self._ledger = ledger
        self._random = random
        self.turns = FairSemaphore(0)
        self.failures: int = 0
        self.error: LimiterUnavailableError | None = None
        self.down_since: float | None = None
        self.back_since: float | None = None
        self.is_throttled: bool = False
        self._granted: deque[Permit] = deque()
        self._task: asyncio.Task[None] | None = None
        self._waker: asyncio.Future[None] | None = None
        self._sleeps_until = math.inf
        self._asks_at = self._opens_at = self._retries_at = -math.inf
        self._earliest_deadline = math.inf
        self._closing = self._is_cancelled = False
        # What the last reply revealed, and when its call was sent.
        self._born, self._server_time, self._sent_at = "", 0.0, -math.inf
        self._epoch = 0

    @property
    def delay(self) -> float:
        """Seconds until a request may be sent, at the earliest."""
        return max(0.0, self._opens_at - self.loop.time())

    async def acquire(self, state: CallState) -> Permit | None:
        """Wait for a permit.

        Returns:
            The permit; None if the wait has to begin again, because something has changed.

        Raises:
            DeadlineExceededError: There is none before the deadline of the call.
        """
        turns = self.turns
        if not turns.free:
            now = self.loop.time()
            check_permit(state, self._opens_at - now, now, is_throttled=self.is_throttled)
            if state.limits.deadline is not None:
                self._earliest_deadline = min(self._earliest_deadline, state.limits.deadline)
            self._is_cancelled = False
            self.wake(self._asks_at)
        try:
            return self._granted.popleft() if await turns.acquire(state.limits.lane) else None
        except BaseException:
            if turns.free:
                # It was given a permit meanwhile, and nobody else waits.
                self.wake(-math.inf)
            raise

    def wake(self, due: float | None) -> None:
        """Have a call made at a time, if it would be made later."""
        if due is None or self._closing:
            return
        if self._task is None:
            # A request of a closed event loop may end when it is collected.
            if self.loop.is_running() and not self._is_cancelled:
                self._task = self.loop.create_task(self._run(), context=contextvars.Context())
        elif due < self._sleeps_until:
            self._end_sleep()

    def _end_sleep(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    async def aclose(self) -> None:
        """Report what is left, and close the connection. It goes on if requests of other clients wait."""
        self._closing = True
        try:
            if self._task is not None:
                self._end_sleep()
                await asyncio.wait([self._task])
            self._give_back()
            if self.down_since is None and self._ledger.has_news:
                await self._ask()
            await self._store.aclose()
        finally:
            self._closing = False
        if self.turns.waiting or self._ledger.in_flight:
            self.wake(self._due())

    async def _run(self) -> None:
        try:
            # An eager task would look before the request that started it waits.
            await asyncio.sleep(0)
            while not self._closing and (due := self._due()) is not None:
                if due > self.loop.time():
                    await self._sleep(due)
                else:
                    await self._ask()
        except asyncio.CancelledError:
            # With every task of the event loop: from now on only a request that waits starts another.
            self._is_cancelled = True
            self.turns.recall()
            raise
        except BaseException:
            # A client that was passed has raised something of its own.
            self._failed(LimiterUnavailableError("the redis client of the rate limiter does not work"))
            raise
        finally:
            self._task = None

    def _due(self) -> float | None:
        reports_at = -math.inf if self.turns.free else self._ledger.due
        if self.turns.waiting:
            return self._asks_at if reports_at is None else min(self._asks_at, reports_at)
        return None if reports_at is None else max(reports_at, self._retries_at)

    async def _sleep(self, until: float) -> None:
        self._sleeps_until, self._waker = until, self.loop.create_future()
        timer = self.loop.call_at(until, self._end_sleep)
        try:
            await self._waker
        finally:
            timer.cancel()
            self._sleeps_until, self._waker = math.inf, None

    async def _ask(self) -> None:
        now = self.loop.time()
        self._give_back()
        call = self._ledger.call(min(self.turns.waiting, _MOST_PERMITS), now)
        try:
            reply = await self._store.run(self._account.keys, self._arguments(call, now))
        except LimiterUnavailableError as error:
            self._ledger.failed(call, self.loop.time())
            self._failed(error)
        except BaseException:
            self._ledger.failed(call, self.loop.time())
            raise
        else:
            self._answered(call, now, reply)

    def _give_back(self) -> None:
        """Give back the permits that nobody waits for any more."""
        while self.turns.free:
            self.turns.free -= 1
            self._ledger.unused(self._granted.pop(), self.loop.time())

    def _arguments(self, call: Call, now: float) -> list[str | int]:
        account = self._account
        since = now - self._sent_at
        remembers = since < _CLOCK_MEMORY_SECONDS
        slack = max(_LEAST_SLACK_SECONDS, 2 * account.timeout)
        arguments: list[str | int] = [
            f"{account.token}:",
            account.limit.requests,
            *map(_microseconds, (account.limit.per, account.lost_after)),
            int(self._server_time) + _microseconds(since) if remembers else 0,
            _microseconds(slack),
            self._born if remembers else "",
            f"{self._random():.6f}",
            call.first,
            call.wanted,
        ]
        for event in call.events:
            permit = event.permit
            arguments += [event.what, permit.number, permit.epoch, _microseconds(event.value(now))]
        return arguments

    def _answered(self, call: Call, sent_at: float, reply: Reply) -> None:
        server_time, born, granted, wait, throttled, epoch, limit = (_text(value) for value in reply)
        now, opens_at = self.loop.time(), sent_at + float(wait) / _MICROSECONDS
        if self.down_since is not None:
            _logger.info("the rate limiter's Redis can be used again, after %.1f s", now - self.down_since)
            self.down_since, self.back_since = None, now
        if self._born not in ("", born):
            # The server has lost its data.
            self._ledger.renew()
        self._born, self._server_time, self._sent_at = born, float(server_time), sent_at
        for permit in self._ledger.succeeded(call, int(granted), int(epoch)):
            self._granted.append(permit)
            self.turns.release()
        if call.wanted or opens_at > sent_at:
            is_short = int(granted) < call.wanted
            self._opens_at, self.is_throttled = opens_at, throttled == "1"
            self._asks_at = max(opens_at, now + self._patience) if is_short else -math.inf
        if int(epoch) > self._epoch and throttled == "1":
            per = self._account.limit.per
            _logger.info("HTTP 429: no request for %.2f s, then %s per %g s", opens_at - now, limit, per)
        self._epoch = int(epoch)
        if self._earliest_deadline <= opens_at:
            # Calls whose deadline is earlier raise now.
            self._earliest_deadline = math.inf
            self.turns.recall()

    @property
    def _patience(self) -> float:
        return min(_LONGEST_PATIENCE_SECONDS, _PATIENCE_WINDOWS * self._account.limit.per)

    def _failed(self, error: LimiterUnavailableError) -> None:
        now = self.loop.time()
        self.failures += 1
        self.error, self.back_since, self._retries_at = error, None, now + _RETRY_SECONDS
        self._asks_at = self._opens_at = -math.inf
        self.is_throttled = False
        if self.down_since is None:
            self.down_since = now
            _logger.warning("%s", error)
        self.turns.recall()


def _microseconds(seconds: float) -> int:
    return math.ceil(seconds * _MICROSECONDS)


def _text(value: bytes | str | int) -> str:
    # The type depends on the client's option `decode_responses`.
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
