"""RedisLimiter: the rate limit of an account over many processes, kept on a Redis server."""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Self

from attrs import evolve

from plivo_async._httpx import httpx
from plivo_async.context import CallState
from plivo_async.errors import ConfigurationError, EventLoopError, ForkedError, LimiterUnavailableError
from plivo_async.exported import exported
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.rate_limit import RateLimit
from plivo_async.redis.ledger import Ledger, Permit
from plivo_async.redis.poller import Account, Poller
from plivo_async.redis.store import PermitStore, RedisClient
from plivo_async.text import short_repr
from plivo_async.validation import finite_number, instance_of, positive_number

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PREFIX = re.compile(r"[!-z|~]{1,128}")
_DEFAULT_LOST_AFTER_SECONDS = 30.0
_LONGEST_LOST_AFTER_SECONDS = 3600.0
# A process renews its permits after a third of `lost_after`. When it has died, the rest of that time covers
# the window in which its last request was counted.
_LEAST_LOST_AFTER_WINDOWS = 3.0
# All processes notice within that time that Redis is back.
_ALL_BACK_SECONDS = 2.0


@exported
class RedisLimiter:
    """The rate limit of an account for all processes that use the same Redis server.

    All times are from the clock of the server, so the clocks of the processes need not agree. A permit is
    free again `per` seconds after the response. After a 429 all processes pause, one request probes, and the
    others follow.

    Building it does no I/O. It connects on first use, and again after `aclose()`. It belongs to one event
    loop at a time, in which several clients may share it. A forked process opens a connection of its own. It
    needs redis-py 5 or later: `pip install "plivo-async[redis]"`.

    Args:
        redis: The URL of the server (`redis://`, `rediss://`, `unix://`), or a client or cluster client of
            `redis.asyncio`, which is never closed.
        account: The auth id of the main account, because Plivo counts all its subaccounts together. Default:
            PLIVO_AUTH_ID, unless it is that of a subaccount.
        limit: The rate limit of the account, the same in all processes.
        fallback: The limit of this process while Redis cannot be used, its share of the whole. None raises
            LimiterUnavailableError instead.
        timeout: Seconds that one request to Redis may take, with the connection; above zero.
        lost_after: Seconds until the permits of a process that died are free again: at least three windows,
            at most 3600. Default: 30, or three windows if that is more. A living process renews its permits,
            however long a call takes.
        prefix: The beginning of the keys on the server: 1 to 128 printable ASCII characters without braces.
        random: Returns the jitter of a pause: a number of at least 0 and less than 1. Replace it in tests.

    Raises:
        ConfigurationError: An argument cannot be used, or the main account is not known.
    """

    def __init__(
        self,
        redis: str | RedisClient,
        account: str | None = None,
        *,
        limit: RateLimit = RateLimit(),  # noqa: B008 - a frozen value
        fallback: RateLimit | None = None,
        timeout: float = 2.0,
        lost_after: float | None = None,
        prefix: str = "plivo_async",
        random: Callable[[], float] = random.random,
    ) -> None:
        self._limit = instance_of("limit", limit, RateLimit)
        self._fallback = None if fallback is None else instance_of("fallback", fallback, RateLimit)
        _check_text("prefix", prefix, _PREFIX, "1 to 128 printable ASCII characters without braces")
        self._main_account = _main_account(account)
        self._account = Account(
            # One slot of a cluster.
            [f"{prefix}:{{{self._main_account}}}:{name}" for name in ("permits", "state")],
            secrets.token_hex(6),
            self._limit,
            _lost_after(lost_after, self._limit),
            positive_number("timeout", timeout),
        )
        self._random = random
        self._store = PermitStore(redis, self._account.timeout)
        self._ledger = Ledger(self._limit.per, self._account.lost_after)
        self._poller: Poller | None = None
        self._share: SlidingWindowLimiter | None = None
        self._process: int | None = None
        self._is_closed = False

    @property
    def limit(self) -> RateLimit:
        """The rate limit that was configured."""
        return self._limit

    @property
    def in_flight(self) -> int:
        """How many permits of this process are in use."""
        return self._ledger.in_flight

    def delay(self) -> float:
        """Seconds until a request may be sent, at the earliest, as far as this process knows.

        Returns:
            0 for now; infinity after a 429, while one request probes the limit.
        """
        if self._share is not None:
            return self._share.delay()
        return 0.0 if self._poller is None else self._poller.delay

    def is_free(self) -> bool:
        """Return whether `acquire` would give a permit without a wait. In most cases it has to ask Redis."""
        if self._share is not None:
            return self._share.is_free()
        return self._poller is not None and self._poller.turns.free > 0

    async def acquire(self, request: httpx.Request) -> Permit:
        """Wait for a permit.

        Args:
            request: The request to be sent.

        Returns:
            The permit, for `release` or `throttled`.

        Raises:
            DeadlineExceededError: The wait would outlast the deadline of the call. Raised at once.
            RateLimitTimeoutError: The same, because of a 429.
            LimiterUnavailableError: Redis cannot be used, and there is no `fallback`.
            EventLoopError: The limiter is in use in another event loop.
            ForkedError: The Redis client that was passed belongs to the parent process.
        """
        poller = self._entered()
        state = CallState.attached_to(request)
        failures = poller.failures
        while True:
            share = self._current_share(poller)
            if share is not None:
                taken = await share.acquire(request)
                permit = self._ledger.local((share, taken), poller.loop.time())
                poller.wake(self._ledger.due)
                return permit
            if self._fallback is None and poller.failures != failures and poller.error is not None:
                raise _copy(poller.error)
            given = await poller.acquire(state)
            if given is not None:
                return given

    def _entered(self) -> Poller:
        """Return the poller of the running event loop."""
        loop, process, poller = asyncio.get_running_loop(), os.getpid(), self._poller
        if poller is not None and poller.loop is loop and self._process == process:
            self._is_closed = False
            return poller
        if self._process not in (None, process):
            if self._store.is_borrowed:
                raise ForkedError(
                    "the redis client was used before a fork; build it and the limiter after it"
                )
            # The connection and the permits are the parent's.
            self._account = evolve(self._account, token=secrets.token_hex(6))
            self._ledger = self._ledger.of_child()
            self._store.leave_to_parent()
        elif poller is not None:
            if not poller.loop.is_closed() and not self._is_closed:
                raise EventLoopError("the limiter belongs to another event loop; close it there first")
            # Tasks of a closed event loop never give anything back.
            self._ledger.abandon(loop.time())
            self._store.drop()
        self._process, self._share, self._is_closed = process, None, False
        self._poller = Poller(loop, self._store, self._account, self._ledger, self._random)
        return self._poller

    def _current_share(self, poller: Poller) -> SlidingWindowLimiter | None:
        """Return the limiter that replaces Redis; None if Redis is asked."""
        now, per = poller.loop.time(), self._limit.per
        if self._share is None and self._fallback is not None and poller.down_since is not None:
            self._share = SlidingWindowLimiter(self._fallback, random=self._random)
            if now < poller.down_since + per:
                # The processes together may have used up the limit when Redis went.
                self._share.use_up()
        back_since = poller.back_since
        if back_since is not None and now >= back_since + per + self._account.timeout + _ALL_BACK_SECONDS:
            # Until now others may have kept to their shares. Redis knows the requests of the last window.
            self._share = None
        return self._share

    def release(self, permit: Permit) -> None:
        """Release the permit: a response arrived, or the attempt failed or was cancelled.

        The permit is free again a window later. This method does not wait for Redis.

        Args:
            permit: A result of `acquire`.
        """
        if permit.local is not None:
            share, taken = permit.local
            share.release(taken)
        poller = self._poller
        assert poller is not None  # noqa: S101 - for the type checkers
        self._ledger.release(permit, poller.loop.time())
        poller.wake(self._ledger.due)

    def throttled(self, permit: Permit, retry_after: float | None) -> None:
        """Release the permit after a 429, which blocks the requests of all processes for a while.

        Args:
            permit: A result of `acquire`.
            retry_after: The Retry-After of the response in seconds; None without one.
        """
        if permit.local is not None:
            share, taken = permit.local
            share.throttled(taken, retry_after)
        poller = self._poller
        assert poller is not None  # noqa: S101 - for the type checkers
        self._ledger.throttled(permit, retry_after, poller.loop.time())
        poller.wake(self._ledger.due)

    async def aclose(self) -> None:
        """Give the last permits back and close the connection. A Redis client of yours stays open.

        The limiter can be used again. While requests of other clients wait for it, it stays open.
        """
        poller = self._poller
        if poller is None or poller.loop is not asyncio.get_running_loop() or self._process != os.getpid():
            return
        await poller.aclose()
        self._is_closed = not poller.turns.waiting and not self._ledger.in_flight

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __getstate__(self) -> NoReturn:
        raise TypeError("a RedisLimiter holds a connection, and cannot be pickled or copied: build another")

    def __repr__(self) -> str:
        return f"RedisLimiter({self._store!r}, {self._main_account!r}, limit={self._limit!r})"


