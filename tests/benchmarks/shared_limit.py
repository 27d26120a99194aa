"""Measures how several processes share the rate limit of an account, next to other ways.

Needs redis-server on the PATH. All processes are started before the clock, which begins with the first
request and ends with the last record. Each row is one run, because a run takes 20 s; `--rounds` repeats them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from redis import Redis

from tests.benchmarks.bulk_server import BulkServer
from tests.benchmarks.local_server import AUTH_ID
from tests.services.redis_server import RedisServer

_WORKER = str(Path(__file__).with_name("shared_limit_worker.py"))
_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 120.0


@frozen(kw_only=True)
class Scenario:
    """Some processes that fetch records from an account with a limit.

    Attributes:
        limiter: "redis", "pyrate", "divided", or "nothing" for clients that do not know of each other.
        processes: How many there are.
        kind: How the server counts.
        kills: Whether one is killed with kill -9 in the middle, and another does the rest of its work.
        requests: The limit, for each `per` seconds.
        records: How many are fetched.
    """

    limiter: str = "redis"
    processes: int = 4
    kind: str = "sliding"
    kills: bool = False
    requests: int = 300
    per: float = 5.0
    records: int = 1500
    delay: float = 0.05
    lost_after: float | None = None


@frozen(kw_only=True)
class Result:
    """What came of it.

    Attributes:
        fetched: How many different records there were.
        seconds: From the first request to the last record.
        optimum: The least number of seconds in which a server that counts like this admits them.
        refused: How many 429s there were.
        redis_calls: How many commands Redis ran.
        redis_seconds: How long it took for these.
        shares: How many records each process fetched.
    """

    scenario: Scenario
    fetched: int
    seconds: float
    optimum: float
    refused: int
    redis_calls: int
    redis_seconds: float
    shares: Sequence[int] = field(factory=tuple[int, ...])

    @property
    def share_of_optimum(self) -> float:
        """The speed as a share of the highest that is possible."""
        return self.optimum / self.seconds


class _Process:
    """A worker, and what it has printed."""

    def __init__(self, scenario: Scenario, url: str, redis_url: str, ids: Sequence[str]) -> None:
        job = {
            "limiter": scenario.limiter,
            "processes": scenario.processes,
            "requests": scenario.requests,
            "per": scenario.per,
            "lost_after": scenario.lost_after,
            "url": url,
            "redis": redis_url,
            "ids": ids,
        }
        self.ids = ids
        self.fetched: list[str] = []
        self.ended_at = 0.0
        self._is_ready = threading.Event()
        environ = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, _WORKER, json.dumps(job)],
            cwd=_ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "ready\n":
                self._is_ready.set()
            elif line.endswith("\n"):
                self.fetched.append(line.strip())
                self.ended_at = time.monotonic()
        self._is_ready.set()

    def wait_ready(self) -> None:
        assert self._is_ready.wait(_PATIENCE_SECONDS)

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self) -> list[str]:
        """Kill it; return what it had not fetched."""
        self._process.kill()
        self._end()
        fetched = set(self.fetched)
        return [call_uuid for call_uuid in self.ids if call_uuid not in fetched]

    def wait(self) -> None:
        try:
            assert self._process.wait(_PATIENCE_SECONDS) == 0
        finally:
            self._process.kill()
            self._end()

    def _end(self) -> None:
        self._process.wait(_PATIENCE_SECONDS)
        self._reader.join(_PATIENCE_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


def run(scenario: Scenario, redis: RedisServer) -> Result:
    """Run one scenario on an empty Redis server."""
    limit = {"requests": scenario.requests, "per": scenario.per, "kind": scenario.kind}
    with Redis.from_url(redis.url) as client, BulkServer(scenario.delay, limit) as server:
        client.flushall()
        ids = [f"5607532d-5037-4066-0000-{number:012d}" for number in range(scenario.records)]
        url = f"http://127.0.0.1:{server.port}"
        processes = [
            _Process(scenario, url, redis.url, ids[first :: scenario.processes])
            for first in range(scenario.processes)
        ]
        for process in processes:
            process.wait_ready()
        client.config_resetstat()
        began = time.monotonic()
        for process in processes:
            process.go()
        if scenario.kills:
            while time.monotonic() < began + 1.5 * scenario.per:
                time.sleep(0.01)
            spare = _Process(scenario, url, redis.url, processes[0].kill())
            spare.wait_ready()
            spare.go()
            processes.append(spare)
        for process in processes[scenario.kills :]:
            process.wait()
        stats: Any = client.info("commandstats")
        scripts = [stats[name] for name in stats if name.startswith("cmdstat_eval")]
    return Result(
        scenario=scenario,
        fetched=len({call_uuid for process in processes for call_uuid in process.fetched}),
        seconds=max(process.ended_at for process in processes) - began,
        optimum=(-(-scenario.records // scenario.requests) - 1) * scenario.per,
        refused=server.counted[AUTH_ID]["limited"],
        redis_calls=sum(entry["calls"] for entry in scripts),
        redis_seconds=sum(entry["usec"] for entry in scripts) / 1e6,
        shares=[len(process.fetched) for process in processes],
    )


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Start a redis-server in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        yield server


_SCENARIOS = [
    *(Scenario(processes=processes) for processes in (1, 2, 4, 8)),
    *(Scenario(kind=kind) for kind in ("fixed", "bucket")),
    Scenario(processes=8, kind="fixed"),
    Scenario(processes=8, kind="bucket"),
    Scenario(kills=True),
    Scenario(processes=8, kills=True),
    Scenario(limiter="pyrate"),
    Scenario(limiter="pyrate", processes=8),
    Scenario(limiter="divided"),
    Scenario(limiter="nothing"),
    # The built-in limiter.
    Scenario(limiter="nothing", processes=1),
]


def _line(results: Sequence[Result]) -> str:
    """The medians of some runs as a row of the table."""
    scenario = results[0].scenario

    def median(name: str) -> float:
        return float(statistics.median(getattr(result, name) for result in results))

    calls = median("redis_calls")
    each = f"{median('redis_seconds') / calls * 1e6:.0f} µs" if calls else "-"
    name = f"{scenario.limiter}{', one killed' if scenario.kills else ''}"
    cells = [
        name,
        str(scenario.processes),
        scenario.kind,
        f"{int(median('fetched')):,}",
        f"{median('seconds'):.1f} s",
        f"{median('share_of_optimum'):.0%}",
        f"{median('refused'):.0f}",
        f"{calls / scenario.records:.2f}" if calls else "-",
        each,
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limiter", help="only the rows of this one")
    options = parser.parse_args()
    scenarios = [one for one in _SCENARIOS if options.limiter in (None, one.limiter)]
    results: list[list[Result]] = [[] for _ in scenarios]
    load = os.getloadavg()[0]
    with redis_server() as redis:
        for _ in range(options.rounds):
            for index, scenario in enumerate(scenarios):
                results[index].append(run(scenario, redis))
                sys.stderr.write(f"{_line(results[index][-1:])} {list(results[index][-1].shares)}\n")
    titles = (
        "limiter",
        "processes",
        "window",
        "fetched",
        "time",
        "of the optimum",
        "429s",
        "Redis calls a record",
    )
    sys.stdout.write(f"1,500 records, 300 per 5 s, responses of 50 ms; load {load:.1f} at the beginning\n\n")
    sys.stdout.write(f"| {' | '.join(titles)} | each |\n|---|---:|---|{'---:|' * 6}\n")
    for rounds in results:
        sys.stdout.write(f"{_line(rounds)}\n")


if __name__ == "__main__":
    main()
