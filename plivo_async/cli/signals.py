"""SIGINT (Ctrl-C), SIGTERM and SIGHUP: finish the work in progress, then stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from signal import SIG_IGN, SIGINT, Signals, default_int_handler, getsignal, signal
from types import FrameType

from attrs import define, field

from plivo_async.cli.output import report

GRACE_SECONDS = 3.0
# Windows has no SIGHUP.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def ending_signals() -> list[Signals]:
    """Return the signals that end a command. One that is ignored, as by `nohup`, stays ignored."""
    known = [Signals[name] for name in _NAMES if name in Signals.__members__]
    return [number for number in known if getsignal(number) is not SIG_IGN]


@contextmanager
def interrupt_on_signals() -> Generator[list[Signals], None, None]:
    """Let SIGTERM and SIGHUP do what SIGINT does within this block; yield those that arrived."""
    arrived: list[Signals] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        arrived.append(Signals(number))
        handler = getsignal(SIGINT)
        # asyncio.run has a handler of its own, which cancels the task.
        (handler if callable(handler) else default_int_handler)(SIGINT, frame)

    before = {number: signal(number, interrupt) for number in ending_signals() if number is not SIGINT}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            # After a signal, the process is about to end.
            if getsignal(number) is interrupt:
                signal(number, handler)


@define
class Stop:
    """A request to stop the current task.

    Attributes:
        signal: The first signal that arrived; None before one did.
    """

    _end_input: Callable[[], None]
    _grace: float | None
    _task: asyncio.Task[object]
    signal: Signals | None = None
    _is_finished: bool = field(default=False, init=False)
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)

    def request(self, asked_by: Signals) -> None:
        """Handle a signal.

        The first one ends the input and cancels the task after the grace period; the second one cancels now.
        """
        if self.signal is not None:
            self._cancel()
            return
        self.signal = asked_by
        self._end_input()
        if self._grace is None:
            return
        self._timer = asyncio.get_running_loop().call_later(self._grace, self._cancel)
        report(f"{asked_by.name}: finishing the calls in progress; repeat it to stop immediately")

    def finish(self) -> None:
        """Stop cancelling: the slow part of the task is over."""
        self._is_finished = True
        if self._timer is not None:
            self._timer.cancel()

    def _cancel(self) -> None:
        # Only once: a third Ctrl-C must not interrupt the clean-up.
        if not self._is_finished:
            self._is_finished = True
            self._task.cancel()

    def was_ours(self) -> bool:
        """Whether a signal caused the cancellation; if so, the task may continue."""
        if self.signal is None:
            return False
        self._task.uncancel()
        return True


@contextmanager
def stop_on_signals(
    end_input: Callable[[], None], *, grace: float | None = GRACE_SECONDS
) -> Generator[Stop, None, None]:
    """Stop the current task on SIGINT, SIGTERM or SIGHUP within this block.

    Args:
        end_input: Called on the first signal; it ends the input of the task.
        grace: Seconds between the first signal and the cancellation; None for no cancellation.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checkers
    stop = Stop(end_input, grace, task)
    signals = ending_signals()
    # remove_signal_handler does not restore the SIGINT handler of asyncio.run.
    before = {number: getsignal(number) for number in signals}
    for number in signals:
        loop.add_signal_handler(number, stop.request, number)
    try:
        yield stop
    finally:
        stop.finish()
        for number in signals:
            loop.remove_signal_handler(number)
            # After a signal the process is about to end; a further one must not interrupt its last messages.
            signal(number, before[number] if stop.signal is None else SIG_IGN)


async def wait_for_signal(when_ready: Callable[[], object]) -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP; call `when_ready` once the handlers are installed."""
    ended = asyncio.Event()
    with stop_on_signals(ended.set, grace=None):
        when_ready()
        await ended.wait()
