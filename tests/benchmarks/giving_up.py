"""The ways in which a program gives up a coroutine that is under way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio

Work: TypeAlias = Callable[[], Awaitable[Any]]


async def by_cancellations(work: Work, seconds: float, *, times: int = 1) -> bool:
    """Cancel a task so many times, one step of the event loop apart."""
    task = asyncio.ensure_future(_run(work))
    await asyncio.wait([task], timeout=seconds)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


async def by_timeout(work: Work, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await work()
    except TimeoutError:
        return True
    return False


async def by_wait_for(work: Work, seconds: float) -> bool:
    try:
        await asyncio.wait_for(_run(work), seconds)
    except TimeoutError:
        return True
    return False


async def by_scope_of_anyio(work: Work, seconds: float) -> bool:
    with anyio.move_on_after(seconds) as scope:
        await work()
    return scope.cancelled_caught


async def by_group_of_anyio(work: Work, seconds: float) -> bool:
    """Cancel the scope of a task group, as Starlette does when a client hangs up."""
    async with anyio.create_task_group() as group:
        ended = anyio.Event()

        async def run() -> None:
            try:
                await work()
            finally:
                ended.set()

        group.start_soon(run)
        with anyio.move_on_after(seconds):
            await ended.wait()
        group.cancel_scope.cancel()
    return group.cancel_scope.cancelled_caught


async def _run(work: Work) -> None:
    await work()


async def run_and_perhaps_give_up(work: Work, draws: random.Random, *, with_anyio: bool) -> bool:
    """Run it, and give it up in a random way after a random time; return whether that ended it."""
    seconds = draws.choice((0.0, 0.001, 0.01, 0.05, 0.2, 1.0)) * draws.random()
    if draws.random() < 0.4:
        await work()
        return False
    if draws.random() < (0.8 if with_anyio else 0.3):
        return await draws.choice((by_scope_of_anyio, by_group_of_anyio))(work, seconds)
    way = draws.choice((by_timeout, by_wait_for, by_cancellations))
    if way is by_cancellations:
        return await by_cancellations(work, seconds, times=draws.choice((1, 1, 2, 5)))
    return await way(work, seconds)
