"""An event loop in which time passes only while everybody waits, and then at once: exact, and soon over."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For code that waits by this loop's clock only; `steps` counts how often it went round."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.steps = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.steps += 1
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        if not events and timeout:
            self._loop.now += timeout
        return events


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test runs in a VirtualTimeLoop of its own, and leaves no task there."""

    async def run_test(*args: Any, **kwargs: Any) -> None:
        await test(*args, **kwargs)
        # The last ones end a step after what they were for.
        await asyncio.sleep(0.001)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run_test(*args, **kwargs))

    return run


def virtual_loop() -> VirtualTimeLoop:
    """The one that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop
