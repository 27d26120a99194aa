"""Calls as a table for people, a row each, in as many columns as fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from decimal import Decimal

from attrs import frozen
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from plivo_async.cli.number_table import FRAME, fitting_text
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord

_Record = CallDetailRecord | TrunkCallDetailRecord
_Cell = Callable[[_Record], object]

# From the most to the least important. `_ORDER` is their order from left to right.
_COLUMNS: tuple[tuple[str, _Cell, bool], ...] = (
    ("Call UUID", lambda record: record.call_uuid, False),
    ("Secs", lambda record: record.call_duration, True),
    ("Amount", lambda record: record.total_amount, True),
    ("To", lambda record: record.to_number, False),
    ("From", lambda record: record.from_number, False),
    ("Direction", lambda record: record.call_direction, False),
    ("Cause", lambda record: record.hangup_cause_code and int(record.hangup_cause_code), True),
    ("Name", lambda record: record.hangup_cause_name, False),
)
_ORDER = ("Call UUID", "Direction", "From", "To", "Secs", "Amount", "Cause", "Name")


@frozen
class CallTable:
    """A row for each call. A narrow terminal gets fewer columns; no cell is cut.

    Attributes:
        records: The calls.
        zone: The time zone of the ends.
    """

    records: Sequence[_Record]
    zone: tzinfo

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table."""
        columns = {
            name: ([_text(cell(record), options.encoding) for record in self.records], is_number)
            for name, cell, is_number in _COLUMNS
        }
        title = f"Ended ({self.zone})"
        ended = [self._ended(record) for record in self.records]
        # Each column has a space on both sides and a border.
        left = options.max_width - 1 - max(map(len, (title, *ended))) - 3
        chosen: set[str] = set()
        for name, (cells, _) in columns.items():
            left -= max(map(len, (name, *cells))) + 3
            if left < 0 and chosen:
                break
            chosen.add(name)
        names = [name for name in _ORDER if name in chosen]
        table = Table(box=FRAME, border_style="dim", header_style="bold cyan")
        table.add_column(title, overflow="fold")
        for name in names:
            table.add_column(name, justify="right" if columns[name][1] else "left", overflow="fold")
        for number, end in enumerate(ended):
            table.add_row(end, *(Text(columns[name][0][number]) for name in names))
        yield table

    def _ended(self, record: _Record) -> str:
        if record.end_time is None:
            return ""
        return f"{record.end_time.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


def _text(value: object, encoding: str) -> str:
    if value is None:
        return ""
    return fitting_text(format(value, "f") if isinstance(value, Decimal) else str(value), encoding)
