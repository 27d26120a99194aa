"""One of the processes that share the rate limit of an account.

As a script: its job as JSON. It prints "ready", waits for a line, and prints each call UUID that it fetched.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx

from plivo_async import AsyncClient, Fetched, RateLimit, RateLimiter
from tests.benchmarks.local_server import AUTH_ID

Job = dict[str, Any]


class PyrateLimiter:
    """pyrate-limiter's GCRA on Redis as a RateLimiter: 95 % of the limit, and bursts of 10."""

    def __init__(self, job: Job) -> None:
        from pyrate_limiter import GCRA, Limiter, Rate, RedisStateStore, StateBucket
        from redis.asyncio import Redis

        self._redis: Any = Redis.from_url(job["redis"])
        rate = Rate(round(job["requests"] * 0.95), round(job["per"] * 1000), burst=10)
        self._limiter = Limiter(StateBucket([rate], GCRA(), RedisStateStore(self._redis, "plivo")))

    async def acquire(self, request: httpx.Request) -> None:
        await self._limiter.try_acquire_async("plivo")

    def release(self, permit: None) -> None: ...

    def throttled(self, permit: None, retry_after: float | None) -> None: ...

    async def aclose(self) -> None:
        await self._redis.aclose()


def limiter_of(job: Job) -> RateLimit | RateLimiter:
    limit = RateLimit(job["requests"], job["per"])
    kind = job["limiter"]
    if kind == "redis":
        from plivo_async.redis import RedisLimiter

        return RedisLimiter(job["redis"], AUTH_ID, limit=limit, lost_after=job.get("lost_after"))
    if kind == "pyrate":
        return PyrateLimiter(job)
    if kind == "divided":
        return RateLimit(max(1, job["requests"] // job["processes"]), job["per"])
    return limit


async def main(job: Job) -> None:
    limiter = limiter_of(job)
    async with AsyncClient(AUTH_ID, "x", base_url=job["url"], rate_limit=limiter, trust_env=False) as client:
        _print("ready")
        await asyncio.to_thread(sys.stdin.readline)
        async with client.calls.get_many(job["ids"]) as batch:
            async for outcome in batch:
                if isinstance(outcome, Fetched):
                    _print(str(outcome.call_uuid))


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
