"""A Redis server in memory that runs the script, by the clock of a virtual event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import fakeredis
import httpx
import pytest

from plivo_async import RateLimit
from plivo_async.context import CallLimits, CallState
from plivo_async.redis import RedisLimiter

ACCOUNT = "MA2025RK4E639VJFZAGV"
_EPOCH = 1_800_000_000.0


class FakeRedis:
    """The client of a server; what it does wrong can be set.

    Attributes:
        jump: Seconds that the clock of the server is ahead of the true time.
        fault: Raised by each call; None for none.
        hangs: Whether it accepts calls and never answers.
        round_trip: Seconds that a call takes there, and back.
        calls: How many there were.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = fakeredis.FakeServer()
        self.redis = fakeredis.FakeAsyncRedis(server=self._server)
        self.jump = 0.0
        self.fault: Exception | None = None
        self.hangs = False
        self.round_trip = 0.0
        self.calls = 0
        monkeypatch.setattr(time, "time", self._time)

    def _time(self) -> float:
        return _EPOCH + asyncio.get_running_loop().time() + self.jump

    async def evalsha(self, *arguments: Any) -> Any:
        return await self._run(self.redis.evalsha, arguments)

    async def eval(self, *arguments: Any) -> Any:
        return await self._run(self.redis.eval, arguments)

    async def _run(self, command: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self.calls += 1
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.fault is not None:
            raise self.fault
        await asyncio.sleep(self.round_trip / 2)
        reply = await command(*arguments)
        await asyncio.sleep(self.round_trip / 2)
        return reply

    def limiter(self, requests: int = 10, per: float = 1.0, **options: Any) -> RedisLimiter:
        """A limiter of one process."""
        return RedisLimiter(self, ACCOUNT, limit=RateLimit(requests, per), **options)

    @property
    def permits_key(self) -> str:
        return f"plivo_async:{{{ACCOUNT}}}:permits"

    async def permits(self) -> int:
        """How many permits the server has."""
        count: int = await self.redis.zcard(self.permits_key)
        return count


def request(deadline: float | None = None) -> httpx.Request:
    """A request of a call that has to be over in so many seconds."""
    made = httpx.Request("GET", "https://api.plivo.com/")
    ends = None if deadline is None else asyncio.get_running_loop().time() + deadline
    CallState(CallLimits(deadline=ends)).attach(made)
    return made


@pytest.fixture
def fake_redis(monkeypatch: pytest.MonkeyPatch) -> FakeRedis:
    return FakeRedis(monkeypatch)
