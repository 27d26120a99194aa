"""A soak: what is left behind by random operations, given up at random, against a server that makes faults.

    python -m tests.benchmarks.soak --style eager --seconds 300

Some tasks fetch single records, batches and lists over real sockets, wait for late records, and close
clients in flight. They give most of that up: by cancellation, once and more often, by time-outs, by scopes
and task groups of anyio, and by leaving a batch or a list. The server fails 16 % of the requests, and is not
there now and then.

Every few seconds all pause. Then no slot, permit, task, source or socket may be in use, and memory may not
grow. `--seed` repeats the draws of a run; the times differ.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import json
import logging
import os
import random
import stat
import sys
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio

from plivo_async import AsyncClient, RateLimit, SlidingWindowLimiter
from tests.benchmarks import faulty_server
from tests.benchmarks.soak_operations import Operations

_STYLES = ("plain", "uvloop", "eager", "anyio")
_CONNECTIONS = 10
_LIMIT = RateLimit(200, per=1.0)
# Until caches are filled and the first generations are collected.
_ROUNDS_TO_WARM_UP = 2
_MOST_OBJECTS_MORE = 0.02
_MOST_MEGABYTES_MORE = 8.0
# An operation takes less, even if nothing answers.
_LONGEST_END_SECONDS = 60.0


class Alarms(logging.Handler):
    """Collects what the interpreter, the event loop and the loggers report as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    def install(self) -> None:
        logging.getLogger().addHandler(self)
        sys.unraisablehook = lambda args: self.texts.append(f"unraisable: {args.exc_value!r} {args.object!r}")
        warnings.simplefilter("error")


async def _soak(port: int, options: argparse.Namespace, alarms: Alarms) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    if options.style == "eager" and sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    limiter = SlidingWindowLimiter(_LIMIT)
    operations = Operations(
        base_url=f"http://127.0.0.1:{port}",
        limiter=limiter,
        draws=random.Random(options.seed),
        with_anyio=options.style == "anyio",
    )
    sockets, before = _sockets(), len(asyncio.all_tasks())
    client = operations.new_client(max_connections=_CONNECTIONS)
    began, rounds = loop.time(), list[dict[str, float]]()
    while loop.time() - began < options.seconds:
        ends = min(began + options.seconds, loop.time() + options.every)
        async with asyncio.timeout(options.every + _LONGEST_END_SECONDS):
            # Before the time is over: nothing is left of the stacks afterwards.
            watchdog = loop.call_later(options.every + _LONGEST_END_SECONDS - 1.0, _print_stacks)
            await _together(options.style, options.tasks, functools.partial(operations.run, client, ends))
            watchdog.cancel()
        rounds.append(await _at_rest(client, limiter, sockets, before))
        sys.stderr.write(f"{loop.time() - began:5.0f} s: {_listed(rounds[-1])}\n")
    # Given up or not, calls that follow are served, on every slot.
    await asyncio.gather(*(operations.run(client, loop.time() + 1.0) for _ in range(_CONNECTIONS * 2)))
    await client.aclose()
    left = {
        name: max(int(measured[name]) for measured in rounds)
        for name in ("slots", "waiters", "permits", "tasks", "sockets")
    }
    left["sockets"] = max(left["sockets"], _sockets() - sockets)
    left["tasks"] = max(left["tasks"], len(asyncio.all_tasks()) - before)
    first, last = rounds[min(_ROUNDS_TO_WARM_UP, len(rounds) - 1)], rounds[-1]
    return {
        "outcomes": dict(operations.outcomes.most_common()),
        "left": left,
        "faults": dict(operations.faults) | {"errors logged": len(alarms.texts)},
        "objects": [int(first["objects"]), int(last["objects"])],
        "megabytes": [first["megabytes"], last["megabytes"]],
        "alarms": alarms.texts[:5],
    }


def _print_stacks() -> None:
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


async def _together(style: str, count: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    if style == "anyio":
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(work)
        return
    await asyncio.gather(*(work() for _ in range(count)))


async def _at_rest(
    client: AsyncClient, limiter: SlidingWindowLimiter, sockets: int, tasks: int
) -> dict[str, float]:
    """Count what is in use after the operations have ended."""
    # The event loop closes a socket some steps after its transport.
    for _ in range(20):
        await asyncio.sleep(0)
    for _ in range(3):
        gc.collect()
    pool = client._core.sender.pool
    assert pool is not None
    return {
        "slots": pool.busy + _CONNECTIONS - pool._slots.free,
        "waiters": len(pool._slots._lanes) + len(limiter._turns._lanes) + 1 - limiter._turns.free,
        "permits": limiter.in_flight,
        "tasks": len(asyncio.all_tasks()) - tasks,
        "sockets": _sockets() - sockets - pool.idle,
        "objects": len(gc.get_objects()),
        "megabytes": _megabytes(),
    }


def _sockets() -> int:
    count = 0
    for entry in Path("/dev/fd").iterdir():
        try:
            count += stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode)
        except OSError:
            # The descriptor of the directory itself, closed by now.
            continue
    return count


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def failures(figures: dict[str, Any]) -> list[str]:
    """Return what a soak has left behind, or done wrong."""
    found = [f"{count} {name}" for name, count in (figures["left"] | figures["faults"]).items() if count]
    for name, more in (
        ("objects", _MOST_OBJECTS_MORE * figures["objects"][0]),
        ("megabytes", _MOST_MEGABYTES_MORE),
    ):
        first, last = figures[name]
        if last - first > more:
            found.append(f"{name} grew from {first} to {last}")
    return found


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{value} {name}" for name, value in values.items())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What random operations leave behind.")
    parser.add_argument("--style", choices=_STYLES, default="plain")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two pauses (30)")
    parser.add_argument("--tasks", type=int, default=40, help="how many run operations (40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def main() -> None:
    options = _options()
    if options.style == "eager" and sys.version_info < (3, 12):
        sys.exit("Python 3.11 has no eager tasks")
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if options.style == "uvloop":
        import uvloop

        loop_factory = uvloop.new_event_loop
    sys.stderr.write(f"Python {sys.version.split()[0]}, {options.style}, seed {options.seed}\n")
    alarms = Alarms()
    with faulty_server.running(options.seed) as port, asyncio.Runner(loop_factory=loop_factory) as runner:
        alarms.install()
        figures = runner.run(_soak(port, options, alarms))
    found = failures(figures)
    if options.json:
        sys.stdout.write(json.dumps(figures))
    else:
        for name, values in figures.items():
            sys.stdout.write(f"{name}: {_listed(values) if isinstance(values, dict) else values}\n")
        sys.stdout.write(f"left behind: {', '.join(found) or 'nothing'}\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
