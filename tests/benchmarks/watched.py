"""Measures what it costs that tools watch httpx: CPU per `client.calls.get` under each, and under none.

From a clone, in a virtual environment, on a machine that does nothing else:

    pip install -e .[dev] --group services
    python -m tests.benchmarks.watched [--against PATH]

Each sample is a process of its own; in each round all take their turn. `--against PATH` adds the package of
another checkout, for example of an earlier commit, watched by nobody. OpenTelemetry samples each request and
exports none. Sentry sends nothing. respx responds itself, in its default mode, and keeps each request; to the
others a local server responds.
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

from tests.benchmarks import local_server

_ROOT = Path(__file__).parents[2]
_IN_FLIGHT = 20
_WARM_UP_CALLS = 400
_NOBODY, _AGAINST = "nobody", "nobody, other checkout"


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


def _sample(name: str, port: str, calls: str, *checkout: str) -> None:
    sys.path[:0] = checkout
    _TOOLS[name]()
    sys.stdout.write(json.dumps(asyncio.run(_measure(int(port), int(calls)))))


async def _measure(port: int, calls: int) -> float:
    """CPU seconds per call."""
    from plivo_async import AsyncClient, RateLimit

    url, limit = f"http://127.0.0.1:{port}", RateLimit(local_server.UNLIMITED)
    async with AsyncClient(local_server.AUTH_ID, "token", base_url=url, rate_limit=limit) as client:

        async def call(number: int) -> None:
            for _ in range(number // _IN_FLIGHT):
                await client.calls.get(local_server.CALL_UUID)

        await asyncio.gather(*(call(_WARM_UP_CALLS) for _ in range(_IN_FLIGHT)))
        gc.collect()
        began = time.process_time()
        await asyncio.gather(*(call(calls) for _ in range(_IN_FLIGHT)))
        return (time.process_time() - began) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what tools that watch httpx cost.")
    parser.add_argument("--rounds", type=int, default=9, help="samples of each (9)")
    parser.add_argument("--calls", type=int, default=4000, help="in each sample, by 20 (4000)")
    parser.add_argument("--against", type=Path, metavar="PATH", help="a checkout to compare with")
    parser.add_argument("--only", nargs="+", choices=_TOOLS, default=list(_TOOLS), help="these alone")
    parser.add_argument("--sample", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sample:
        _sample(*options.sample)
        return
    names = [name for name in _TOOLS if name == _NOBODY or name in options.only]
    if options.against:
        names.insert(1, _AGAINST)
    samples: dict[str, list[float]] = {name: [] for name in names}
    with local_server.running() as port:
        for number in range(options.rounds):
            # In turns from both ends, so that no place in the order is the better one.
            for name in names if number % 2 else reversed(names):
                arguments = [_NOBODY if name == _AGAINST else name, str(port), str(options.calls)]
                if name == _AGAINST:
                    arguments.append(str(options.against.resolve(strict=True)))
                samples[name].append(_run(arguments))
    _report(samples)


def _run(arguments: list[str]) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.watched", "--sample", *arguments]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    per_call: Any = json.loads(done.stdout)
    return float(per_call)


def _report(samples: dict[str, list[float]]) -> None:
    lines = [f"CPU per call, {_IN_FLIGHT} in flight, and its ratio to that of a client nobody watches"]
    for name, values in samples.items():
        # Of each round, because the speed of a machine varies between rounds more than within one.
        ratio = statistics.median(value / base for value, base in zip(values, samples[_NOBODY], strict=True))
        lines.append(f"{name:24} {statistics.median(values) * 1e6:6.0f} µs   {ratio:5.2f}")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
