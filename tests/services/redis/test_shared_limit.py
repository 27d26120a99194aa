"""Processes that share a rate limit through a real Redis server, against a server that counts."""

from __future__ import annotations

import pytest

from tests.benchmarks.shared_limit import Scenario, run
from tests.services.redis_server import RedisServer

SECONDS = 1.0


@pytest.mark.parametrize(("kind", "processes"), [("sliding", 2), ("fixed", 4), ("bucket", 8)])
def test_all_records_come_without_a_429(redis_server: RedisServer, kind: str, processes: int) -> None:
    scenario = Scenario(kind=kind, processes=processes, requests=60, per=SECONDS, records=200)
    result = run(scenario, redis_server)
    assert (result.fetched, result.refused) == (200, 0)


def test_one_that_is_killed_costs_no_record_and_no_429(redis_server: RedisServer) -> None:
    scenario = Scenario(kills=True, requests=60, per=SECONDS, records=200, lost_after=3 * SECONDS)
    result = run(scenario, redis_server)
    assert (result.fetched, result.refused) == (200, 0)
