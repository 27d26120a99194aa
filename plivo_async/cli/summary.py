"""Counts, seconds and exact amounts over many records. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from decimal import Context, Decimal, Inexact
from typing import Any

from attrs import define, field

from plivo_async.cli.grouping import Grouping
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord

# An amount has at most 64 characters, so the sum of all that fit on a disk has far fewer digits than this.
_EXACT = Context(prec=400, traps=[Inexact])
_ZERO = Decimal("0.00000")
_MAX_GROUPS = 100_000
_OTHERS = "(others)"

_Key = tuple[str, int | None, str]


@define
class Tally:
    """Sums over some records.

    Attributes:
        records: How many records there are.
        answered: How many of the calls were answered.
        call_seconds: The sum of `call_duration`.
        billed_seconds: The sum of `billed_duration`.
        amount: The exact sum of `total_amount`, without a currency.
        without_amount: How many records have no `total_amount`.
    """

    records: int = 0
    answered: int = 0
    call_seconds: int = 0
    billed_seconds: int = 0
    amount: Decimal = _ZERO
    without_amount: int = 0

    def add(self, record: CallDetailRecord | TrunkCallDetailRecord) -> None:
        """Add a record."""
        self.records += 1
        self.answered += record.answer_time is not None
        self.call_seconds += record.call_duration or 0
        self.billed_seconds += record.billed_duration or 0
        if record.total_amount is None:
            self.without_amount += 1
        else:
            self.amount = _EXACT.add(self.amount, record.total_amount)

    def merge(self, other: Tally) -> None:
        """Add the sums of another tally."""
        self.records += other.records
        self.answered += other.answered
        self.call_seconds += other.call_seconds
        self.billed_seconds += other.billed_seconds
        self.amount = _EXACT.add(self.amount, other.amount)
        self.without_amount += other.without_amount

    @property
    def answered_share(self) -> float:
        """The share of calls that were answered, from 0 to 1."""
        return self.answered / self.records if self.records else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON; the amount is a string, so that no parser rounds it."""
        return {
            "records": self.records,
            "answered": self.answered,
            "answered_share": round(self.answered_share, 4),
            "call_seconds": self.call_seconds,
            "billed_seconds": self.billed_seconds,
            "amount": f"{self.amount:f}",
            "without_amount": self.without_amount,
        }


