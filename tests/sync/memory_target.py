"""A target for the tests of a sync."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import define, field

from plivo_async import CallDetailRecord
from plivo_async.sync import Changes, SyncState
from plivo_async.sync.changes import changed_fields


@define
class MemoryTarget:
    """A target that keeps records in memory."""

    records: dict[str, CallDetailRecord] = field(factory=dict[str, CallDetailRecord])
    states: list[SyncState] = field(factory=list[SyncState])
    can_count: bool = True

    async def state(self, kind: str) -> SyncState | None:
        return self.states[-1] if self.states else None

    async def write(self, records: Sequence[CallDetailRecord], state: SyncState) -> Changes:
        changes = Changes()
        for record in records:
            old = self.records.get(record.call_uuid)
            if old is None:
                changes.new += 1
            else:
                changes.count(changed_fields(old, record))
            self.records[record.call_uuid] = record
        self.states.append(state)
        return changes

    async def count(self, kind: str, since: datetime, until: datetime) -> int | None:
        if not self.can_count:
            return None
        ends = [record.end_time for record in self.records.values()]
        return sum(end is not None and since <= end < until for end in ends)
