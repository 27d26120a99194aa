"""docs/examples/procrastinate_worker.py on a real PostgreSQL server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from tests.postgres_server import postgres_server
from tests.services.workers.crash import assert_each_call_is_there_once, kill_one_stop_one
from tests.services.workers.fake_account import FLAKY
from tests.services.workers.programs import Account

SIZE = 400
JOBS_AT_ONCE = 32

# The limit of the fake account, and a short wait for the jobs of a killed worker. Cron has no seconds.
SCALED = """
import asyncio
from plivo_async import RateLimit
import procrastinate_worker

procrastinate_worker.LIMIT = RateLimit(requests=150, per=1.0)
procrastinate_worker.HEARTBEAT_SECONDS = 0.5
procrastinate_worker.STALLED_SECONDS = 2.0

async def look_for_stalled_jobs():
    while True:
        await asyncio.sleep(1.0)
        await procrastinate_worker.retry_stalled.configure(queueing_lock=None).defer_async(timestamp=0)

async def main():
    looking = asyncio.create_task(look_for_stalled_jobs())
    await procrastinate_worker.main()
    looking.cancel()

asyncio.run(main())
"""
ADD_JOBS = """
import asyncio, json
from pathlib import Path
from procrastinate_worker import app, fetch_call

async def main():
    call_uuids = json.loads(Path("call_uuids.json").read_text())
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await fetch_call.batch_defer_async(*({"call_uuid": call_uuid} for call_uuid in call_uuids))

asyncio.run(main())
"""


def test_procrastinate_loses_no_call_to_a_killed_worker_and_meets_no_429(tmp_path: Path) -> None:
    with postgres_server() as postgres, Account(tmp_path, SIZE, "", flaky=FLAKY) as account:

        def query(text: str) -> list[tuple[Any, ...]]:
            with psycopg.connect(postgres.conninfo) as connection:
                return connection.execute(text.encode()).fetchall()

        account.query = query
        account.find_table = "SELECT 1 FROM pg_tables WHERE tablename = 'calls'"
        account.environ.update(postgres.environ)
        account.write("scaled.py", SCALED)
        account.write("call_uuids.json", json.dumps(account.call_uuids))
        account.run("-c", ADD_JOBS)

        kill_one_stop_one(account, lambda name: account.start(name, "scaled.py"))

        assert_each_call_is_there_once(account, repeated=2 * JOBS_AT_ONCE)
