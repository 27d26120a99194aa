"""The test of every engine: one worker is killed, one is stopped, and no call may be lost."""

from __future__ import annotations

import json
from collections.abc import Callable

from plivo_async import CallDetailRecord
from tests.services.workers.fake_account import FAILURES, FLAKY, NOT_FOUND
from tests.services.workers.programs import Account, Program


def kill_one_stop_one(account: Account, start: Callable[[str], Program]) -> None:
    """Kill one of two workers, restart it as a supervisor does, stop it at work, and then the other."""
    size = len(account.call_uuids)
    killed = start("first")
    account.wait_for_rows(size // 20)
    goes_on = start("second")
    account.wait_for_rows(size // 4)
    killed.kill()
    restarted = start("restarted")
    restarted.wait_until_it_handles_sigterm()
    account.wait_for_rows(size * 6 // 10)

    codes = [restarted.terminate()]
    account.wait_for_rows(size)
    codes.append(goes_on.terminate())

    assert codes == [0, 0], f"{codes}\n{account.logs}"
    for program in (restarted, goes_on):
        assert "Traceback" not in program.log
        assert "never" not in program.log


def assert_each_call_is_there_once(account: Account, *, repeated: int) -> None:
    """No call is lost, none waits for ever, and at most `repeated` were fetched by two workers."""
    rows = account.rows
    statistics = account.statistics

    assert rows.keys() == set(account.call_uuids)
    failed = {call_uuid: error or "" for call_uuid, (record, error) in rows.items() if record is None}
    assert failed.keys() == set(NOT_FOUND)
    assert all(error.startswith("NotFoundError: HTTP 404") for error in failed.values())
    records = {call_uuid: record for call_uuid, (record, _) in rows.items() if record is not None}
    for call_uuid, record in records.items():
        # A column of JSON arrives as a mapping.
        text = record if isinstance(record, str) else json.dumps(record)
        assert CallDetailRecord.from_json(text).call_uuid == call_uuid
    assert statistics["over_limit"] == 0
    # More failures in a row than the client tries: the queue has tried again.
    assert statistics["statuses"]["503"] == FLAKY * FAILURES
    assert statistics["requests"]["call"] <= len(rows) + FLAKY * FAILURES + repeated
