"""What random cancellations leave behind on a small connection pool.

As a script: port, number of calls; prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path

import httpx

from plivo_async import AsyncClient, ConnectionPool, RateLimit
from tests.benchmarks.local_server import AUTH_ID, CALL_UUID, UNLIMITED

_CONNECTIONS = 10
_AT_ONCE = 40
_LONGEST_WAIT_SECONDS = 0.02


async def _cancel_at_random(port: int, calls: int) -> dict[str, int]:
    rng = random.Random(2)
    outcomes: Counter[str] = Counter()
    files_before = _open_files()
    pool = ConnectionPool(max_connections=_CONNECTIONS)
    http = httpx.AsyncClient(transport=pool)
    client = AsyncClient(
        AUTH_ID,
        "a-token-of-nobody",
        base_url=f"http://127.0.0.1:{port}",
        http_client=http,
        rate_limit=RateLimit(UNLIMITED),
    )

    async def call_and_cancel() -> None:
        task = asyncio.create_task(client.calls.get(CALL_UUID))
        for _ in range(rng.choice((1, 1, 2))):
            await asyncio.sleep(rng.uniform(0, _LONGEST_WAIT_SECONDS))
            task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, asyncio.CancelledError):
            outcomes["cancelled"] += 1
        elif isinstance(outcome, BaseException):
            outcomes["other errors"] += 1
        else:
            outcomes["answered"] += 1

    for _ in range(calls // _AT_ONCE):
        await asyncio.gather(*(call_and_cancel() for _ in range(_AT_ONCE)))
    slots_left = pool.busy
    # Cancelled or not, what comes after must be served, on every slot.
    await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(_CONNECTIONS * 3)))
    await client.aclose()
    await http.aclose()
    return {
        "cancelled": outcomes["cancelled"],
        "answered": outcomes["answered"],
        "other errors": outcomes["other errors"],
        "slots left": slots_left,
        "tasks left": len(asyncio.all_tasks()) - 1,
        "sockets left": _open_files() - files_before,
    }


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_cancel_at_random(int(sys.argv[1]), int(sys.argv[2])))))
