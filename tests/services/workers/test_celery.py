"""docs/examples/celery_worker.py on a real redis-server."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.services.redis_server import RedisServer
from tests.services.workers.crash import assert_each_call_is_there_once, kill_one_stop_one
from tests.services.workers.fake_account import FLAKY
from tests.services.workers.programs import Account, Program

SIZE = 2000
# The limit of the fake account, and a short wait for the tasks of a killed worker.
SCALED = """
from plivo_async import RateLimit
import celery_worker
celery_worker.LIMIT = RateLimit(requests=300, per=1.0)
app = celery_worker.app
# A worker that is killed while it restores tasks keeps the others from it until its mutex expires.
app.conf.broker_transport_options |= {
    "visibility_timeout": 5, "unacked_restore_interval": 1, "unacked_mutex_expire": 5
}
"""
ADD_TASKS = """
import json
from pathlib import Path
from celery_worker import enqueue

enqueue(json.loads(Path("call_uuids.json").read_text()))
"""
CALLS_OF_A_TASK = 100


def begin(account: Account) -> None:
    account.write("scaled.py", SCALED)
    account.write("call_uuids.json", json.dumps(account.call_uuids))
    account.run("-c", ADD_TASKS)


def start(account: Account, name: str, *more: str) -> Program:
    # Without the messages between workers, which cost seconds at the start.
    options = [*(more or ["--concurrency=1"]), "--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = ["-m", "celery", "-A", "scaled", "worker", "-n", name, *options]
    return account.start(name, *command)


def test_celery_loses_no_call_to_a_killed_worker_and_meets_no_429(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with Account(tmp_path, SIZE, redis_server.url, flaky=FLAKY) as account:
        begin(account)

        kill_one_stop_one(account, lambda name: start(account, name))

        assert_each_call_is_there_once(account, repeated=2 * CALLS_OF_A_TASK)


def test_celery_runs_the_task_of_a_killed_child_again_in_the_next_child(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with Account(tmp_path, 120, redis_server.url) as account:
        begin(account)
        worker = start(account, "only")
        account.wait_for_rows(20)
        [child] = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        account.wait_for_rows(120)

        assert worker.terminate() == 0
        assert "WorkerLostError" in worker.log
        assert account.rows.keys() == set(account.call_uuids)
        assert account.statistics["over_limit"] == 0


def test_celery_shares_one_client_between_the_threads_of_a_process(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with Account(tmp_path, 120, redis_server.url) as account:
        begin(account)
        worker = start(account, "only", "--pool=threads", "--concurrency=3")
        account.wait_for_rows(120)

        assert worker.terminate() == 0
        assert "Traceback" not in worker.log
        assert account.rows.keys() == set(account.call_uuids)
        assert account.statistics["statuses"] == {"200": 110, "404": 10}
