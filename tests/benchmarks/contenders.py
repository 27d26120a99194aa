"""The clients compared, each measured in a process of its own: CPU seconds per call.

As a module to run: contender, calls in flight, port, warm-up seconds, measured seconds, and optionally the
checkout to import plivo_async from; prints one JSON object.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from tests.benchmarks.local_server import AUTH_ID, CALL_UUID, UNLIMITED

_TOKEN = "a-token-of-nobody"
_AUTHORIZATION = {"Authorization": "Basic " + b64encode(f"{AUTH_ID}:{_TOKEN}".encode()).decode()}
# Far above what an answer takes: plain httpx waits long for its own pool when many calls are in flight.
_PATIENCE_SECONDS = 120.0
# As long as that of plivo_async.
_DEADLINE_SECONDS = 60.0

Call = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def _ours(port: int, in_flight: int) -> AsyncIterator[Call]:
    from plivo_async import AsyncClient, RateLimit

    client = AsyncClient(
        AUTH_ID,
        _TOKEN,
        base_url=f"http://127.0.0.1:{port}",
        max_connections=max(100, in_flight),
        rate_limit=RateLimit(UNLIMITED),
    )
    async with client:
        yield lambda: client.calls.get(CALL_UUID)


@asynccontextmanager
async def _httpx(port: int, in_flight: int) -> AsyncIterator[Call]:
    import httpx

    limits = httpx.Limits(max_connections=max(100, in_flight), max_keepalive_connections=max(20, in_flight))
    client = httpx.AsyncClient(auth=(AUTH_ID, _TOKEN), limits=limits, timeout=_PATIENCE_SECONDS)
    async with client:
        yield lambda: _get_json(client, port)


@asynccontextmanager
async def _httpx_aiohttp(port: int, in_flight: int) -> AsyncIterator[Call]:
    import httpx
    from httpx_aiohttp import HttpxAiohttpClient

    limits = httpx.Limits(max_connections=max(100, in_flight), max_keepalive_connections=max(20, in_flight))
    client = HttpxAiohttpClient(auth=(AUTH_ID, _TOKEN), limits=limits, timeout=_PATIENCE_SECONDS)
    async with client:
        yield lambda: _get_json(client, port)


async def _get_json(client: Any, port: int) -> Any:
    response = await client.get(_url(port))
    return response.json()


@asynccontextmanager
async def _aiohttp(port: int, in_flight: int) -> AsyncIterator[Call]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=max(100, in_flight))
    url = _url(port)

    async def call() -> Any:
        async with session.get(url) as response:
            return await response.json()

    async with aiohttp.ClientSession(connector=connector, headers=_AUTHORIZATION) as session:
        yield call


@asynccontextmanager
async def _aiohttp_by_hand(port: int, in_flight: int) -> AsyncIterator[Call]:
    import aiohttp

    from plivo_async.record.converter import decode_record, make_converter

    connector = aiohttp.TCPConnector(limit=max(100, in_flight))
    # The bounds that plivo_async has by default.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=10.0)
    converter = make_converter()
    url = _url(port)

    async def call() -> Any:
        async with asyncio.timeout(_DEADLINE_SECONDS), session.get(url) as response:
            response.raise_for_status()
            return decode_record(await response.read(), converter)

    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=_AUTHORIZATION) as session:
        yield call


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1/Account/{AUTH_ID}/Call/{CALL_UUID}/"


ASYNC_CONTENDERS: dict[str, Callable[[int, int], AbstractAsyncContextManager[Call]]] = {
    "plivo_async": _ours,
    "aiohttp": _aiohttp,
    "aiohttp by hand": _aiohttp_by_hand,
    "httpx": _httpx,
    "httpx-aiohttp": _httpx_aiohttp,
}


async def measure_async(name: str, port: int, in_flight: int, warm_up: float, seconds: float) -> float:
    """CPU seconds per call of `in_flight` tasks that call without a pause."""
    counts = [0] * in_flight
    ending = False

    async def call_on(index: int, call: Call) -> None:
        while not ending:
            await call()
            counts[index] += 1

    async with ASYNC_CONTENDERS[name](port, in_flight) as call, asyncio.TaskGroup() as group:
        for index in range(in_flight):
            group.create_task(call_on(index, call))
        # Until every connection is open and every path through the code was taken.
        started = time.perf_counter()
        while not all(counts) or time.perf_counter() - started < warm_up:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        gc.collect()
        before = time.process_time(), sum(counts)
        started = time.perf_counter()
        while time.perf_counter() - started < seconds or sum(counts) == before[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        after = time.process_time(), sum(counts)
        ending = True
    return (after[0] - before[0]) / (after[1] - before[1])


def measure_sdk(port: int, in_flight: int, warm_up: float, seconds: float) -> float:
    """CPU seconds per call of the official SDK in `in_flight` threads that share one client."""
    import plivo
    from plivo.rest import client as sdk
    from requests.adapters import HTTPAdapter

    # The SDK sets its address anew for each call, from this.
    sdk.API_VOICE_BASE_URI = f"http://127.0.0.1:{port}/v1/Account"
    client = plivo.RestClient(AUTH_ID, _TOKEN, timeout=_PATIENCE_SECONDS)
    # As shipped it keeps 10 connections and opens a new one for every call beyond them.
    client.session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=max(10, in_flight)))
    logging.disable()
    counts = [0] * in_flight
    # Hundreds of busy threads would keep this one from starting the rest.
    all_started, ending = threading.Event(), threading.Event()

    def call_on(index: int) -> None:
        all_started.wait()
        while not ending.is_set():
            assert client.calls.get(CALL_UUID).call_uuid == CALL_UUID
            counts[index] += 1

    threads = [threading.Thread(target=call_on, args=(index,)) for index in range(in_flight)]
    for thread in threads:
        thread.start()
    all_started.set()
    started = time.perf_counter()
    while not all(counts) or time.perf_counter() - started < warm_up:
        time.sleep(0.05)
    gc.collect()
    before = time.process_time(), sum(counts)
    time.sleep(seconds)
    after = time.process_time(), sum(counts)
    ending.set()
    for thread in threads:
        thread.join()
    return (after[0] - before[0]) / (after[1] - before[1])


def main(name: str, in_flight: str, port: str, warm_up: str, seconds: str) -> None:
    numbers = int(port), int(in_flight), float(warm_up), float(seconds)
    per_call = measure_sdk(*numbers) if name == "plivo" else asyncio.run(measure_async(name, *numbers))
    sys.stdout.write(json.dumps({"cpu_seconds_per_call": per_call}))


if __name__ == "__main__":
    sys.path[:0] = sys.argv[6:]
    main(*sys.argv[1:6])
