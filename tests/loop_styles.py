"""`pytest --loop-style=eager|anyio`: asynchronous tests under other ways to run tasks, as users have them."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias

import anyio

Style: TypeAlias = Literal["plain", "eager", "anyio"]
Test: TypeAlias = Callable[..., Coroutine[Any, Any, None]]

# Set once, before the tests are collected.
chosen: list[Style] = ["plain"]


def styled(test: Test) -> Test:
    """Return a test that runs as `--loop-style` says."""

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        if chosen[-1] == "eager" and sys.version_info >= (3, 12):
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        if chosen[-1] == "anyio":
            async with anyio.create_task_group():
                await test(*args, **kwargs)
            return
        await test(*args, **kwargs)

    return run