@define
class Summary:
    """Sums by direction and hang-up cause; its size grows with the number of causes, not of records.

    Attributes:
        groupings: Further rules to sum up by, each for at most 100,000 groups.
        first_end: The earliest `end_time`; None without any.
        last_end: The latest one.
    """

    groupings: Sequence[Grouping] = ()
    first_end: datetime | None = field(default=None, init=False)
    last_end: datetime | None = field(default=None, init=False)
    _tallies: dict[_Key, Tally] = field(factory=dict[_Key, Tally], init=False)
    _names: dict[int, str] = field(factory=dict[int, str], init=False)
    _groups: dict[Grouping, dict[str, Tally]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Causes and directions are counted anyway.
        self._groups = {each: {} for each in self.groupings if each.by not in ("cause", "direction")}

    def add(self, record: CallDetailRecord | TrunkCallDetailRecord) -> None:
        """Add a record."""
        code = record.hangup_cause_code
        # Without a code, only the name distinguishes causes.
        words = _cause(record)
        name = words if code is None else ""
        key = (str(record.call_direction or ""), None if code is None else int(code), name)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
            if code is not None:
                self._names.setdefault(int(code), words)
        tally.add(record)
        for grouping, groups in self._groups.items():
            name = grouping.name(record)
            if name not in groups and len(groups) >= _MAX_GROUPS:
                name = _OTHERS
            groups.setdefault(name, Tally()).add(record)
        ended = record.end_time
        if ended is not None:
            if self.first_end is None or ended < self.first_end:
                self.first_end = ended
            if self.last_end is None or ended > self.last_end:
                self.last_end = ended

    def show_ends_in(self, zone: tzinfo) -> None:
        """Convert the range of end times to a time zone."""
        # At the ends of the calendar there is no other zone.
        with suppress(OverflowError):
            self.first_end = None if self.first_end is None else self.first_end.astimezone(zone)
            self.last_end = None if self.last_end is None else self.last_end.astimezone(zone)

    @property
    def total(self) -> Tally:
        """The sums over all records."""
        return _merged(self._tallies.values())

    def by_cause(self) -> list[tuple[int | None, str, Tally]]:
        """Return code, name and sums of each hang-up cause, the most frequent first."""
        grouped = self._grouped(lambda key: key[1:])
        rows = [
            (code, name if code is None else self._names[code], tally)
            for (code, name), tally in grouped.items()
        ]
        return sorted(rows, key=lambda row: (-row[2].records, row[0] is None, row[0] or 0, row[1]))

    def by_direction(self) -> list[tuple[str, Tally]]:
        """Return name and sums of each direction, the most frequent first."""
        grouped = self._grouped(lambda key: key[0])
        return sorted(grouped.items(), key=lambda row: (-row[1].records, row[0]))

    def grouped(self, grouping: Grouping) -> list[tuple[str, Tally]]:
        """Return name and sums of each group: times in order, else the most frequent first."""
        if grouping.by == "direction":
            return self.by_direction()
        if grouping.by == "cause":
            rows = self.by_cause()
            return [(f"{'' if code is None else code} {name}".strip(), tally) for code, name, tally in rows]
        groups = self._groups[grouping]
        if grouping.is_time:
            return [(name, groups.get(name, Tally())) for name in grouping.filled(groups)] + [
                (name, groups[name]) for name in ("",) if name in groups
            ]
        return sorted(groups.items(), key=lambda row: (-row[1].records, row[0]))

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON."""
        return {
            **self.total.to_dict(),
            "first_end_time": None if self.first_end is None else self.first_end.isoformat(" "),
            "last_end_time": None if self.last_end is None else self.last_end.isoformat(" "),
            "by_direction": [{"direction": name, **tally.to_dict()} for name, tally in self.by_direction()],
            "by_cause": [
                {"code": code, "name": name, **tally.to_dict()} for code, name, tally in self.by_cause()
            ],
            **{
                f"by_{each.by}": [{each.by: name, **tally.to_dict()} for name, tally in self.grouped(each)]
                for each in self._groups
            },
        }

    def _grouped(self, group: Callable[[_Key], Any]) -> dict[Any, Tally]:
        grouped: dict[Any, Tally] = {}
        for key, tally in self._tallies.items():
            grouped.setdefault(group(key), Tally()).merge(tally)
        return grouped


@define
class Run:
    """The counts of one run of an export.

    The rows read are those written, failed, skipped, duplicates and without an id. This also holds for a run
    that was stopped.

    Attributes:
        read: The arguments and the rows of the input that were read, without the unfinished ones.
        written: Records written.
        failed: Calls that failed.
        skipped: Ids whose record was in the output before the run.
        duplicates: Repetitions of an id in the input.
        without_id: Rows of the input without an id.
        unfinished: Ids that were read ahead, or in progress, when the run was stopped.
        is_complete: Whether the run reached the end of its input.
        seconds: How long the run took.
        failures: The number of failures by the name of the error type.
        retryable: The number of failures that may succeed later.
        output: The path of the output; None for stdout.
        failed_file: The path of the failed file; None if this run wrote no failure to one.
    """

    read: int = 0
    written: int = 0
    failed: int = 0
    skipped: int = 0
    duplicates: int = 0
    without_id: int = 0
    unfinished: int = 0
    is_complete: bool = True
    seconds: float = 0.0
    failures: Counter[str] = field(factory=Counter[str])
    retryable: int = 0
    output: str | None = None
    failed_file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON."""
        return {
            "read": self.read,
            "written": self.written,
            "failed": self.failed,
            "skipped": self.skipped,
            "duplicates": self.duplicates,
            "without_id": self.without_id,
            "unfinished": self.unfinished,
            "complete": self.is_complete,
            "elapsed_seconds": round(self.seconds, 3),
            "failures": dict(self.failures.most_common()),
            "retryable": self.retryable,
            "output": self.output,
            "failed_file": self.failed_file,
        }


def _cause(record: CallDetailRecord | TrunkCallDetailRecord) -> str:
    words = record.hangup_cause if isinstance(record, CallDetailRecord) else record.hangup_cause_name
    return words or ""


def _merged(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total
