# procrastinate_worker.py
"""A procrastinate worker that fetches the records of calls: PostgreSQL is queue and sink, without Redis.

    python -m procrastinate --app procrastinate_worker.app schema --apply   # once
    python -c 'import asyncio, procrastinate_worker as worker; asyncio.run(worker.main())'

A program that knows a call UUID adds a job:

    async with app.open_async():
        await fetch_call.defer_async(call_uuid="5607532d-5037-4066-befc-a8b40218dd4f")
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import cast

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from plivo_async import AsyncClient, PlivoError, RateLimit

# Without it, libpq reads PGHOST, PGUSER and its other variables.
DATABASE = os.environ.get("DATABASE_URL", "")
# The limit of the account, divided by two worker processes.
LIMIT = RateLimit(requests=150, per=5.0)
MAX_TRIES = 8
# The jobs of a worker run again if it has sent no heartbeat for STALLED_SECONDS.
HEARTBEAT_SECONDS = 10.0
STALLED_SECONDS = 30.0

TABLE = "CREATE TABLE IF NOT EXISTS calls (call_uuid text PRIMARY KEY, record jsonb, error text)"
# The key is the call UUID, so a job that runs twice writes the same row. A failure never replaces a record.
SAVE = """
INSERT INTO calls (call_uuid, record) VALUES (%s, %s)
ON CONFLICT (call_uuid) DO UPDATE SET record = excluded.record, error = NULL
"""
FAIL = """
INSERT INTO calls (call_uuid, error) VALUES (%s, %s)
ON CONFLICT (call_uuid) DO UPDATE SET error = excluded.error WHERE calls.record IS NULL
"""

Database = AsyncConnectionPool[AsyncConnection[TupleRow]]
app = App(connector=PsycopgConnector(conninfo=DATABASE))


@dataclass
class Shared:
    """The objects that the jobs of a worker share."""

    client: AsyncClient
    database: Database


class WhileRetryable(BaseRetryStrategy):
    """Runs a job again after the time that Plivo asks for, or later each time."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, PlivoError) or not exception.retryable:
            return None
        backoff = min(600.0, 2.0 ** (job.attempts + 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        seconds = max(exception.retry_after or 0.0, backoff)
        return RetryDecision(retry_in={"seconds": round(seconds)})


@app.task(pass_context=True, retry=WhileRetryable())
async def fetch_call(context: JobContext, call_uuid: str) -> None:
    """Fetch the record of a call and save it."""
    shared = cast(Shared, context.additional_context["shared"])
    try:
        record = await shared.client.calls.get(call_uuid)
    except PlivoError as error:
        if error.retryable and context.job.attempts + 1 < MAX_TRIES:
            raise
        async with shared.database.connection() as connection:
            await connection.execute(FAIL, (call_uuid, f"{type(error).__name__}: {error}"))
    else:
        async with shared.database.connection() as connection:
            await connection.execute(SAVE, (call_uuid, record.to_json()))


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Run the jobs of killed workers again: procrastinate finds them, and leaves them to you."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        await app.job_manager.retry_job(job)


async def main() -> None:
    async with (
        app.open_async(),
        Database(DATABASE) as database,
        # One client for each worker process, in its event loop.
        AsyncClient(rate_limit=LIMIT) as client,
    ):
        async with database.connection() as connection:
            await connection.execute(TABLE)
        # On SIGTERM it ends the jobs that run.
        await app.run_worker_async(
            concurrency=32,
            additional_context={"shared": Shared(client, database)},
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            shutdown_graceful_timeout=20.0,
        )
