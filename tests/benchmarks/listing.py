"""What `calls.list` reaches: its share of the limit, completeness under late records, CPU and memory.

python -m tests.benchmarks.listing [--records 100000] [--late 1000] [--new 1000] [--memory 1000000]

The fake is a process of its own, with a response time of 50 ms and 300 requests per 5 s. Each process that is
measured is one of its own, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from plivo_async import AsyncClient
from plivo_async.testing import FakePlivo, FakeRateLimit
from tests.benchmarks.local_server import AUTH_ID, RECORD

DAYS = 89
RECORDS_PER_SECOND = 1200


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(records: int, late: int, new: int, *, limited: bool) -> None:
    """Serve the fake until stdin ends, then print the call UUIDs that a list has to have."""
    fake = FakePlivo(
        (), latency=0.05 if limited else 0.0, rate_limit=FakeRateLimit(kind="sliding") if limited else None
    )
    now = datetime.now(UTC)
    ids = fake.generate(records, since=now - timedelta(days=DAYS), until=now - timedelta(minutes=1))
    # Half of the late records anywhere, half of them among the newest, where most of them are.
    chance = random.Random(1)
    newest = ids[: max(1, records // 100)]
    chosen = {chance.choice(newest if number % 2 else ids) for number in range(late)}
    for call_uuid in chosen:
        fake.publish_later(call_uuid, after_lists=chance.randrange(1, max(2, records // 21)))
    seconds = records / RECORDS_PER_SECOND
    if new:
        later = now + timedelta(seconds=5)
        fake.generate(new, seed=2, since=later, until=later + timedelta(seconds=seconds))
    with fake.serve() as url:
        _show(json.dumps({"url": url, "auth_id": fake.auth_id, "auth_token": fake.auth_token}))
        sys.stdin.read()
    _show(json.dumps({"expected": ids, "over_limit": fake.over_limit, "late": len(chosen)}))


@contextmanager
def served(*arguments: object) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """A fake in a process of its own: what a client needs, and after the block what it has."""
    command = [sys.executable, "-m", __spec__.name, "serve", *map(str, arguments)]
    facts: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield json.loads(process.stdout.readline()), facts
        printed, _ = process.communicate(timeout=60)
        facts.update(json.loads(printed))


def client_of(server: dict[str, str], **options: Any) -> AsyncClient:
    return AsyncClient(server["auth_id"], server["auth_token"], base_url=server["url"], **options)


async def walk(records: int, late: int, new: int) -> None:
    """List all records at Plivo's limit while records come late and new calls end."""
    with served(records, late, new, "limited") as (server, facts):
        async with client_of(server) as client:
            calls = client.calls.list(datetime.now(UTC) - timedelta(days=DAYS))
            found: list[Any] = [outcome.call_uuid async for outcome in calls]
    report, expected = calls.report, set(facts["expected"])
    # The first 300 requests need not wait for the limit: they are left out.
    (report.requests - 300) / 60 / calls.elapsed
    (calls.done - 6000) / calls.elapsed / RECORDS_PER_SECOND
    share, rate = report.requests / calls.elapsed / 60, calls.done / calls.elapsed / RECORDS_PER_SECOND
    _show(f"{calls.done} records in {calls.elapsed:.1f} s, {report.requests} requests, {facts['late']} late")
    _show(f"  of the limit: {share:.1%} in requests, {rate:.1%} in records (goal: 95 % without late ones)")
    _show(f"  requests over the limit: {facts['over_limit']} (goal 0)")
    _show(f"  missing: {len(expected - set(found))}, doubled: {len(found) - len(set(found))} (goal 0)")
    _show(f"  not asked for: {len(set(found) - expected)}; {report}")


async def cpu(records: int) -> None:
    """CPU per record of a list, and of calls that are fetched alone."""
    with served(records, 0, 0, "unlimited") as (server, _):
        async with client_of(server, rate_limit=None) as client:
            costs: dict[str, float] = {}
            began = time.process_time()
            calls = client.calls.list(datetime.now(UTC) - timedelta(days=DAYS))
            ids: list[Any] = [outcome.call_uuid async for outcome in calls]
            costs["listed"] = (time.process_time() - began) / records
            few = ids[: records // 10]
            began = time.process_time()
            async with client.calls.get_many(few) as batch:
                async for _ in batch:
                    pass
            costs["of a batch"] = (time.process_time() - began) / len(few)
            few = few[:300]
            began = time.process_time()
            for call_uuid in few:
                await client.calls.get(call_uuid)
            costs["fetched alone"] = (time.process_time() - began) / len(few)
    for name, seconds in costs.items():
        share = seconds / costs["listed"]
        _show(f"CPU per record {name}: {seconds * 1e6:.0f} us, {share:.1f} times a listed one")


async def memory(records: int) -> None:
    """Print the bytes by which the peak grows while so many records are listed."""
    now = datetime(2026, 11, 28, tzinfo=UTC)
    row = json.loads(RECORD.read_bytes())
    row["call_uuid"], row["end_time"] = "the-call", "2026-11-27 00:00:00+00:00"
    template = json.dumps(row)

    async def respond(request: httpx.Request, call_next: object) -> httpx.Response:
        query = request.url.params
        offset, limit = int(query["offset"]), int(query["limit"])
        last = min(records, offset + limit)
        rows = ",".join(
            template.replace("the-call", f"00000000-0000-4000-8000-{number:012x}")
            for number in range(offset, last)
        )
        meta = f'{{"total_count": {records}, "next": null}}'
        await asyncio.sleep(0)
        return httpx.Response(200, content=f'{{"meta": {meta}, "objects": [{rows}]}}'.encode())

    async with AsyncClient(AUTH_ID, "a-token-of-nobody", middleware=[respond], rate_limit=None) as client:
        await client.calls.list(now - timedelta(days=1), now)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        calls = client.calls.list(now - timedelta(days=1), now)
        async for _ in calls:
            pass
        assert calls.report.complete
        assert calls.done == records
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    _show(f"memory: {records} records, the peak grows by {grown / 1024:.1f} MB, {calls.rate:.0f} records/s")


def main() -> None:
    """Run the parts."""
    if sys.argv[1:2] == ["serve"]:
        records, late, new = map(int, sys.argv[2:5])
        serve(records, late, new, limited=sys.argv[5] == "limited")
        return
    if sys.argv[1:2] == ["memory"]:
        asyncio.run(memory(int(sys.argv[2])))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("records", 100_000), ("late", 1000), ("new", 1000), ("memory", 1_000_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    asyncio.run(walk(options.records, 0, 0))
    asyncio.run(walk(options.records, options.late, options.new))
    asyncio.run(cpu(min(options.records, 20_000)))
    for records in (options.memory // 100, options.memory // 10, options.memory):
        subprocess.run([sys.executable, "-m", __spec__.name, "memory", str(records)], check=True)


if __name__ == "__main__":
    main()
