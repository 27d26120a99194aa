"""Measures a web service: ours next to plain httpx and to the official SDK, under users who hang up.

From a clone, in a virtual environment:

    pip install -e . -r tests/benchmarks/requirements.txt
    python -m tests.benchmarks.web_service --seconds 60

Fifty users ask for the cost of a call, again and again, on connections that they keep. One request in ten
is given up: its user closes the socket in the middle, and opens another. The services are the FastAPI
example of the pages, the same route on `httpx.AsyncClient` with as many connections, and the same route on
the SDK in FastAPI's threads. Each runs on uvicorn in a process of its own. Plivo is a server in another
process that sends the documented record after 50 ms to everybody. It has no rate limit, so that of our
client is switched off. Retries, deadline and decoding are on. All services run from the beginning to the
end. The users visit one after the other, in rounds, so that a busy moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack

from attrs import Factory, define

from tests.benchmarks import local_server
from tests.benchmarks.local_server import CALL_UUID
from tests.benchmarks.web_service_contenders import CONTENDERS

USERS = 50
GIVEN_UP = 0.1
LATENCY_SECONDS = 0.05
ROUND_SECONDS = 5.0
SETTLING_SECONDS = 1.5
_REQUEST = f"GET /calls/{CALL_UUID}/cost HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@define
class Round:
    """What the users of one round have seen, and what the service has left open after it."""

    seconds: list[float] = Factory(list[float])
    given_up: int = 0
    errors: int = 0
    elapsed: float = 0.0
    cpu: float = 0.0
    tasks: int = 0
    files: int = 0

    @property
    def per_second(self) -> float:
        """Responses a second."""
        return len(self.seconds) / self.elapsed

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the service for each request, those given up included."""
        return 1000 * self.cpu / (len(self.seconds) + self.given_up)


async def response(reader: asyncio.StreamReader) -> int:
    """Read one response; return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return int(head.split()[1])


async def user(port: int, until: float, chance: random.Random, seen: Round) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.perf_counter() < until:
        try:
            connection = connection or await asyncio.open_connection("127.0.0.1", port)
            reader, writer = connection
            began = time.perf_counter()
            writer.write(_REQUEST)
            if chance.random() < GIVEN_UP:
                await asyncio.sleep(chance.uniform(0.1, 0.9) * LATENCY_SECONDS)
                writer.transport.abort()
                connection = None
                seen.given_up += 1
                continue
            status = await response(reader)
        except (OSError, asyncio.IncompleteReadError):
            seen.errors += 1
            connection = None
            continue
        if status == 200:
            seen.seconds.append(time.perf_counter() - began)
        else:
            seen.errors += 1
    if connection is not None:
        connection[1].close()


async def opened(port: int) -> tuple[int, int, float]:
    """The tasks, the open files and the CPU seconds of a service."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /_open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    tasks, files, cpu = (await reader.read()).partition(b"\r\n\r\n")[2].split()
    writer.close()
    return int(tasks), int(files), float(cpu)


async def one_round(port: int, seconds: float, chance: random.Random) -> Round:
    seen = Round()
    *_, cpu_before = await opened(port)
    began = time.perf_counter()
    await asyncio.gather(*(user(port, began + seconds, chance, seen) for _ in range(USERS)))
    seen.elapsed = time.perf_counter() - began
    # What was given up goes on for a while, in the services that do not cancel.
    await asyncio.sleep(SETTLING_SECONDS)
    seen.tasks, seen.files, cpu_after = await opened(port)
    seen.cpu = cpu_after - cpu_before
    return seen


async def measure(seconds: float) -> dict[str, list[Round]]:
    chance = random.Random(5)
    with ExitStack() as stack:
        plivo = stack.enter_context(local_server.running(LATENCY_SECONDS))
        ports = {
            name: stack.enter_context(
                local_server.process("-m", "tests.benchmarks.web_service_contenders", name, str(plivo))
            )
            for name in CONTENDERS
        }
        length = min(seconds, ROUND_SECONDS)
        for port in ports.values():
            await one_round(port, min(1.0, length), chance)
        rounds: dict[str, list[Round]] = {name: [] for name in ports}
        for _ in range(max(1, round(seconds / length))):
            for name, port in ports.items():
                rounds[name].append(await one_round(port, length, chance))
        return rounds


def table(results: Mapping[str, list[Round]]) -> list[str]:
    """The rows of a Markdown table; in brackets how many times our figure."""
    ours = figures(results["plivo_async"])
    lines = ["| service | responses/s | p50 ms | p99 ms | CPU ms a request | errors | given up | left open |"]
    lines.append("|---|" + "---:|" * 7)
    for name, rounds in results.items():
        cells = [f"{value:.1f} ({value / own:.2f})" for value, own in zip(figures(rounds), ours, strict=True)]
        first, last = rounds[0], rounds[-1]
        counts = [sum(one.errors for one in rounds), sum(one.given_up for one in rounds)]
        left = f"{last.tasks - first.tasks:+d} tasks, {last.files - first.files:+d} files"
        lines.append(f"| {' | '.join([name, *cells, *map(str, counts), left])} |")
    return lines


def figures(rounds: list[Round]) -> list[float]:
    """Medians of the rounds: responses a second, p50 and p99 in ms, CPU ms a request."""
    return [
        statistics.median(one.per_second for one in rounds),
        statistics.median(1000 * statistics.median(one.seconds) for one in rounds),
        statistics.median(1000 * statistics.quantiles(one.seconds, n=100)[98] for one in rounds),
        statistics.median(one.cpu_ms for one in rounds),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="the time of each service, in rounds")
    arguments = parser.parse_args()
    results = asyncio.run(measure(arguments.seconds))
    sys.stdout.write("\n".join(table(results)) + "\n")


if __name__ == "__main__":
    main()
