"""A client with a limit estimator and a server with a limit, in virtual time: no event loop, no clock."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

from attrs import define, field

from plivo_async.middleware.limit_estimator import LimitEstimator
from plivo_async.rate_limit import RateLimit
from plivo_async.testing.rate_limits import FakeRateLimit, request_counter

Kind = Literal["fixed", "clock", "sliding", "bucket", "strict"]
FakeKind = Literal["fixed", "sliding", "bucket"]
KINDS: tuple[Kind, ...] = ("fixed", "clock", "sliding", "bucket", "strict")
# Returns the seconds to the server and back.
Latency = Callable[[random.Random], tuple[float, float]]
_MOST_EVENTS = 500_000


def latency_of(seconds: float) -> Latency:
    """Random latencies with this average."""
    return lambda chance: (seconds * chance.uniform(0.3, 0.7), seconds * chance.uniform(0.3, 0.7))


@define
class Server:
    """Counts requests on arrival.

    "fixed" windows begin with a request, "clock" windows at multiples of `per`. A "strict" window slides and
    counts refused requests too.
    """

    kind: Kind = "sliding"
    requests: int = 300
    per: float = 5.0
    retry_after: bool = False
    arrivals: list[float] = field(factory=list[float])
    _began: float | None = None
    _window: Any = None

    def admit(self, now: float) -> float | None:
        """Return None if the request is admitted, else the seconds until one may be."""
        self.arrivals.append(now)
        if self.kind == "strict":
            lately = [time for time in self.arrivals[-4 * self.requests :] if time + self.per > now]
            return None if len(lately) <= self.requests else lately[0] + self.per - now
        if self.kind == "fixed":
            if self._began is None or now >= self._began + self.per:
                self._window, self._began = None, now
            now -= self._began
        if self._window is None:
            kind: FakeKind = "fixed" if self.kind == "clock" else self.kind
            self._window = request_counter(FakeRateLimit(requests=self.requests, per=self.per, kind=kind))
        wait: float | None = self._window.admit(now)
        return wait


class Estimator(Protocol):
    """Decides when the next request may be sent."""

    @property
    def current_limit(self) -> int: ...
    def delay(self, now: float) -> float: ...
    def take(self, now: float) -> int: ...
    def release(self, permit: int, now: float) -> None: ...
    def throttled(self, permit: int, retry_after: float | None, now: float, random: float = 0.0) -> None: ...


@define
class Run:
    """Result of a simulation. `limits` holds the time and value of each change of the current limit."""

    seconds: float = 0.0
    passed: int = 0
    refused: int = 0
    foreign_asked: int = 0
    foreign_passed: int = 0
    limits: list[tuple[float, int]] = field(factory=list[tuple[float, int]])


def simulate(
    server: Server,
    *,
    configured: int = 300,
    seed: int = 0,
    estimator: Callable[[RateLimit], Estimator] = LimitEstimator,
    **options: Any,
) -> Run:
    """Send requests, each until it is admitted; the options are those of Client."""
    client = Client(
        server, estimator(RateLimit(configured, server.per)), configured, random.Random(seed), **options
    )
    client.run_all()
    return client.run


@define
class Client:
    """Sends `requests`, as many at a time as it has workers.

    pause: Seconds between a response and the next request of a worker.
    foreign: Requests per second of another client, which shares the limit and never waits.
    """

    server: Server
    estimator: Estimator
    configured: int
    chance: random.Random
    requests: int = 1500
    concurrency: int = 32
    latency: Latency = field(factory=lambda: latency_of(0.05))
    pause: Callable[[random.Random], float] = lambda chance: 0.0
    foreign: float = 0.0
    foreign_until: float = math.inf
    run: Run = field(factory=Run)
    now: float = 0.0
    _waiting: int = 0
    _unsent: int = 0
    _looks_again: float = math.inf
    _events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = field(factory=list[Any])
    _numbers: Iterator[int] = field(factory=itertools.count)

    def run_all(self) -> None:
        self._waiting = min(self.concurrency, self.requests)
        self._unsent = self.requests - self._waiting
        if self.foreign:
            self._later(self.chance.random() / self.foreign, self._send_foreign)
        while self.run.passed < self.requests:
            self._send()
            limit = self.estimator.current_limit
            assert 1 <= limit <= self.configured
            if not self.run.limits or self.run.limits[-1][1] != limit:
                self.run.limits.append((self.now, limit))
            assert next(self._numbers) < _MOST_EVENTS
            self.now, _, happens, data = heapq.heappop(self._events)
            happens(*data)

    def _later(self, seconds: float, happens: Callable[..., None], *data: Any) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), happens, data))

    def _send(self) -> None:
        delay = math.inf
        while self._waiting and (delay := self.estimator.delay(self.now)) <= 0:
            self._waiting -= 1
            there, back = self.latency(self.chance)
            self._later(there, self._arrive, self.estimator.take(self.now), back)
        if self._waiting and delay < math.inf and not self.now < self._looks_again <= self.now + delay:
            self._looks_again = self.now + delay
            self._later(delay, self._look)

    def _look(self) -> None:
        """Do nothing: every event is followed by an attempt to send."""

    def _arrive(self, permit: int, back: float) -> None:
        self._later(back, self._respond, permit, self.server.admit(self.now))

    def _respond(self, permit: int, wait: float | None) -> None:
        if wait is None:
            self.estimator.release(permit, self.now)
            self.run.passed, self.run.seconds = self.run.passed + 1, self.now
            self._later(self.pause(self.chance), self._next)
            return
        retry_after = float(math.ceil(wait)) if self.server.retry_after else None
        self.estimator.throttled(permit, retry_after, self.now, self.chance.random())
        self.run.refused += 1
        self._waiting += 1

    def _next(self) -> None:
        if self._unsent:
            self._unsent, self._waiting = self._unsent - 1, self._waiting + 1

    def _send_foreign(self) -> None:
        if self.now < self.foreign_until:
            self.run.foreign_asked += 1
            self.run.foreign_passed += self.server.admit(self.now) is None
            self._later(1 / self.foreign, self._send_foreign)
