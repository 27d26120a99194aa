"""docs/examples/streaq_worker.py on a real redis-server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.services.redis_server import RedisServer
from tests.services.workers.crash import assert_each_call_is_there_once, kill_one_stop_one
from tests.services.workers.fake_account import FLAKY
from tests.services.workers.programs import Account

SIZE = 2000
# The limit of the fake account, and a short wait for the jobs of a killed worker.
SCALED = """
from plivo_async import RateLimit
import streaq_worker
streaq_worker.LIMIT = RateLimit(requests=300, per=1.0)
worker = streaq_worker.worker
worker.idle_timeout = 2_000
"""
ADD_JOBS = """
import asyncio, json
from pathlib import Path
from streaq_worker import fetch_call, worker

async def main():
    call_uuids = json.loads(Path("call_uuids.json").read_text())
    async with worker:
        await worker.enqueue_many([fetch_call.enqueue(call_uuid) for call_uuid in call_uuids])

asyncio.run(main())
"""
# Both processes: the one that is killed and the one that is stopped.
JOBS_AT_ONCE = 32


def test_streaq_loses_no_call_to_a_killed_worker_and_meets_no_429(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with Account(tmp_path, SIZE, redis_server.url, flaky=FLAKY) as account:
        account.write("scaled.py", SCALED)
        account.write("call_uuids.json", json.dumps(account.call_uuids))
        account.run("-c", ADD_JOBS)

        kill_one_stop_one(account, lambda name: account.start(name, "-m", "streaq", "run", "scaled:worker"))

        assert_each_call_is_there_once(account, repeated=2 * JOBS_AT_ONCE)
