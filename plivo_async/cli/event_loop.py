"""The event loop of a command, which never waits for a look-up of a host name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# As many as asyncio uses on a large machine. A resolver that does not respond may hold all of them.
_MAX_THREADS = 32


class DaemonExecutor(ThreadPoolExecutor):
    """Runs functions in daemon threads: neither the event loop nor Python waits for them at its end.

    A name server that does not respond holds a look-up for many seconds, and nothing can cancel it.
    """

    def __init__(self) -> None:
        super().__init__(_MAX_THREADS)
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread_count = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in a thread and return its future."""
        future: Future[T] = Future()
        self._jobs.put(partial(_fulfil, future, partial(fn, *args, **kwargs)))
        if self._thread_count < _MAX_THREADS:
            self._thread_count += 1
            Thread(target=self._work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - inherited
        """Let the threads end when they are idle; wait for none, whatever the arguments are."""
        for _ in range(self._thread_count):
            self._jobs.put(None)

    def _work(self) -> None:
        while job := self._jobs.get():
            job()


def _fulfil(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - the future raises it where it is awaited
        future.set_exception(error)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as `asyncio.run` does, but do not wait for look-ups at its end."""
    try:
        with asyncio.Runner() as runner:
            runner.get_loop().set_default_executor(DaemonExecutor())
            return runner.run(main)
    finally:
        # Else Python warns of a coroutine that never ran, if there are too many open files for an event loop.
        main.close()
