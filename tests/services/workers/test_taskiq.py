"""docs/examples/taskiq_worker.py on a real redis-server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.services.redis_server import RedisServer
from tests.services.workers.crash import assert_each_call_is_there_once, kill_one_stop_one
from tests.services.workers.fake_account import FLAKY
from tests.services.workers.programs import Account

SIZE = 400
# The limit of the fake account, and a short wait for the jobs of a killed worker.
SCALED = """
from plivo_async import RateLimit
import taskiq_worker

taskiq_worker.LIMIT = RateLimit(requests=300, per=1.0)
taskiq_worker.look_for_lost_jobs.labels["schedule"] = [{"interval": 1}]
broker, scheduler = taskiq_worker.broker, taskiq_worker.scheduler
broker.idle_timeout = 3_000
"""
ADD_JOBS = """
import asyncio, json
from pathlib import Path
from taskiq_worker import broker, fetch_call

async def main():
    call_uuids = json.loads(Path("call_uuids.json").read_text())
    await broker.startup()
    for call_uuid in call_uuids:
        await fetch_call.kiq(call_uuid)
    await broker.shutdown()

asyncio.run(main())
"""
# Those that run and those that are reserved.
JOBS_OF_A_WORKER = 64


def test_taskiq_loses_no_call_to_a_killed_worker_and_meets_no_429(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with Account(tmp_path, SIZE, redis_server.url, flaky=FLAKY) as account:
        account.write("scaled.py", SCALED)
        account.write("call_uuids.json", json.dumps(account.call_uuids))
        account.run("-c", ADD_JOBS)
        command = [
            "worker",
            "scaled:broker",
            "--workers",
            "1",
            "--max-async-tasks",
            "32",
            "--max-prefetch",
            "1",
        ]
        account.start("scheduler", "-m", "taskiq", "scheduler", "scaled:scheduler", "--update-interval", "1")

        kill_one_stop_one(account, lambda name: account.start(name, "-m", "taskiq", *command))

        assert_each_call_is_there_once(account, repeated=2 * JOBS_OF_A_WORKER)
