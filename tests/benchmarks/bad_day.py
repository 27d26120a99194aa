"""A bad day through `get_many`, in virtual time: what is lost, and how much of what the service left is used.

3 % of responses are 5xx, a 429 with Retry-After of 5 to 120 s comes every now and then, an outage refuses
connections for 30 s, and every 10 s all connections are reset. Then an outage of 10 minutes alone.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from typing import Any

import httpx
from attrs import define, field

from plivo_async import CallNext, Failed, RateLimit, RetryPolicy
from plivo_async.testing import FakePlivo, FakeRateLimit
from tests.virtual_time import VirtualTimeLoop

CALLS = 5000
IN_FLIGHT = (8, 32, 100, 300)
LATENCY_SECONDS = 0.1
LIMIT = RateLimit()
SHARE_OF_5XX = 0.03
SECONDS_BETWEEN_429S = 45.0
RETRY_AFTER_SECONDS = (5, 120)
SECONDS_BETWEEN_RESETS = 10.0


@define
class BadDay:
    """Attempt middleware that behaves like a service on a bad day."""

    outage: tuple[float, float]
    calm: bool = False
    began: float = field(factory=lambda: asyncio.get_running_loop().time())
    draws: random.Random = field(factory=lambda: random.Random(1))
    blocked_until: float = 0.0
    closed: list[tuple[float, float]] = field(factory=list[tuple[float, float]])
    next_429: float = 50.0
    in_outage: int = 0
    requests: int = 0

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        loop = asyncio.get_running_loop()
        now = loop.time() - self.began
        self.requests += 1
        if self.outage[0] <= now < self.outage[1]:
            self.in_outage += 1
            raise httpx.ConnectError("refused", request=request)
        if self.calm:
            return await call_next(request)
        if now < self.blocked_until or now >= self.next_429:
            if now >= self.blocked_until:
                seconds = self.draws.randint(*RETRY_AFTER_SECONDS)
                self.blocked_until = now + seconds
                self.closed.append((now, self.blocked_until))
                self.next_429 = self.blocked_until + SECONDS_BETWEEN_429S
            left = self.blocked_until - now
            return httpx.Response(429, headers={"Retry-After": f"{left:.0f}"}, request=request)
        if self.draws.random() < SHARE_OF_5XX:
            return httpx.Response(self.draws.choice((500, 502, 503)), request=request)
        response = await call_next(request)
        if now // SECONDS_BETWEEN_RESETS != (loop.time() - self.began) // SECONDS_BETWEEN_RESETS:
            raise httpx.ReadError("reset", request=request)
        return response


def closed_seconds(spans: list[tuple[float, float]], end: float) -> float:
    """The time before `end` that lies within any of the spans."""
    total = reached = 0.0
    for begins, ends in sorted(spans):
        total += max(0.0, min(ends, end) - max(begins, reached))
        reached = max(reached, ends)
    return total


async def run(in_flight: int, outage: tuple[float, float], *, calm: bool = False) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    fake = FakePlivo(
        rate_limit=FakeRateLimit(), latency=LATENCY_SECONDS, clock=loop.time, sleep=asyncio.sleep
    )
    ids = fake.generate(CALLS)
    day, cpu, began = BadDay(outage, calm), time.process_time(), loop.time()
    client = fake.client(rate_limit=LIMIT, retry=RetryPolicy(), attempt_middleware=[day])
    outcomes = await client.calls.get_many(ids, concurrency=in_flight)
    seconds = loop.time() - began
    came = Counter(outcome.call_uuid for outcome in outcomes)
    closed = closed_seconds([*day.closed, outage], seconds)
    # A burst at first, then the rate that a client has which never exceeds the limit.
    possible = LIMIT.requests + (seconds - closed) * LIMIT.requests / (LIMIT.per + LATENCY_SECONDS)
    return {
        "in flight": in_flight,
        "lost": len(set(ids) - came.keys()),
        "doubled": sum(count - 1 for count in came.values()),
        "failed": sum(isinstance(outcome, Failed) for outcome in outcomes),
        "requests": day.requests,
        "in the outage": day.in_outage,
        "seconds": round(seconds),
        "closed": round(closed),
        "goodput": f"{CALLS / possible:.0%}",
        "CPU seconds": round(time.process_time() - cpu, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="*", default=IN_FLIGHT)
    arguments = parser.parse_args()
    for name, outage, calm in [
        ("bad day", (12.0, 42.0), False),
        ("10 minutes of refused connections", (20.0, 620.0), True),
    ]:
        sys.stdout.write(f"{name}\n")
        for in_flight in arguments.in_flight:
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                figures = runner.run(run(in_flight, outage, calm=calm))
            facts = ", ".join(f"{name} {value}" for name, value in figures.items())
            sys.stdout.write(f"  {facts}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
