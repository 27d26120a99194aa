# celery_worker.py
"""A Celery worker that fetches the records of calls.

    celery -A celery_worker worker --concurrency=2

A program that knows call UUIDs adds tasks of a hundred:

    enqueue(call_uuids)
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Coroutine, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from call_sink import CallSink
from celery import Celery, Task
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutdown
from celery.utils.log import get_task_logger

from plivo_async import AsyncClient, Failed, Fetched, PlivoError, RateLimit
from plivo_async.redis import RedisLimiter

T = TypeVar("T")

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")
# The limit of the account, which all workers share by Redis.
LIMIT = RateLimit(requests=300, per=5.0)
MAX_RETRIES = 8

logger = get_task_logger(__name__)
app = Celery("celery_worker", broker=REDIS_URL)
app.conf.update(
    task_ignore_result=True,
    # A task is acknowledged when it has ended, so a killed worker's tasks run again.
    task_acks_late=True,
    # The same if only a child process is killed. Without this, Celery acknowledges the task that it ran.
    task_reject_on_worker_lost=True,
    # A process reserves one task at a time, so a killed process holds back no others.
    worker_prefetch_multiplier=1,
    broker_transport_options={
        # Seconds after which Redis gives the tasks of a killed worker to another one. It has to be longer
        # than the longest task and than the longest countdown (10 min, in `pause`), or tasks run twice: it
        # begins when a worker receives a task.
        "visibility_timeout": 900,
        # Look for these tasks every 10 s. The default is every 100 s.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    },
)


class Fetcher:
    """One event loop, one client and one sink for all tasks of a process.

    The loop runs in a thread, so it runs between tasks too: connections and permits are given back in time.
    It also serves several tasks at once, for `--pool=threads`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plivo", daemon=True)
        self._thread.start()
        self._client = AsyncClient(rate_limit=RedisLimiter(REDIS_URL, limit=LIMIT))
        self._sink = CallSink(Path("calls.db"))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        finally:
            # For a time limit of Celery, which is an exception in this thread only.
            future.cancel()

    def fetch(self, call_uuids: Sequence[str]) -> dict[str, PlivoError]:
        """Fetch and save records. Return the errors of the others."""
        return self._run(self._fetch(call_uuids))

    async def _fetch(self, call_uuids: Sequence[str]) -> dict[str, PlivoError]:
        # A task that runs again fetches only the missing records.
        left = self._sink.missing(call_uuids)
        failed: dict[str, PlivoError] = {}
        try:
            # Many calls are under way while Celery runs one task: one call after the other is too slow. In an
            # outage the task ends after a minute, and the queue waits.
            async with self._client.calls.get_many(left, patience=60.0) as batch:
                async for outcome in batch:
                    match outcome:
                        case Fetched(_, record):
                            await asyncio.to_thread(self._sink.save, record)
                        case Failed(call_uuid, error):
                            failed[str(call_uuid)] = error
        except PlivoError as error:
            # The batch has stopped: the outage lasts, or the credentials are wrong.
            failed = dict.fromkeys(self._sink.missing(left), error) | failed
        return failed

    def give_up(self, call_uuid: str, error: PlivoError) -> None:
        """Save an error that no retry mends."""
        self._sink.fail(call_uuid, error)

    def close(self) -> None:
        self._run(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._sink.close()


@cache
def fetcher() -> Fetcher:
    """Build the fetcher of this process: after the fork, because neither a thread nor a loop survives it."""
    return Fetcher()


@worker_process_init.connect
def open_fetcher(**_: Any) -> None:
    fetcher()


# The second signal is for `--pool=threads` and `--pool=solo`, which have no child processes.
@worker_process_shutdown.connect
@worker_shutdown.connect
def close_fetcher(**_: Any) -> None:
    if fetcher.cache_info().currsize:
        fetcher().close()


@app.task(bind=True, max_retries=None)
def fetch_calls(self: Task[..., None], call_uuids: list[str]) -> None:
    """Fetch the records of some calls and save them."""
    retries = self.request.retries
    failed = fetcher().fetch(call_uuids)
    again = {} if retries >= MAX_RETRIES else {name: e for name, e in failed.items() if e.retryable}
    for call_uuid in failed.keys() - again.keys():
        fetcher().give_up(call_uuid, failed[call_uuid])
    if again:
        logger.info("%d calls are fetched later", len(again))
        raise self.retry(args=(list(again),), countdown=pause(again.values(), retries))


def pause(errors: Iterable[PlivoError], retries: int) -> float:
    """Return how many seconds the queue holds a task back: as long as Plivo asks for, or longer each time."""
    backoff = min(600.0, 2.0**retries) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    return min(600.0, max(backoff, *(error.retry_after or 0.0 for error in errors)))


def enqueue(call_uuids: Sequence[str], size: int = 100) -> None:
    """Add a task for each hundred calls: some seconds of work, which a kill repeats at most."""
    for first in range(0, len(call_uuids), size):
        fetch_calls.delay(list(call_uuids[first : first + size]))
