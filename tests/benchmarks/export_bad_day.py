"""Sends an export through the bad day of `bad_day.py` on real sockets, and kills it with SIGKILL all day.

    python -m tests.benchmarks.export_bad_day [--scale N] [--size N] [--name calls.csv] [--seed N]

Time runs N times as fast as in `bad_day.py`: its outage, resets, pauses, rate limit and the kill every 20 s
are divided by the scale. What the client times by itself is not: its backoff, its probes, and its start,
which takes most of a second of each life. Exits 1 if a record is lost or doubled, or a call failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import define, field

from plivo_async import RateLimit
from plivo_async.testing import FakePlivo, FakeRateLimit, FakeServer
from tests.benchmarks.bad_day import (
    LATENCY_SECONDS,
    LIMIT,
    RETRY_AFTER_SECONDS,
    SECONDS_BETWEEN_429S,
    SECONDS_BETWEEN_RESETS,
    SHARE_OF_5XX,
)
from tests.benchmarks.export_kills import COMMAND, written

OUTAGE_SECONDS = (12.0, 42.0)
SECONDS_BETWEEN_KILLS = 20.0
LONGEST_RUN_SECONDS = 1800.0


@define
class BadResponses:
    """An ASGI app: a fake Plivo that answers with 5xx and 429 as on a bad day.

    Attributes:
        throttled: How many 429s were sent.
        failed: How many 5xx were sent.
    """

    fake: FakePlivo
    scale: float
    chance: random.Random
    began: float = field(factory=time.monotonic)
    throttled: int = 0
    failed: int = 0
    _blocked_until: float = 0.0
    _next_429: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._next_429 = 50.0 / self.scale

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        status, headers = self._status() if scope["type"] == "http" else (200, [])
        if status == 200:
            await self.fake(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    def _status(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        now = time.monotonic() - self.began
        if now >= max(self._next_429, self._blocked_until):
            self._blocked_until = now + self.chance.randint(*RETRY_AFTER_SECONDS) / self.scale
            self._next_429 = self._blocked_until + SECONDS_BETWEEN_429S / self.scale
        if now < self._blocked_until:
            self.throttled += 1
            # Whole seconds, rounded up, as Plivo sends them.
            return 429, [(b"retry-after", b"%d" % -(-(self._blocked_until - now) // 1))]
        if self.chance.random() < SHARE_OF_5XX:
            self.failed += 1
            return self.chance.choice((500, 502, 503)), []
        return 200, []


@define
class BadNetwork:
    """A TCP proxy that resets all connections again and again, and refuses them during the outage.

    Attributes:
        target: The port to forward to.
        port: The own port.
        resets: How many connections were reset.
    """

    target: int
    scale: float
    port: int = 0
    resets: int = 0
    _writers: set[asyncio.StreamWriter] = field(factory=set[asyncio.StreamWriter], init=False)

    async def start(self) -> asyncio.Task[None]:
        """Listen; return the task that serves until it is cancelled."""
        return asyncio.create_task(self._run(await self._listen()))

    async def _run(self, server: asyncio.Server) -> None:
        began = time.monotonic()
        outage = [seconds / self.scale for seconds in OUTAGE_SECONDS]
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_RESETS / self.scale)
            self._reset()
            left = outage[1] - (time.monotonic() - began)
            if outage[0] <= outage[1] - left and left > 0:
                server.close()
                self._reset()
                await asyncio.sleep(left)
                server = await self._listen()

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _reset(self) -> None:
        self.resets += len(self._writers)
        for writer in self._writers:
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, other = both = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers |= {writer, other}
        try:
            await asyncio.gather(_copy(reader, other), _copy(both[0], writer))
        except OSError:
            pass
        finally:
            self._writers -= {writer, other}
            writer.transport.abort()
            other.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while read := await reader.read(1 << 16):
        writer.write(read)
        await writer.drain()
    writer.transport.abort()


async def export_until_done(
    command: list[str], environ: dict[str, str], folder: str, life: float
) -> Counter[int]:
    """Run the command again and again; kill it at the end of each life. Returns the exit codes."""
    codes: Counter[int] = Counter()
    while True:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environ,
            cwd=folder,
            stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(life):
                err = await process.stderr.read()
                await process.wait()
        except TimeoutError:
            process.kill()
            err = await process.stderr.read()
            await process.wait()
        codes[process.returncode or 0] += 1
        if process.returncode in (0, 6):
            return codes
        assert process.returncode == -9, (process.returncode, err)


async def through_the_day(app: BadResponses, rate: RateLimit, folder: str, name: str) -> dict[str, int]:
    """Export the ids in ids.txt into a file of this name; return what happened on the way."""
    async with FakeServer(app) as url, asyncio.timeout(LONGEST_RUN_SECONDS):
        network = BadNetwork(int(url.rpartition(":")[2]), app.scale)
        serving = await network.start()
        environ = {**os.environ, "PLIVO_AUTH_ID": app.fake.auth_id, "PLIVO_AUTH_TOKEN": app.fake.auth_token}
        environ |= {"NO_PROXY": "127.0.0.1"}
        command = [COMMAND, "export", "-q", "--base-url", f"http://127.0.0.1:{network.port}"]
        command += ["--rate", f"{rate.requests}/{rate.per:.6f}", "-i", "ids.txt", "-o", name, "--resume"]
        codes = await export_until_done(command, environ, folder, SECONDS_BETWEEN_KILLS / app.scale)
        serving.cancel()
        await asyncio.wait([serving])
    return {"kills": codes[-9], "429": app.throttled, "5xx": app.failed, "resets": network.resets}


def main(scale: float, size: int, seed: int, name: str) -> int:
    """Run the bad day once, and print what came of it."""
    rate = RateLimit(LIMIT.requests, LIMIT.per / scale)
    fake = FakePlivo(
        rate_limit=FakeRateLimit(requests=rate.requests, per=rate.per), latency=LATENCY_SECONDS / scale
    )
    ids = list(fake.generate(size, seed=seed))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ids.txt").write_text("\n".join(ids))
        app = BadResponses(fake, scale, random.Random(seed))
        happened = asyncio.run(through_the_day(app, rate, folder, name))
        counts = Counter(written(Path(folder, name)))
        failed = Path(folder, f"{name}.failed")
        lines = failed.read_text().splitlines() if failed.exists() else []
    lost, doubled = len(set(ids) - counts.keys()), sum(count - 1 for count in counts.values())
    facts = {"lost": lost, "doubled": doubled, "failed": len(lines), **happened}
    facts |= {"requests": len(fake.requests), "seconds": round(time.monotonic() - began)}
    sys.stdout.write(f"{size:,} ids into {name}, scale {scale:g}: {json.dumps(facts)}\n")
    for line in lines[:3]:
        sys.stdout.write(f"  {line}\n")
    return 1 if lost or doubled or lines else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=4.0)
    parser.add_argument("--size", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="calls.ndjson")
    sys.exit(main(**vars(parser.parse_args())))
