"""Clients with a limit estimator each, and a server with a limit, in virtual time: no loop, no clock."""

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
    passed_at: list[float] = field(factory=list[float])

    def rate(self, begin: float, end: float) -> float:
        """Requests admitted per second of this time."""
        return sum(begin <= time < end for time in self.passed_at) / (end - begin)


@define
class Simulation:
    """The server, the time, and what is due."""

    server: Server
    now: float = 0.0
    _events: list[tuple[float, int, Client, Callable[..., None], tuple[Any, ...]]] = field(factory=list[Any])
    _numbers: Iterator[int] = field(factory=itertools.count)

    def later(self, seconds: float, client: Client, happens: Callable[..., None], *data: Any) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), client, happens, data))

    def run(self, clients: list[Client], until: float = math.inf) -> None:
        """Go on until all clients have ended, or until this time."""
        for client in clients:
            self.later(client.begins_at - self.now, client, client.begin)
        while self._events and self.now < until and not all(client.is_over for client in clients):
            assert next(self._numbers) < _MOST_EVENTS
            self.now, _, client, happens, data = heapq.heappop(self._events)
            happens(*data)
            client.send()


def simulate(
    server: Server,
    *,
    configured: int = 300,
    seed: int = 0,
    estimator: Callable[[RateLimit], Estimator] = LimitEstimator,
    **options: Any,
) -> Run:
    """Send requests, each until it is admitted; the options are those of Client."""
    simulation = Simulation(server)
    limiter = estimator(RateLimit(configured, server.per))
    client = Client(simulation, limiter, configured, random.Random(seed), **options)
    simulation.run([client])
    return client.run


def simulate_several(
    server: Server,
    clients: list[dict[str, Any]],
    *,
    seed: int = 0,
    until: float = math.inf,
    estimator: Callable[[RateLimit], Estimator] = LimitEstimator,
) -> list[Run]:
    """Like `simulate`, with several clients that share the limit; each has its own options."""
    simulation = Simulation(server)
    chance = random.Random(seed)
    several: list[Client] = []
    for options in clients:
        limiter = estimator(RateLimit(server.requests, server.per))
        several.append(
            Client(simulation, limiter, server.requests, random.Random(chance.random()), **options)
        )
    simulation.run(several, until)
    return [client.run for client in several]


@define
class Client:
    """Sends `requests`, as many at a time as it has workers.

    begins_at: The time in seconds.
    pause: Seconds between a response and the next request of a worker.
    foreign: Requests per second of another client, which shares the limit and never waits.
    """

    simulation: Simulation
    estimator: Estimator
    configured: int
    chance: random.Random
    requests: int = 1500
    begins_at: float = 0.0
    concurrency: int = 32
    latency: Latency = field(factory=lambda: latency_of(0.05))
    pause: Callable[[random.Random], float] = lambda chance: 0.0
    foreign: float = 0.0
    foreign_until: float = math.inf
    run: Run = field(factory=Run)
    _waiting: int = 0
    _unsent: int = 0
    _looks_again: float = math.inf

    @property
    def now(self) -> float:
        return self.simulation.now

    @property
    def is_over(self) -> bool:
        return self.run.passed >= self.requests

    def begin(self) -> None:
        self._waiting = min(self.concurrency, self.requests)
        self._unsent = self.requests - self._waiting
        if self.foreign:
            self._later(self.chance.random() / self.foreign, self._send_foreign)

    def _later(self, seconds: float, happens: Callable[..., None], *data: Any) -> None:
        self.simulation.later(seconds, self, happens, *data)

    def send(self) -> None:
        delay = math.inf
        while self._waiting and (delay := self.estimator.delay(self.now)) <= 0:
            self._waiting -= 1
            there, back = self.latency(self.chance)
            self._later(there, self._arrive, self.estimator.take(self.now), back)
        if self._waiting and delay < math.inf and not self.now < self._looks_again <= self.now + delay:
            self._looks_again = self.now + delay
            self._later(delay, self._look)
        limit = self.estimator.current_limit
        assert 1 <= limit <= self.configured
        if not self.run.limits or self.run.limits[-1][1] != limit:
            self.run.limits.append((self.now, limit))

    def _look(self) -> None:
        """Do nothing: every event is followed by an attempt to send."""

    def _arrive(self, permit: int, back: float) -> None:
        self._later(back, self._respond, permit, self.simulation.server.admit(self.now))

    def _respond(self, permit: int, wait: float | None) -> None:
        if wait is None:
            self.estimator.release(permit, self.now)
            self.run.passed, self.run.seconds = self.run.passed + 1, self.now
            self.run.passed_at.append(self.now)
            self._later(self.pause(self.chance), self._next)
            return
        retry_after = float(math.ceil(wait)) if self.simulation.server.retry_after else None
        self.estimator.throttled(permit, retry_after, self.now, self.chance.random())
        self.run.refused += 1
        self._waiting += 1

    def _next(self) -> None:
        if self._unsent:
            self._unsent, self._waiting = self._unsent - 1, self._waiting + 1

    def _send_foreign(self) -> None:
        if self.now < self.foreign_until:
            self.run.foreign_asked += 1
            self.run.foreign_passed += self.simulation.server.admit(self.now) is None
            self._later(1 / self.foreign, self._send_foreign)
