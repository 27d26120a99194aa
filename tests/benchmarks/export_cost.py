"""What an export costs next to `get_many` alone: CPU and memory, the fake in a process of its own.

python -m tests.benchmarks.export_cost [SIZE] [ROUNDS] [csv]
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("plivo-async"))


async def fetch(ids: Path) -> None:
    """The same calls through get_many, nothing done with them."""
    from plivo_async import AsyncClient

    url = os.environ["PLIVO_ASYNC_BASE_URL"]
    with ids.open() as lines:
        async with (
            AsyncClient(base_url=url, rate_limit=None) as client,
            client.calls.get_many(map(str.strip, lines)) as batch,
        ):
            async for _ in batch:
                pass


def cost(command: list[str]) -> tuple[float, float]:
    """Seconds of CPU and MB of memory that a command takes."""
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=nowhere)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def main(size: int, rounds: int, *, with_csv: bool) -> None:
    """Measure both in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids, output = folder / "ids.txt", folder / "calls.ndjson"
        serving = [COMMAND, "fake", "--limit", "none", "--size", str(size), "--ids", str(ids)]
        with subprocess.Popen(serving, stdout=subprocess.PIPE) as fake:
            assert fake.stdout is not None
            words = fake.stdout.readline().decode().split()[1:]
            os.environ.update((name, value) for name, _, value in (word.partition("=") for word in words))
            alone = [sys.executable, __file__, "fetch", str(ids)]
            export = [COMMAND, "export", "--rate", "none", "-i", str(ids), "-o"]
            found: dict[str, list[tuple[float, float]]] = {}
            for number in range(rounds):
                csv = folder / f"{number}.csv"
                found.setdefault("get_many alone", []).append(cost(alone))
                found.setdefault("export to NDJSON", []).append(cost([*export, str(output), "--overwrite"]))
                if with_csv:
                    found.setdefault("export to CSV", []).append(cost([*export, str(csv)]))
            found.setdefault("resume, nothing left", []).append(cost([*export, str(output), "--resume"]))
            fake.terminate()
    base = statistics.median(cpu for cpu, _ in found["get_many alone"])
    for what, costs in found.items():
        cpu, memory = (statistics.median(values) for values in zip(*costs, strict=True))
        sys.stdout.write(
            f"{what:22} {cpu / size * 1e6:7.1f} µs of CPU an id, {cpu / base:.2f} x, {memory:6.1f} MB\n"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["fetch"]:
        asyncio.run(fetch(Path(sys.argv[2])))
    else:
        main(int((*sys.argv[1:], "100000")[0]), int((*sys.argv[2:], "3")[0]), with_csv="csv" in sys.argv)
