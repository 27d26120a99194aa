"""Compares the CPU of this checkout with that of another one, so that a busy machine does not blur it.

From a clone, in a virtual environment, with an earlier commit beside it:

    git worktree add ../earlier COMMIT
    python -m tests.benchmarks.paired ../earlier [--blocks 30] [--instructions]

Each checkout has a process with one client, and both take turns in short blocks against one server process.
The ratio of two neighbouring blocks is one sample. `--instructions` counts instructions instead, by valgrind:
slow, and the same within 0.2 % on any machine. Both use the libraries that are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_IN_FLIGHT = 20
_RECORDS = 2000
# Calls in a block, or lists; and how many records one of these has.
_SIZES = {"get": (150, 1), "get_many": (200, 1), "list": (1, _RECORDS)}
_INSTRUCTION_COUNT = re.compile(r"I\s+refs:\s+([\d,]+)")


async def work(server: dict[str, str], fixed: list[str]) -> None:
    """Run a block for each line of input, and print its CPU seconds; or the `fixed` one alone."""
    from plivo_async import AsyncClient, RateLimit

    limit = RateLimit(1_000_000)
    auth_id, auth_token, url = server["auth_id"], server["auth_token"], server["url"]
    async with AsyncClient(auth_id, auth_token, base_url=url, rate_limit=limit) as client:
        now = datetime.now(UTC)
        ids = [call.call_uuid async for call in client.calls.list(now - timedelta(days=89), now)]

        async def get(count: int) -> None:
            for _ in range(count):
                await client.calls.get(ids[0])

        async def get_many(count: int) -> None:
            async with client.calls.get_many(ids[:count], concurrency=_IN_FLIGHT) as batch:
                async for _ in batch:
                    pass

        async def listed(count: int) -> None:
            for _ in range(count):
                async for _ in client.calls.list(now - timedelta(days=89), now):
                    pass

        blocks: dict[str, Any] = {"get": get, "get_many": get_many, "list": listed}
        for name, (size, _) in _SIZES.items():
            await blocks[name](size)
        if fixed:
            await blocks[fixed[0]](int(fixed[1]))
            return
        gc.disable()
        while line := sys.stdin.readline().split():
            gc.collect()
            began = time.process_time()
            await blocks[line[0]](int(line[1]))
            sys.stdout.write(f"{time.process_time() - began}\n")
            sys.stdout.flush()


class Worker:
    """The process of one checkout."""

    def __init__(self, checkout: Path, server: dict[str, str]) -> None:
        self._command = [sys.executable, __file__, "--worker", str(checkout), json.dumps(server)]
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, name: str) -> float:
        """CPU seconds per record of one block."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        size, records = _SIZES[name]
        self._process.stdin.write(f"{name} {size}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline()) / size / records

    def instructions(self, name: str) -> float:
        """Instructions per record: of five blocks, without those of one, and with them what comes before."""
        size, records = _SIZES[name]
        few, many = (self._instructions(name, size * blocks) for blocks in (1, 5))
        return (many - few) / (4 * size * records)

    def _instructions(self, name: str, count: int) -> int:
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        done = subprocess.run(
            [*valgrind, *self._command, name, str(count)], stderr=subprocess.PIPE, text=True, check=True
        )
        found = _INSTRUCTION_COUNT.search(done.stderr)
        assert found is not None, done.stderr
        return int(found[1].replace(",", ""))

    def end(self) -> None:
        self._process.communicate()


def compare(there: Worker, here: Worker, name: str, blocks: int) -> str:
    """The CPU per record of both, and how their ratio is spread."""
    samples: list[tuple[float, float]] = []
    for number in range(blocks):
        # In turns from both ends, so that no place in the order is the better one.
        if number % 2:
            samples.append((there.seconds(name), here.seconds(name)))
        else:
            seconds = here.seconds(name)
            samples.append((there.seconds(name), seconds))
    earlier, now = (statistics.median(side) * 1e6 for side in zip(*samples, strict=True))
    tenths = statistics.quantiles((ours / theirs for theirs, ours in samples), n=10)
    fastest = min(ours for _, ours in samples) / min(theirs for theirs, _ in samples)
    return (
        f"{name:10} {earlier:6.1f} us, now {now:6.1f} us. Ratio: median {tenths[4]:.3f}, "
        f"from {tenths[0]:.3f} to {tenths[8]:.3f} in 8 of 10 blocks; of the fastest blocks {fastest:.3f}"
    )


def main() -> None:
    from tests.benchmarks.listing import served

    parser = argparse.ArgumentParser(description="Compare the CPU per record with that of another checkout.")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--blocks", type=int, default=30, help="of each checkout and kind (30)")
    parser.add_argument("--instructions", action="store_true", help="count them by valgrind")
    given = parser.parse_args()
    with served(_RECORDS, 0, 0, "unlimited") as (server, _):
        there, here = (Worker(path, server) for path in (given.checkout.resolve(strict=True), _ROOT))
        for name in _SIZES:
            if given.instructions:
                earlier, now = there.instructions(name), here.instructions(name)
                line = f"{name:10} {earlier:9.0f} instructions, now {now:9.0f}. Ratio: {now / earlier:.3f}"
            else:
                line = compare(there, here, name, given.blocks)
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        there.end()
        here.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        # Before this checkout, and before what is installed.
        sys.path.insert(0, sys.argv[2])
        asyncio.run(work(json.loads(sys.argv[3]), sys.argv[4:]))
    else:
        main()
