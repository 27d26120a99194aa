"""What users may rely on in the types of plivo_async.testing. Type-checked, never run."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import assert_type

from plivo_async import AsyncClient, CallDetailRecord, Recording
from plivo_async.testing import (
    DOCUMENTED_CALL,
    Drop,
    FakePlivo,
    FakeRateLimit,
    FakeStatistics,
    InstantRetryPolicy,
    ListQuirks,
    RandomFaults,
    RecordedRequest,
    StubResponse,
)


async def fakes(record: CallDetailRecord) -> None:
    fake = FakePlivo([record, DOCUMENTED_CALL, {"call_uuid": "c1"}], rate_limit=None, latency=lambda: 0.1)
    FakePlivo(rate_limit=FakeRateLimit(requests=5, per=1.0, kind="sliding", retry_after="date"))
    FakePlivo(random_faults=RandomFaults(rate=0.5, faults=[500, Drop()]))
    assert_type(fake.call_uuids, list[str])
    assert_type(fake.generate(10, seed=7), list[str])
    assert_type(fake.requests, tuple[RecordedRequest, ...])
    assert_type(fake.statuses, Counter[int | None])
    assert_type(fake.over_limit, int)
    assert_type(fake.client(deadline=5.0, retry=InstantRetryPolicy()), AsyncClient)
    fake.add(record, {"call_uuid": "c1"})
    fake.script([503, StubResponse(429, {"error": "slow down"}, headers={"Retry-After": "2"}), Drop(10)])
    fake.script(repeat(503), call_uuid="c1")
    fake.publish_later("c1", after_requests=1)
    fake.publish_later("c1", after_seconds=1, after_lists=2)
    now = datetime(2026, 11, 28, tzinfo=UTC)
    FakePlivo(now=now, list_quirks=ListQuirks(total_count="text", shuffled=20))
    assert_type(fake.generate(10, since=now - timedelta(days=1), until=now), list[str])
    assert_type(fake.trunk_calls.generate(10, since=now - timedelta(days=1), until=now), list[str])
    assert_type(fake.statistics, FakeStatistics)
    fake.recordings.add({"recording_id": "r1"}, Recording(recording_id="r2"))
    fake.live_calls.add("c1", seconds=5)
    with fake.serve() as url:
        assert_type(url, str)
    async with fake.serve(8000) as url:
        assert_type(url, str)

    FakePlivo(["c1"])  # type: ignore[list-item]
    FakeRateLimit(kind="leaky")  # type: ignore[arg-type]
    fake.client(max_connections=5)  # type: ignore[call-arg]
    fake.script(503)  # type: ignore[arg-type]
