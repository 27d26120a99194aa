"""Measures what it costs that tools watch httpx: CPU per `client.calls.get` under each, and under none.

From a clone, in a virtual environment, on a machine that does nothing else:

    pip install -e .[dev] --group services
    python -m tests.benchmarks.watched

The first figure is the price of looking for tools where there is none: two clients of one process take turns,
block by block, and one of them does not look. The others are samples, each in a process of its own; in each
round all tools take their turn. OpenTelemetry samples each request and exports none. Sentry sends nothing.
respx responds itself, in its default mode, and keeps each request; to the others a local server responds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve

from tests.benchmarks import local_server

_ROOT = Path(__file__).parents[2]
_IN_FLIGHT = 20
_WARM_UP_CALLS = 400
_BLOCK_CALLS = 100
_NOBODY, _LOOKING = "nobody", "looking"


def _opentelemetry() -> None:
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    HTTPXClientInstrumentor().instrument(tracer_provider=TracerProvider())


def _sentry() -> None:
    import sentry_sdk
    from sentry_sdk.integrations.httpx import HttpxIntegration

    sentry_sdk.init(
        auto_enabling_integrations=False, integrations=[HttpxIntegration()], traces_sample_rate=1.0
    )


def _respx() -> None:
    import respx

    router = respx.mock(assert_all_called=False)
    router.route().respond(content=local_server.RECORD.read_bytes())
    router.start()


def _nothing() -> None:
    pass


_TOOLS: dict[str, Callable[[], None]] = {
    _NOBODY: _nothing,
    "OpenTelemetry": _opentelemetry,
    "Sentry": _sentry,
    "respx": _respx,
}


def _sample(name: str, port: str, calls: str) -> None:
    if name == _LOOKING:
        result = asyncio.run(_price_of_looking(int(port), int(calls)))
    else:
        _TOOLS[name]()
        result = asyncio.run(_cost_of_a_call(int(port), int(calls)))
    sys.stdout.write(json.dumps(result))


async def _cost_of_a_call(port: int, calls: int) -> float:
    """CPU seconds."""
    async with _client(port) as client:
        await _seconds(client, _WARM_UP_CALLS)
        gc.collect()
        return await _seconds(client, calls) / calls


async def _price_of_looking(port: int, calls: int) -> float:
    """How many times as much CPU a call takes that looks for tools, as one that does not."""
    async with _client(port) as client, _client(port) as blind:
        session = blind._core.lifetime.session
        assert session.sender.pool is not None
        session.sender = evolve(session.sender, send=session.sender.pool.handle_async_request)
        ratios: list[float] = []
        await _seconds(client, _WARM_UP_CALLS)
        await _seconds(blind, _WARM_UP_CALLS)
        gc.collect()
        gc.disable()
        for number in range(10 * calls // _BLOCK_CALLS):
            first, second = (client, blind) if number % 2 else (blind, client)
            seconds = {
                first: await _seconds(first, _BLOCK_CALLS),
                second: await _seconds(second, _BLOCK_CALLS),
            }
            ratios.append(seconds[client] / seconds[blind])
    return statistics.median(ratios)


def _client(port: int) -> Any:
    from plivo_async import AsyncClient, RateLimit

    url, limit = f"http://127.0.0.1:{port}", RateLimit(local_server.UNLIMITED)
    return AsyncClient(local_server.AUTH_ID, "token", base_url=url, rate_limit=limit)


async def _seconds(client: Any, calls: int) -> float:
    """CPU seconds of some calls."""

    async def call() -> None:
        for _ in range(calls // _IN_FLIGHT):
            await client.calls.get(local_server.CALL_UUID)

    began = time.process_time()
    await asyncio.gather(*(call() for _ in range(_IN_FLIGHT)))
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what tools that watch httpx cost.")
    parser.add_argument("--rounds", type=int, default=9, help="samples of each (9)")
    parser.add_argument("--calls", type=int, default=4000, help="in each sample (4000)")
    parser.add_argument("--sample", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sample:
        _sample(*options.sample)
        return
    samples: dict[str, list[float]] = {name: [] for name in _TOOLS}
    with local_server.running() as port:
        looking = _run(_LOOKING, port, options.calls)
        for number in range(options.rounds):
            # In turns from both ends, so that no place in the order is the better one.
            for name in _TOOLS if number % 2 else reversed(_TOOLS):
                samples[name].append(_run(name, port, options.calls))
    _report(looking, samples)


def _run(name: str, port: int, calls: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.watched", "--sample", name, str(port), str(calls)]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def _report(looking: float, samples: dict[str, list[float]]) -> None:
    lines = [
        f"To look for tools where there is none: {looking:.3f} times the CPU per call",
        f"CPU per call, {_IN_FLIGHT} in flight, and its ratio to that of a client that nobody watches:",
    ]
    for name, values in samples.items():
        # Of each round, because the speed of a machine varies between rounds more than within one.
        ratio = statistics.median(value / base for value, base in zip(values, samples[_NOBODY], strict=True))
        lines.append(f"{name:15} {statistics.median(values) * 1e6:6.0f} µs   {ratio:5.2f}")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
