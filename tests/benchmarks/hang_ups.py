"""The cost of hang-ups of a service's clients, for each web framework.

    python -m tests.benchmarks.hang_ups

Each example of docs/examples runs on its server, against a fake Plivo on loopback. Clients send a request and
hang up:

- while Plivo takes its time to respond: how many of their calls go on;
- while Plivo responds with 503: how many requests each of their calls makes;
- while the limit of the account is used up: how many permits their calls use in the end.
"""

from __future__ import annotations

import asyncio
import itertools
import sys

from plivo_async.testing import FakePlivo
from tests.services.web.running import AIOHTTP_CANCELLING, KINDS, Kind, Running, running, until

CLIENTS = 20
# Fewer in an outage, for which the budget of retries suffices.
CLIENTS_IN_OUTAGE = 5
LIMIT = 300
WINDOW_SECONDS = 5.0
LATENCY_SECONDS = 0.6


async def hang_up(service: Running, path: str, clients: int, gone: asyncio.Event) -> None:
    await asyncio.gather(*(service.ask(path, gone=gone.wait()) for _ in range(clients)))


async def measured(kind: Kind) -> tuple[int, float, int]:
    fake = FakePlivo(latency=LATENCY_SECONDS)
    path = f"/calls/{fake.call_uuids[0]}/cost"
    async with fake.serve() as url, running(kind, fake, url) as service:
        await service.ask(path)
        idle = {"tasks": (await service.is_open())["tasks"], "busy": 0}

        async def hung_up(clients: int, sent: int) -> int:
            """Let clients hang up once Plivo has so many requests; return how many it got in the end."""
            seen = len(fake.requests)
            gone = asyncio.Event()
            hanging_up = asyncio.create_task(hang_up(service, path, clients, gone))
            if sent:
                await until(lambda: len(fake.requests) >= seen + sent)
            else:
                await asyncio.sleep(0.2)
            gone.set()
            await hanging_up
            await asyncio.sleep(0.05)
            busy.append((await service.is_open())["busy"])
            await service.until_open(idle)
            return len(fake.requests) - seen

        busy: list[int] = []
        await hung_up(CLIENTS, CLIENTS)
        fake.script(itertools.repeat(503))
        attempts = await hung_up(CLIENTS_IN_OUTAGE, CLIENTS_IN_OUTAGE) / CLIENTS_IN_OUTAGE
        fake.script([])
        await asyncio.sleep(WINDOW_SECONDS)
        fake.latency = 0.05
        await asyncio.gather(*(service.ask(path) for _ in range(LIMIT)))
        permits = await hung_up(CLIENTS, 0)
        await service.stop()
        return busy[0], attempts, permits


async def main() -> None:
    write("| | calls that go on | requests of a call in an outage | permits used after the hang-up |")
    write("|---|---:|---:|---:|")
    for kind in (*KINDS, AIOHTTP_CANCELLING):
        busy, attempts, permits = await measured(kind)
        write(f"| {kind} | {busy} of {CLIENTS} | {attempts:.1f} | {permits} of {CLIENTS} |")


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
