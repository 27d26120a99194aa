"""Requests a second and CPU per call without a rate limit, with many calls in flight.

As a script: contender, calls in flight, port, longest warm-up and measured time in seconds; prints one JSON
object.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import httpx

from tests.benchmarks.local_server import AUTH_ID

_TOKEN = "a-token-of-nobody"
_PATIENCE_SECONDS = 600.0


class Meter:
    """Counts calls; measures from when every caller has had two answers, or the warm-up is over."""

    def __init__(self, in_flight: int, warm_up: float, seconds: float) -> None:
        self._warm = 2 * in_flight
        self._warm_at = time.perf_counter() + warm_up
        self._seconds = seconds
        self._count = 0
        self._began: tuple[float, float, int] | None = None
        self.result: dict[str, float] | None = None

    def completed(self) -> bool:
        """Count a call. True once enough was measured."""
        self._count += 1
        now = time.perf_counter()
        if self._began is None:
            if self._count >= self._warm or now >= self._warm_at:
                gc.collect()
                self._began = time.perf_counter(), time.process_time(), self._count
            return False
        began, cpu, count = self._began
        if self.result is None and now - began >= self._seconds:
            calls = self._count - count
            self.result = {
                "calls_per_second": calls / (now - began),
                "cpu_seconds_per_call": (time.process_time() - cpu) / calls,
                "warm": float(count >= self._warm),
            }
        return self.result is not None


async def _ours(port: int, in_flight: int, meter: Meter) -> None:
    from plivo_async import AsyncClient, Fetched

    client = AsyncClient(
        AUTH_ID,
        _TOKEN,
        base_url=f"http://127.0.0.1:{port}",
        rate_limit=None,
        max_connections=in_flight,
    )
    async with client, client.calls.get_many(_ids(), concurrency=in_flight) as batch:
        async for outcome in batch:
            assert isinstance(outcome, Fetched), outcome
            if meter.completed():
                break


async def _httpx(port: int, in_flight: int, meter: Meter) -> None:
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    client = httpx.AsyncClient(auth=(AUTH_ID, _TOKEN), limits=limits, timeout=_PATIENCE_SECONDS)
    over = asyncio.Event()
    ids = _ids()

    async def work() -> None:
        while not over.is_set():
            call_uuid = next(ids)
            response = await client.get(f"http://127.0.0.1:{port}/v1/Account/{AUTH_ID}/Call/{call_uuid}/")
            assert response.json()["call_uuid"] == call_uuid
            if meter.completed():
                over.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())
        await over.wait()
        # Ending a thousand calls takes it minutes, and proves nothing here.
        _report(meter)


def _ids() -> Iterator[str]:
    return (f"00000000-0000-4000-8000-{number:012x}" for number in itertools.count())


def _report(meter: Meter) -> None:
    sys.stdout.write(json.dumps(meter.result))
    sys.stdout.flush()
    os._exit(0)


CONTENDERS: dict[str, Callable[[int, int, Meter], Awaitable[None]]] = {"plivo_async": _ours, "httpx": _httpx}


async def main(name: str, in_flight: str, port: str, warm_up: str, seconds: str) -> None:
    meter = Meter(int(in_flight), float(warm_up), float(seconds))
    await CONTENDERS[name](int(port), int(in_flight), meter)
    _report(meter)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
