"""Processes that share a rate limit through a real Redis server, against a server that counts."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from redis import Redis

from plivo_async.testing import FakePlivo, FakeRateLimit
from tests.benchmarks.shared_limit import Scenario, run
from tests.services.redis_server import RedisServer

SECONDS = 1.0
EXAMPLE = str(Path(__file__).parents[3] / "docs/examples/shared_limit.py")


@pytest.mark.parametrize(("kind", "processes"), [("sliding", 2), ("fixed", 4), ("bucket", 8)])
def test_all_records_come_without_a_429(redis_server: RedisServer, kind: str, processes: int) -> None:
    scenario = Scenario(kind=kind, processes=processes, requests=60, per=SECONDS, records=200)
    result = run(scenario, redis_server)
    assert (result.fetched, result.refused) == (200, 0)


def test_one_that_is_killed_costs_no_record_and_no_429(redis_server: RedisServer) -> None:
    scenario = Scenario(kills=True, requests=60, per=SECONDS, records=200, lost_after=3 * SECONDS)
    result = run(scenario, redis_server)
    assert (result.fetched, result.refused) == (200, 0)


async def test_the_example_of_the_page(redis_server: RedisServer) -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(kind="sliding"))
    call_uuids = fake.generate(30)
    environ = {
        **os.environ,
        "PLIVO_AUTH_ID": fake.auth_id,
        "PLIVO_AUTH_TOKEN": fake.auth_token,
        "NO_PROXY": "127.0.0.1",
        "REDIS_URL": redis_server.url,
    }
    async with fake.serve() as url, asyncio.timeout(120):
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, EXAMPLE, *call_uuids[first::2]),
                env={**environ, "PLIVO_ASYNC_BASE_URL": url},
                stdout=asyncio.subprocess.PIPE,
            )
            for first in range(2)
        ]
        printed = [(await process.communicate())[0].decode() for process in processes]
    assert sorted(line.split()[0] for line in "".join(printed).splitlines()) == sorted(call_uuids)
    assert fake.statuses == {200: 30}
    with Redis.from_url(redis_server.url) as client:
        assert client.exists(f"plivo_async:{{{fake.auth_id}}}:permits")
