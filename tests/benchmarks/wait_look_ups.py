"""Measures what look-ups of live calls would cost `client.calls.wait`, on the fake and its clock.

    python -m tests.benchmarks.wait_look_ups

A call still runs for 1 to 10 minutes, or has ended, or never was; its record is written 2 to 60 s after the
end. `polls` is what `wait` does. `look-ups` looks the call up after the first 404, and again at each gap
while it is live; after that it asks for the record at once, and then at short gaps again.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define

from plivo_async import AsyncClient, NotFoundError
from plivo_async.resources.wait import poll_gap
from plivo_async.testing import FakePlivo

_CALLS = 200
# Whether the call runs at first, whether there will be a record, and the seconds of the wait.
_SCENES = {
    "still runs": (True, True, 900.0),
    "has ended": (False, True, 300.0),
    "never was": (False, False, 300.0),
}


@define
class _Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@define
class _Scene:
    client: AsyncClient
    clock: _Clock
    chance: random.Random
    deadline: float

    def sleep(self, polls: int) -> bool:
        """Sleep for the gap after some polls; return whether the wait goes on."""
        gap = poll_gap(polls, self.deadline - self.clock.now, self.chance.random())
        self.clock.now += gap or 0.0
        return gap is not None


async def _found(request: Awaitable[Any]) -> bool:
    try:
        await request
    except NotFoundError:
        return False
    return True


async def _polls(scene: _Scene, polls: int = 0) -> bool:
    while not await _found(scene.client.calls.get("c1")):
        polls += 1
        if not scene.sleep(polls):
            return False
    return True


async def _look_ups(scene: _Scene) -> bool:
    calls = scene.client.calls
    if await _found(calls.get("c1")):
        return True
    polls = 1
    while await _found(calls.get_live("c1")):
        if not scene.sleep(polls):
            return False
        polls += 1
    if polls > 1:
        return await _polls(scene)
    # It had ended before.
    return scene.sleep(polls) and await _polls(scene, polls)


async def _measure(wait: Callable[[_Scene], Awaitable[bool]], name: str) -> tuple[float, float]:
    """Return how many requests a wait takes, and after how many seconds it finds the record."""
    runs, is_written, deadline = _SCENES[name]
    chance = random.Random(1)
    requests: list[int] = []
    delays: list[float] = []
    for _ in range(_CALLS):
        clock = _Clock()
        fake = FakePlivo((), rate_limit=None, clock=clock)
        running, late = chance.uniform(60, 600) if runs else 0.0, chance.uniform(2, 60)
        fake.live_calls.add("c1", seconds=running)
        if is_written:
            fake.add({"call_uuid": "c1"})
            fake.publish_later("c1", after_seconds=running + late)
        if await wait(_Scene(fake.client(), clock, chance, deadline)):
            delays.append(clock.now - running - late)
        requests.append(sum(fake.statistics.requests.values()))
    return statistics.mean(requests), statistics.mean(delays or [0.0])


async def _main() -> None:
    sys.stdout.write("| a call that | way | requests | seconds after the record |\n|---|---|---|---|\n")
    for name in _SCENES:
        for way, wait in (("polls", _polls), ("look-ups", _look_ups)):
            requests, delay = await _measure(wait, name)
            sys.stdout.write(f"| {name} | {way} | {requests:.1f} | {delay:.1f} |\n")


if __name__ == "__main__":
    asyncio.run(_main())