def _copy(error: LimiterUnavailableError) -> LimiterUnavailableError:
    # Each waiter raises its own: an exception that is raised twice collects the frames of both.
    return evolve(error)


def _check_text(name: str, value: object, characters: re.Pattern[str], rule: str) -> None:
    if not isinstance(value, str) or not characters.fullmatch(value):
        raise ConfigurationError(f"{name} must be {rule}, not {short_repr(value)}")


def _main_account(account: str | None) -> str:
    found = os.environ.get("PLIVO_AUTH_ID") if account is None else account
    if found is None:
        raise ConfigurationError("no account: pass the auth id of the main account, or set PLIVO_AUTH_ID")
    _check_text("account", found, _ACCOUNT, "1 to 128 characters of A-Z a-z 0-9 _ -")
    if found.startswith("SA"):
        raise ConfigurationError(
            f"account must be the auth id of the main account, not of the subaccount {found}: "
            "Plivo counts the two together"
        )
    return found


def _lost_after(seconds: float | None, limit: RateLimit) -> float:
    least = _LEAST_LOST_AFTER_WINDOWS * limit.per
    if seconds is None:
        return max(_DEFAULT_LOST_AFTER_SECONDS, least)
    if finite_number("lost_after", seconds, least=least) > _LONGEST_LOST_AFTER_SECONDS:
        raise ConfigurationError(
            f"lost_after must be at most {_LONGEST_LOST_AFTER_SECONDS:g}, not {seconds:g}"
        )
    return float(seconds)
