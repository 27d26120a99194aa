"""The clients that fetch many records under a rate limit, each run in a process of its own.

As a script: contender and its job as JSON; prints one JSON object. As "foreign" it is the account's other
user: it asks steadily until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import httpx

from tests.benchmarks.local_server import AUTH_ID

FOREIGN_ID = "SA2025RK4E639VJFZAGV"

_TOKEN = "a-token-of-nobody"
# For those who would otherwise lose records to their own queue for a connection.
_PATIENCE_SECONDS = 60.0
# As many as our batch has under way.
_AT_ONCE = 32

Job = dict[str, Any]
Fetch = Callable[[str], Awaitable[Any]]


class Tally:
    """What became of each call UUID."""

    def __init__(self) -> None:
        self.fetched = 0
        self.lost: Counter[str] = Counter()

    def got(self, asked: str, answered: str) -> None:
        if asked == answered:
            self.fetched += 1
        else:
            self.lost["another call's record"] += 1


async def _ours(job: Job, ids: list[str], tally: Tally) -> None:
    from plivo_async import AsyncClient, Fetched, RateLimit

    url = f"http://127.0.0.1:{job['port']}"
    client = AsyncClient(AUTH_ID, _TOKEN, base_url=url, rate_limit=RateLimit(*job["configured"]))
    async with client, client.calls.get_many(ids) as batch:
        async for outcome in batch:
            if isinstance(outcome, Fetched):
                tally.got(str(outcome.call_uuid), outcome.record.call_uuid)
            else:
                tally.lost[type(outcome.error).__name__] += 1


async def _httpx_gather(job: Job, ids: list[str], tally: Tally) -> None:
    limits = httpx.Limits(max_connections=len(ids), max_keepalive_connections=len(ids))
    async with _httpx(job, limits=limits) as client:
        fetch = _fetch_with(client)
        await asyncio.gather(*(_count(fetch, call_uuid, tally) for call_uuid in ids))


async def _httpx_retries(job: Job, ids: list[str], tally: Tally) -> None:
    from httpx_retries import RetryTransport

    async with _httpx(job, transport=RetryTransport()) as client:
        await _some_at_once(_fetch_with(client), ids, tally)


async def _httpx_retries_backoff(job: Job, ids: list[str], tally: Tally) -> None:
    from httpx_retries import Retry, RetryTransport

    transport = RetryTransport(retry=Retry(total=10, backoff_factor=0.5))
    async with _httpx(job, transport=transport) as client:
        await _some_at_once(_fetch_with(client), ids, tally)


async def _aiolimiter(job: Job, ids: list[str], tally: Tally) -> None:
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(*job["configured"])
    async with _httpx(job) as client:
        fetch = _fetch_with(client)

        async def fetch_limited(call_uuid: str) -> Any:
            async with limiter:
                return await fetch(call_uuid)

        await _some_at_once(fetch_limited, ids, tally)


def _httpx(job: Job, **options: Any) -> httpx.AsyncClient:
    url = f"http://127.0.0.1:{job['port']}/v1/Account/{AUTH_ID}/Call/"
    return httpx.AsyncClient(base_url=url, auth=(AUTH_ID, _TOKEN), timeout=_PATIENCE_SECONDS, **options)


def _fetch_with(client: httpx.AsyncClient) -> Fetch:
    async def fetch(call_uuid: str) -> Any:
        response = await client.get(f"{call_uuid}/")
        return response.raise_for_status().json()["call_uuid"]

    return fetch


async def _count(fetch: Fetch, call_uuid: str, tally: Tally) -> None:
    try:
        tally.got(call_uuid, await fetch(call_uuid))
    except httpx.HTTPStatusError as error:
        tally.lost[f"HTTP {error.response.status_code}"] += 1
    except httpx.TransportError as error:
        tally.lost[type(error).__name__] += 1


async def _some_at_once(fetch: Fetch, ids: Iterable[str], tally: Tally) -> None:
    left = iter(ids)

    async def work() -> None:
        for call_uuid in left:
            await _count(fetch, call_uuid, tally)

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


ASYNC_CONTENDERS: dict[str, Callable[[Job, list[str], Tally], Awaitable[None]]] = {
    "plivo_async": _ours,
    "httpx + gather": _httpx_gather,
    "httpx-retries": _httpx_retries,
    "httpx-retries, backoff": _httpx_retries_backoff,
    "aiolimiter + httpx": _aiolimiter,
}
SDK_THREADS = {"plivo, 10 threads": 10, "plivo, 50 threads": 50}

_IMPORTS = {
    "plivo_async": "plivo_async",
    "httpx-retries": "httpx_retries",
    "httpx-retries, backoff": "httpx_retries",
    "aiolimiter + httpx": "aiolimiter",
    **dict.fromkeys(SDK_THREADS, "plivo"),
}


def _sdk(job: Job, ids: list[str], tally: Tally, threads: int) -> None:
    import plivo
    import requests
    from plivo.rest import client as sdk

    # The SDK sets its address anew for each call, from this.
    sdk.API_VOICE_BASE_URI = f"http://127.0.0.1:{job['port']}/v1/Account"
    client = plivo.RestClient(AUTH_ID, _TOKEN)
    logging.disable()

    def fetch(call_uuid: str) -> None:
        try:
            tally.got(call_uuid, client.calls.get(call_uuid).call_uuid)
        except plivo.exceptions.PlivoRestError as error:
            limited = "code 429" in str(error)
            tally.lost["HTTP 429" if limited else type(error).__name__] += 1
        except requests.RequestException as error:
            tally.lost[type(error).__name__] += 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fetch, ids))


def fetch_many(name: str, job: Job) -> dict[str, Any]:
    """Fetch a number of records, as fast as the client does it, and report the result."""
    rng = random.Random(2)
    ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(job["ids"])]
    tally = Tally()
    if name in _IMPORTS:
        import_module(_IMPORTS[name])
    began = time.perf_counter(), time.process_time()
    if name in SDK_THREADS:
        _sdk(job, ids, tally, SDK_THREADS[name])
    else:

        async def run() -> None:
            await ASYNC_CONTENDERS[name](job, ids, tally)

        asyncio.run(run())
    return {
        "seconds": time.perf_counter() - began[0],
        "cpu_seconds": time.process_time() - began[1],
        "fetched": tally.fetched,
        "lost": dict(tally.lost),
    }


async def _ask_steadily(port: int, per_second: float) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    url = f"http://127.0.0.1:{port}/v1/Account/{FOREIGN_ID}/Call/"
    async with (
        httpx.AsyncClient(base_url=url, auth=(FOREIGN_ID, _TOKEN), timeout=_PATIENCE_SECONDS) as client,
        asyncio.TaskGroup() as group,
    ):
        due = loop.time()
        while not ended.is_set():
            group.create_task(client.get(f"{uuid.uuid4()}/"))
            due += 1 / per_second
            await asyncio.sleep(due - loop.time())


def main(name: str, job: str) -> None:
    if name == "foreign":
        asyncio.run(_ask_steadily(**json.loads(job)))
    else:
        sys.stdout.write(json.dumps(fetch_many(name, json.loads(job))))


if __name__ == "__main__":
    main(*sys.argv[1:])
