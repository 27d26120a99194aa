"""Kills syncs with SIGKILL at random moments while records arrive late, and compares the end with the fake.

    python -m tests.benchmarks.sync_kills [KILLS] [SEED]

Exits 1 if a record is lost, there twice, or not the newest.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from plivo_async import CallDetailRecord
from plivo_async.testing import FakePlivo

TARGETS = ("calls.ndjson", "calls.csv", "calls.db")
SIZE = 10_000
LATE = 300
COMMAND = str(Path(sys.executable).with_name("plivo-async"))
LOOK_BACK = timedelta(hours=6)


def kept(path: Path) -> Iterator[tuple[str, str]]:
    """The call UUID and the amount of each record in a finished target."""
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            yield from database.execute("SELECT call_uuid, total_amount FROM calls")
    elif path.suffix == ".csv":
        with path.open(newline="") as file:
            for row in csv.DictReader(file, strict=True):
                yield row["call_uuid"], row["total_amount"]
    else:
        with path.open() as file:
            for record in map(json.loads, file):
                yield record["call_uuid"], record["total_amount"]


class World:
    """A fake Plivo whose records arrive late and are corrected while syncs run."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.fake = FakePlivo((), rate_limit=None, latency=lambda: chance.uniform(0.002, 0.01))
        now = datetime.now(UTC)
        self.ids = self.fake.generate(SIZE, seed=1, since=now - timedelta(days=89), until=now)
        self.late = chance.sample(self.ids, LATE)
        for call_uuid in self.late:
            self.fake.publish_later(call_uuid, after_seconds=chance.uniform(0.0, 90.0))
        self.corrected = 0
        self.added = 0

    def truth(self) -> dict[str, str]:
        """The amount of each call that the fake has."""
        rows = map(json.loads, map(self.fake._account.calls.row, self.fake.call_uuids))
        return {row["call_uuid"]: row["total_amount"] for row in rows}

    def change(self) -> None:
        """Add a new call, and correct a few of those of the last hours."""
        now = datetime.now(UTC)
        uuid = f"00000000-0000-4000-8000-{self.added:012}"
        self.added += 1
        self._put({"call_uuid": uuid, "end_time": now.replace(microsecond=0).isoformat(" ")})
        recent = [json.loads(self.fake._account.calls.row(call_uuid)) for call_uuid in self.ids[:15]]
        for record in self.chance.sample(recent, 3):
            if now - datetime.fromisoformat(record["end_time"]) < LOOK_BACK / 2:
                self._put(record)
                self.corrected += 1

    def _put(self, record: dict[str, Any]) -> None:
        amount = f"{self.chance.randrange(100_000) / 100_000:.5f}"
        self.fake.add(CallDetailRecord.from_json(json.dumps({**record, "total_amount": amount})))


def kill_syncs(name: str, kills: int, seed: int) -> tuple[str, ...]:
    """Kill so many syncs into a target, let one end, and compare; return a row of the table."""
    world = World(random.Random(f"{name} {seed}"))
    chance = world.chance
    killed = ended = 0
    moments = [0.0]
    with tempfile.TemporaryDirectory() as folder, world.fake.serve() as url:
        environ = {
            **os.environ,
            "PLIVO_AUTH_ID": world.fake.auth_id,
            "PLIVO_AUTH_TOKEN": world.fake.auth_token,
            "PLIVO_ASYNC_BASE_URL": url,
            "PLIVO_ASYNC_RATE": "none",
            "NO_PROXY": "127.0.0.1",
        }
        command = [COMMAND, "sync", "-q", "--summary", "json", name]
        began = time.monotonic()
        while True:
            process = subprocess.Popen(
                command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1
            )
            is_last = killed >= kills and time.monotonic() - began > 95.0
            moment = 0.0
            if not is_last:
                moment = chance.uniform(0.2, 3.0)
                try:
                    process.wait(moment)
                except subprocess.TimeoutExpired:
                    process.kill()
            err = process.communicate()[1]
            if process.returncode == -9:
                killed += 1
                moments.append(moment)
            else:
                assert process.returncode == 0, err
                ended += 1
            if is_last:
                break
            world.change()
        rows = list(kept(Path(folder) / name))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    truth, found = world.truth(), dict(rows)
    lost, foreign = len(truth.keys() - found.keys()), len(found.keys() - truth.keys())
    stale = sum(found[call_uuid] != amount for call_uuid, amount in truth.items() if call_uuid in found)
    doubled = len(rows) - len(found)
    facts = (killed, ended, f"{max(moments):.1f} s", len(truth), LATE, world.added, world.corrected)
    return (name, *map(str, facts), str(lost), str(doubled + foreign), str(stale), f"{size / 1e6:.1f} MB")


def main(kills: int, seed: int) -> int:
    """Print a row for each target."""
    heads = ("target", "kills", "ended", "latest kill", "records", "late", "new", "corrected")
    rows = [kill_syncs(name, kills, seed) for name in TARGETS]
    table = [(*heads, "lost", "doubled", "stale", "size"), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        line = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{line}\n")
    return any(cell != "0" for row in rows for cell in row[8:11])


if __name__ == "__main__":
    sys.exit(main(*map(int, (*sys.argv[1:3], *("50", "1")[len(sys.argv) - 1 :]))))
