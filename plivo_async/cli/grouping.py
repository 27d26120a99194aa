"""Names the group of a record: its day, hour, month, number, cause or direction. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias, get_args

from attrs import frozen

from plivo_async.record.enums import CallDirection
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord

By: TypeAlias = Literal["day", "hour", "month", "number", "cause", "direction"]

ALL_BY: tuple[By, ...] = get_args(By)
_TIMES = ("day", "hour", "month")
_MAX_FILLED = 400


@frozen
class Grouping:
    """A rule by which records are summed up.

    Attributes:
        by: The value that the records of a group share. A time is the end of the call. A number is that of
            the account: the caller of an outbound call, the callee of an inbound one.
        zone: The time zone of days, hours and months.
    """

    by: By
    zone: tzinfo = UTC

    @property
    def is_time(self) -> bool:
        """Whether the groups are spans of time."""
        return self.by in _TIMES

    @property
    def title(self) -> str:
        """The heading of the names."""
        if self.is_time:
            return f"{self.by.capitalize()} ({self.zone})"
        return "Hang-up cause" if self.by == "cause" else self.by.capitalize()

    def name(self, record: CallDetailRecord | TrunkCallDetailRecord) -> str:
        """Return the span of time or the number of a record; empty if it has none."""
        if self.is_time:
            return "" if record.end_time is None else self._span(record.end_time)
        is_inbound = record.call_direction == CallDirection.INBOUND
        return (record.to_number if is_inbound else record.from_number) or ""

    def filled(self, names: Iterable[str]) -> list[str]:
        """Return the names of spans of time in order, with those in between, if they are not too many."""
        spans = set(names) - {""}
        known = sorted(spans, key=self._begin)
        if known:
            at, last = self._begin(known[0]), self._begin(known[-1])
            while at < last and len(spans) <= _MAX_FILLED:
                at += timedelta(hours=1) if self.by == "hour" else timedelta(days=1)
                spans.add(self._span(at))
        return known if len(spans) > _MAX_FILLED else sorted(spans, key=self._begin)

    def _span(self, time: datetime) -> str:
        try:
            local = time.astimezone(self.zone)
        except OverflowError:
            # At the end of the calendar.
            local = time
        if self.by == "hour":
            # In autumn an hour occurs twice, with different offsets.
            return local.replace(minute=0, second=0, microsecond=0).isoformat(" ", "minutes")
        return local.date().isoformat()[: 10 if self.by == "day" else 7]

    def _begin(self, name: str) -> datetime:
        if self.by == "hour":
            return datetime.fromisoformat(name)
        day = date.fromisoformat(name if self.by == "day" else f"{name}-01")
        # Noon, which a change of the clock does not move to another day.
        return datetime(day.year, day.month, day.day, 12, tzinfo=self.zone)
