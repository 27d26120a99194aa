# taskiq_worker.py
"""A taskiq worker that fetches the records of calls, and the scheduler of its retries.

    taskiq worker taskiq_worker:broker --workers 2 --max-async-tasks 32 --max-prefetch 1
    taskiq scheduler taskiq_worker:scheduler --update-interval 1

A program that knows a call UUID adds a job:

    await broker.startup()
    await fetch_call.kiq("5607532d-5037-4066-befc-a8b40218dd4f")
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from call_sink import CallSink
from taskiq import TaskiqEvents, TaskiqScheduler, TaskiqState
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_redis import ListRedisScheduleSource, RedisStreamBroker

from plivo_async import AsyncClient, PlivoError, RateLimit
from plivo_async.redis import RedisLimiter

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")
# The limit of the account, which all workers share by Redis.
LIMIT = RateLimit(requests=300, per=5.0)
MAX_TRIES = 8

# A stream keeps a job until it is acknowledged. A list forgets the jobs that a killed worker had.
broker = RedisStreamBroker(
    REDIS_URL,
    # After so many milliseconds the jobs of a killed worker go to another one. So do jobs that still run:
    # the time has to be longer than the longest job.
    idle_timeout=180_000,
    # Seconds. Without it, a worker that is killed while it looks for these jobs keeps its lock for ever.
    unacknowledged_lock_timeout=10.0,
    # A worker reserves at most so many jobs.
    xread_count=32,
)
retries = ListRedisScheduleSource(REDIS_URL)
scheduler = TaskiqScheduler(broker, [retries, LabelScheduleSource(broker)])


@dataclass
class Shared:
    """The objects that the jobs of a worker process share."""

    client: AsyncClient
    sink: CallSink


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start(state: TaskiqState) -> None:
    state.shared = Shared(
        AsyncClient(rate_limit=RedisLimiter(REDIS_URL, limit=LIMIT)), CallSink(Path("calls.db"))
    )
    await retries.startup()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def stop(state: TaskiqState) -> None:
    await retries.shutdown()
    shared: Shared = state.shared
    await shared.client.aclose()
    shared.sink.close()


@broker.task
async def fetch_call(call_uuid: str, tries: int = 1) -> None:
    """Fetch the record of a call and save it."""
    shared: Shared = broker.state.shared
    try:
        record = await shared.client.calls.get(call_uuid)
    except PlivoError as error:
        if error.retryable and tries < MAX_TRIES:
            await fetch_call.schedule_by_time(retries, retry_time(error, tries), call_uuid, tries=tries + 1)
        else:
            await asyncio.to_thread(shared.sink.fail, call_uuid, error)
    else:
        await asyncio.to_thread(shared.sink.save, record)


@broker.task(schedule=[{"interval": 60}])
async def look_for_lost_jobs() -> None:
    """Wake a worker: only when a job arrives, the broker looks for the jobs of killed workers."""


def retry_time(error: PlivoError, tries: int) -> datetime:
    """Return when a job runs again: after the time that Plivo asks for, or later each time."""
    backoff = min(600.0, 2.0**tries) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    return datetime.now(UTC) + timedelta(seconds=max(error.retry_after or 0.0, backoff))
