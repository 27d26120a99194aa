"""An event loop with a clock of its own: while every task waits, it jumps to the next timer."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from tests.loop_styles import styled


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For code that waits by this loop's clock only. `steps` counts the iterations."""

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
            raise RuntimeError("every task waits, and no timer is set")
        if not events and timeout:
            self._loop.now += timeout
        return events


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run the test in a VirtualTimeLoop of its own, and fail it when it leaves a task behind."""

    async def run_test(*args: Any, **kwargs: Any) -> None:
        await styled(test)(*args, **kwargs)
        # Some tasks end one iteration after their result was read.
        await asyncio.sleep(0.001)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run_test(*args, **kwargs))

    return run


def virtual_loop() -> VirtualTimeLoop:
    """Return the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop
