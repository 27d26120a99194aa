# streaq_worker.py
"""A streaQ worker that fetches the records of calls.

    streaq run streaq_worker:worker

A program that knows a call UUID adds a job:

    async with worker:
        await fetch_call.enqueue("5607532d-5037-4066-befc-a8b40218dd4f")
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from call_sink import CallSink
from streaq import Worker
from streaq.types import StreaqRetry

from plivo_async import AsyncClient, PlivoError, RateLimit
from plivo_async.redis import RedisLimiter

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")
# The limit of the account, which all workers share by Redis.
LIMIT = RateLimit(requests=300, per=5.0)
MAX_TRIES = 8


@dataclass
class Context:
    """The objects that the jobs of a worker share."""

    client: AsyncClient
    sink: CallSink


@asynccontextmanager
async def lifespan() -> AsyncGenerator[Context]:
    """Build one client for each worker process, in its event loop."""
    with closing(CallSink(Path("calls.db"))) as sink:
        async with AsyncClient(rate_limit=RedisLimiter(REDIS_URL, limit=LIMIT)) as client:
            yield Context(client, sink)


worker = Worker(
    redis_url=REDIS_URL,
    lifespan=lifespan,
    # The rate limit needs 60 x (seconds of a response) jobs at once; more of them only wait.
    concurrency=32,
    # The jobs of a killed worker go to another one after this time. A worker that lives renews its claim.
    idle_timeout=timedelta(seconds=60),
    # On SIGTERM, jobs have so many seconds to end. Those that do not end are cancelled, and run elsewhere.
    grace_period=20,
)


def pause(error: PlivoError, tries: int) -> timedelta:
    """Return how long the queue holds a job back: as long as Plivo asks for, or longer each time."""
    backoff = min(600.0, 2.0**tries) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    return timedelta(seconds=max(error.retry_after or 0.0, backoff))


# streaQ's own `max_tries` would drop the job without a row in the sink: the job counts by itself. `silent`
# leaves out two lines of log for each job, and a traceback for each retry.
@worker.task(max_tries=None, silent=True)
async def fetch_call(call_uuid: str) -> None:
    """Fetch the record of a call and save it."""
    client, sink = worker.context.client, worker.context.sink
    tries = fetch_call.context.tries
    try:
        # The client repeats within seconds, the queue within minutes.
        record = await client.calls.get(call_uuid)
    except PlivoError as error:
        if error.retryable and tries < MAX_TRIES:
            raise StreaqRetry(str(error), delay=pause(error, tries)) from error
        await asyncio.to_thread(sink.fail, call_uuid, error)
    else:
        await asyncio.to_thread(sink.save, record)
