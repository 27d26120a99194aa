"""A call detail record as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from attrs import frozen
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from plivo_async.cli.number_table import FRAME, fitting_text
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import write_json

_Rows = list[tuple[str, str]]

# The groups have a column of their own from this width on, in which a call UUID fits into one line.
_WIDE_CHARACTERS = 64


@frozen
class RecordTable:
    """A table of a record; in a narrow terminal, the groups have no column of their own.

    Attributes:
        record: The record.
    """

    record: CallDetailRecord

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table that fits."""
        is_wide = options.max_width >= _WIDE_CHARACTERS
        table = Table(box=FRAME, show_header=False, border_style="dim")
        if is_wide:
            table.add_column(style="bold cyan")
        table.add_column(style="dim", no_wrap=not is_wide)
        table.add_column(overflow="fold")
        for group, rows in record_facts(self.record).items():
            if not is_wide:
                table.add_row(Text(group, "not dim bold cyan"))
            for index, row in enumerate(rows):
                first = [Text("" if index else group)] if is_wide else []
                name, value = (fitting_text(cell, options.encoding) for cell in row)
                table.add_row(*first, Text(name if is_wide else f"  {name}"), Text(value))
        yield table


def record_facts(record: CallDetailRecord) -> dict[str, _Rows]:
    """Return names and values by group, without fields that are absent, null or empty."""
    facts: dict[str, _Rows] = {}
    for group, name, value in _facts(record):
        if value:
            facts.setdefault(group, []).append((name, value))
    return facts


def _facts(record: CallDetailRecord) -> Iterator[tuple[str, str, str | None]]:
    yield "Call", "uuid", record.call_uuid
    yield "Call", "direction", record.call_direction
    yield "Call", "from", record.from_number
    yield "Call", "to", record.to_number
    yield "Call", "state", record.call_state
    yield "Call", "parent call", record.parent_call_uuid
    yield "Call", "conference", record.conference_uuid
    yield "Times", "started", _time(record.initiation_time)
    yield "Times", "answered", _answer(record)
    yield "Times", "ended", _time(record.end_time)
    yield "Times", "rang", _span(record.ring_time)
    yield "Times", "lasted", _seconds(record.call_duration)
    yield "Money", "billable", _billable(record)
    yield "Money", "billed", _seconds(record.billed_duration)
    yield "Money", "rate", _rate(record.total_rate)
    yield "Money", "amount", _number(record.total_amount)
    yield "Hang-up", "cause", _cause(record)
    yield "Hang-up", "name", _other_name(record)
    yield "Hang-up", "source", record.hangup_source
    yield "STIR", "verified", record.stir_verification
    yield "STIR", "attestation", record.stir_attestation
    yield "Network", "group", record.voice_network_group
    yield "Network", "source IP", record.source_ip
    yield "Network", "CNAM look-up", None if record.cnam_lookup is None else str(record.cnam_lookup)
    for key, value in record.extra.items():
        yield "Other", key, value if value is None or isinstance(value, str) else write_json(value)


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(" ")


def _answer(record: CallDetailRecord) -> str | None:
    # Without an end time, an unanswered call looks like an incomplete record.
    if record.answer_time is None and record.end_time is not None:
        return "no"
    return _time(record.answer_time)


def _billable(record: CallDetailRecord) -> str | None:
    return None if record.bill_duration == record.call_duration else _seconds(record.bill_duration)


def _span(span: timedelta | None) -> str | None:
    if span is None:
        return None
    return f"{span.total_seconds():.3f} s" if span.microseconds else _seconds(span // timedelta(seconds=1))


def _seconds(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{seconds} s ({hours}:{minutes:02}:{rest:02})"


def _number(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _rate(rate: Decimal | None) -> str | None:
    return None if rate is None else f"{rate:f} per minute"


def _cause(record: CallDetailRecord) -> str | None:
    if record.hangup_cause_code is None:
        return record.hangup_cause
    return f"{record.hangup_cause_code:d} {record.hangup_cause or ''}".rstrip()


def _other_name(record: CallDetailRecord) -> str | None:
    same = (record.hangup_cause or "").casefold() == (record.hangup_cause_name or "").casefold()
    return None if same else record.hangup_cause_name
