"""A client with a RateWindow and a server with a limit, in virtual time: no event loop, no clock."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, Literal

from attrs import define, field

from plivo_async.middleware.rate_window import Permit, RateWindow
from plivo_async.rate_limit import RateLimit
from plivo_async.testing.rate_limits import FakeRateLimit, request_counter

Kind = Literal["fixed", "clock", "sliding", "bucket", "strict"]
KINDS: tuple[Kind, ...] = ("fixed", "clock", "sliding", "bucket", "strict")
# Seconds to the server and back.
Latency = Callable[[random.Random], tuple[float, float]]
_MOST_EVENTS = 500_000


def latency_of(seconds: float) -> Latency:
    """So long on average, and never the same."""
    return lambda chance: (seconds * chance.uniform(0.3, 0.7), seconds * chance.uniform(0.3, 0.7))


@define
class Server:
    """What counts requests on arrival.

    "fixed" windows begin with a request, "clock" ones by the clock; a "strict" window slides, and what it
    refused counts too.
    """

    kind: Kind = "sliding"
    requests: int = 300
    per: float = 5.0
    retry_after: bool = False
    arrivals: list[float] = field(factory=list[float])
    _began: float | None = None
    _window: Any = None

    def admit(self, now: float) -> float | None:
        """None: it passes; else the seconds until one may."""
        self.arrivals.append(now)
        if self.kind == "strict":
            lately = [time for time in self.arrivals[-4 * self.requests :] if time + self.per > now]
            return None if len(lately) <= self.requests else lately[0] + self.per - now
        if self.kind == "fixed":
            if self._began is None or now >= self._began + self.per:
                self._window, self._began = None, now
            now -= self._began
        if self._window is None:
            kind = "fixed" if self.kind in ("fixed", "clock") else self.kind
            self._window = request_counter(FakeRateLimit(requests=self.requests, per=self.per, kind=kind))
        wait: float | None = self._window.admit(now)
        return wait


@define
class Run:
    """What came of it. `allowed` tells when it changed how many may pass in a window."""

    seconds: float = 0.0
    passed: int = 0
    refused: int = 0
    foreign_asked: int = 0
    foreign_passed: int = 0
    allowed: list[tuple[float, int]] = field(factory=list[tuple[float, int]])


def simulate(server: Server, *, told: int = 300, seed: int = 0, **options: Any) -> Run:
    """Send requests through a window, each until it passes; the options are those of Client."""
    client = Client(server, RateWindow(RateLimit(told, server.per)), random.Random(seed), **options)
    client.run_all()
    return client.run


@define
class Client:
    """Sends `requests`, as many at a time as it has workers.

    pause: seconds that a worker rests after an answer.
    foreign: requests a second of somebody else's, who shares the server's limit and never waits.
    """

    server: Server
    window: RateWindow
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
            self._later(self.chance.random() / self.foreign, self._somebody_else)
        while self.run.passed < self.requests:
            self._send()
            allowed = self.window.allowed
            assert 1 <= allowed <= self.window.limit.requests
            if not self.run.allowed or self.run.allowed[-1][1] != allowed:
                self.run.allowed.append((self.now, allowed))
            assert next(self._numbers) < _MOST_EVENTS
            self.now, _, happens, data = heapq.heappop(self._events)
            happens(*data)

    def _later(self, seconds: float, happens: Callable[..., None], *data: Any) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), happens, data))

    def _send(self) -> None:
        while self._waiting and (delay := self.window.delay(self.now)) <= 0:
            self._waiting -= 1
            there, back = self.latency(self.chance)
            self._later(there, self._arrive, self.window.take(self.now), back)
        if self._waiting and delay < math.inf and not self.now < self._looks_again <= self.now + delay:
            self._looks_again = self.now + delay
            self._later(delay, self._look)

    def _look(self) -> None:
        """As every event, it is a reason to try to send."""

    def _arrive(self, permit: Permit, back: float) -> None:
        self._later(back, self._answer, permit, self.server.admit(self.now))

    def _answer(self, permit: Permit, wait: float | None) -> None:
        if wait is None:
            self.window.release(permit, self.now)
            self.run.passed, self.run.seconds = self.run.passed + 1, self.now
            self._later(self.pause(self.chance), self._next)
            return
        retry_after = float(math.ceil(wait)) if self.server.retry_after else None
        self.window.throttled(permit, retry_after, self.now, self.chance.random())
        self.run.refused += 1
        self._waiting += 1

    def _next(self) -> None:
        if self._unsent:
            self._unsent, self._waiting = self._unsent - 1, self._waiting + 1

    def _somebody_else(self) -> None:
        if self.now < self.foreign_until:
            self.run.foreign_asked += 1
            self.run.foreign_passed += self.server.admit(self.now) is None
            self._later(1 / self.foreign, self._somebody_else)
