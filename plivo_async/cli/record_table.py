"""A call detail record as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from rich.box import Box
from rich.table import Table
from rich.text import Text

from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import write_json
from plivo_async.text import printable

_Rows = list[tuple[str, str]]

# Rounded corners, no lines between the columns.
FRAME = Box("╭──╮\n│  │\n├──┤\n│  │\n├──┤\n├──┤\n│  │\n╰──╯\n")


def record_table(record: CallDetailRecord, *, encoding: str = "utf-8") -> Table:
    """Return a table of a record, in characters that the encoding supports."""
    table = Table(box=FRAME, show_header=False, border_style="dim")
    table.add_column(style="bold cyan")
    table.add_column(style="dim", overflow="fold")
    table.add_column(overflow="fold")
    for group, rows in record_facts(record).items():
        for index, (name, value) in enumerate(rows):
            cells = ("" if index else group, name, value)
            table.add_row(*(Text(_fit(cell, encoding)) for cell in cells))
    return table


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


def _fit(text: str, encoding: str) -> str:
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)
