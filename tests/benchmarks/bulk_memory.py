"""Peak memory and look-ahead of a batch of very many calls, each answered at once by middleware.

As a script: number of ids; prints one JSON object. It runs at the lowest priority: its time does not count.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from plivo_async import AsyncClient, Fetched
from plivo_async.resources.batch import DEFAULT_CONCURRENCY
from tests.benchmarks.local_server import AUTH_ID, CALL_UUID, RECORD

_STATUS = Path("/proc/self/status")
_BODY = RECORD.read_bytes()
_ASKED = CALL_UUID.encode("ascii")


async def _answer(request: httpx.Request, call_next: object) -> httpx.Response:
    call_uuid = request.url.raw_path.rsplit(b"/", 2)[1]
    # As an answer from a socket does, this lets others run.
    await asyncio.sleep(0)
    return httpx.Response(200, content=_BODY.replace(_ASKED, call_uuid))


class Ids:
    """A source that knows how much was pulled from it."""

    def __init__(self, number: int) -> None:
        self.pulled = 0
        self._number = number

    def __iter__(self) -> Iterator[str]:
        for number in range(self._number):
            self.pulled += 1
            yield f"00000000-0000-4000-8000-{number:012x}"


async def measure(number: int) -> dict[str, float]:
    client = AsyncClient(AUTH_ID, "a-token-of-nobody", middleware=[_answer], rate_limit=None)
    async with client:
        # What the first call loads is no cost of the many.
        await client.calls.get(CALL_UUID)
        before = _peak_bytes()
        ids, fetched, ahead = Ids(number), 0, 0
        async with client.calls.get_many(ids) as batch:
            async for outcome in batch:
                ahead = max(ahead, ids.pulled - fetched)
                fetched += isinstance(outcome, Fetched)
        return {
            "ids": number,
            "fetched": fetched,
            "peak_growth_bytes": _peak_bytes() - before,
            "look_ahead": ahead,
            "concurrency": DEFAULT_CONCURRENCY,
            "seconds": batch.elapsed,
        }


def _peak_bytes() -> int:
    """The most that was resident since this program began."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    # In kilobytes, but on a Mac in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    os.nice(19)
    sys.stdout.write(json.dumps(asyncio.run(measure(int(sys.argv[1])))))
