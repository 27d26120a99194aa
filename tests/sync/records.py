"""Records for the tests of sync."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from plivo_async import CallDetailRecord
from plivo_async.sync import SyncState

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BEGIN = NOW - timedelta(days=90)


def call(number: int, **fields: Any) -> CallDetailRecord:
    """Return a record as Plivo sends it: the call with this number ended so many minutes before noon."""
    ended = NOW - timedelta(minutes=number)
    sent = {
        "answer_time": None,
        "call_duration": 0,
        "call_uuid": f"00000000-0000-4000-8000-{number:012}",
        "end_time": ended.isoformat(" "),
        "total_amount": "0.00850",
        "total_rate": "0.00850",
        **fields,
    }
    return CallDetailRecord.from_json(json.dumps(sent))


def state(**changes: Any) -> SyncState:
    """Return the state of a target that is up to date."""
    known: dict[str, Any] = {"account": "MA1", "kind": "calls", "since": BEGIN, "until": NOW, "newest": NOW}
    return SyncState(**{**known, **changes})
