"""What Ctrl-C and SIGTERM do to an export: it finishes what is under way, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from signal import SIG_IGN, SIGINT, SIGTERM, Signals, getsignal, signal

from attrs import define, field

from plivo_async.cli.output import report

GRACE_SECONDS = 3.0


@define
class Stop:
    """Which signal asked to stop, if any."""

    _end: Callable[[], None]
    _grace: float | None
    _task: asyncio.Task[object]
    signal: Signals | None = None
    _is_over: bool = field(default=False, init=False)
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)

    def request(self, asked_by: Signals) -> None:
        """The first time ends the input and cancels after a time of grace, the second time at once."""
        if self.signal is not None:
            self._cancel()
            return
        self.signal = asked_by
        self._end()
        if self._grace is None:
            return
        self._timer = asyncio.get_running_loop().call_later(self._grace, self._cancel)
        report(f"{asked_by.name}: finishing what is under way; once more ends it at once")

    def finish(self) -> None:
        """Cancel no more: nothing is left that takes time."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def _cancel(self) -> None:
        # Once: whoever presses Ctrl-C a third time must not end the ending.
        if not self._is_over:
            self._is_over = True
            self._task.cancel()

    def was_ours(self) -> bool:
        """Whether a cancellation is ours; the task may go on then."""
        if self.signal is None:
            return False
        self._task.uncancel()
        return True


@contextmanager
def stopping(end: Callable[[], None], *, grace: float | None = GRACE_SECONDS) -> Generator[Stop, None, None]:
    """Within this block signals stop the current task; `end` ends its input.

    grace: seconds that it has to end by itself; None: as many as it takes.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checkers
    stop = Stop(end, grace, task)
    signals = (SIGINT, SIGTERM)
    # asyncio.run has a handler for SIGINT of its own, which is not put back by itself.
    before = {number: getsignal(number) for number in signals}
    for number in signals:
        loop.add_signal_handler(number, stop.request, number)
    try:
        yield stop
    finally:
        stop.finish()
        for number in signals:
            loop.remove_signal_handler(number)
            # After one of them the process is about to end: no further one is to disturb what it still says.
            signal(number, before[number] if stop.signal is None else SIG_IGN)


async def wait_for_signal(when_ready: Callable[[], object]) -> None:
    """Wait for Ctrl-C or SIGTERM; `when_ready` is called once they are waited for."""
    ended = asyncio.Event()
    with stopping(ended.set, grace=None):
        when_ready()
        await ended.wait()
