"""Reads the records of an export, also as a spreadsheet saved it or an older version wrote it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, BinaryIO

from attrs import define, frozen

from plivo_async.cli.export.record_format import (
    CSV_COLUMNS,
    INTEGER_FIELDS,
    headed_format,
    header,
)
from plivo_async.cli.export.record_scan import NotAnExportError, scan
from plivo_async.cli.export.safe_cell import armed
from plivo_async.cli.inputs.call_uuid_text import id_in
from plivo_async.cli.inputs.csv_rows import CsvRows, csv_cells, lines_with_id
from plivo_async.cli.inputs.decoded_lines import DecodedLines
from plivo_async.cli.inputs.lines import InputError
from plivo_async.errors import PlivoError
from plivo_async.record.converter import record_from_json
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import write_json

_ID = "call_uuid"
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE)
# A header with fewer of the documented columns is that of some other table.
_MIN_COLUMNS = 4
# Where commas delimit cells, one inside a number may separate thousands.
_DECIMAL_COMMA = re.compile(r"\A(-?[0-9]+),([0-9]+(?:[eE][+-]?[0-9]+)?)\Z")
_AMOUNTS = {"total_amount", "total_rate"}
_FAILURE_KEYS = {"kind", "status", "message", "attempts"}


@define
class Left:
    """The parts of a file that are no records.

    Attributes:
        torn: The size in bytes of an incomplete last line.
        without_id: The number of rows of CSV without a call UUID, such as totals.
    """

    torn: int = 0
    without_id: int = 0


@frozen
class _Layout:
    """How CSV is arranged.

    Attributes:
        delimiter: The character between two cells.
        fields: The field of each column; None for a column of another name.
        is_own: Whether the header is one that an export of this version writes.
    """

    delimiter: str
    fields: tuple[str | None, ...]
    is_own: bool

    @property
    def id_index(self) -> int:
        """The index of the column that has the call UUIDs."""
        return self.fields.index(_ID)


def read_export(file: BinaryIO, name: str, each: Callable[[CallDetailRecord], object]) -> Left:
    """Read an export from its start, be it NDJSON or CSV, in gzip or not.

    CSV is read by the names in its header: columns may be missing, new, or in another order. It may have
    semicolons or tabs, quotes, a byte order mark and decimal commas.

    Args:
        file: The export.
        name: Its name for error messages.
        each: Called with each record.

    Raises:
        NotAnExportError: A line is not a record, nor is it the last one and the beginning of a record.
        InputError: The file is compressed in another way, or damaged.
    """
    lines = DecodedLines(file, name)
    first = lines.readline()
    separator = _SEPARATOR.fullmatch(first)
    if separator:
        first = lines.readline()
    layout = _layout(first, separator[1].decode("latin-1") if separator else _DELIMITERS)
    if layout is not None:
        return _read_csv(lines, name, layout, 2 + bool(separator), each)
    lines.put_back(first)

    def check(record: CallDetailRecord) -> None:
        if record.extra.keys() >= _FAILURE_KEYS:
            raise NotAnExportError(f"{name}: this is the failed file of an export, not its output", None)
        each(record)

    return Left(torn=scan(lines, name, check).torn)


def _layout(first: bytes, delimiters: str) -> _Layout | None:
    text = first.decode("utf-8", "replace").strip("\r\n")
    for delimiter in delimiters:
        names = [cell.strip().casefold() for cell in csv_cells(text.replace("\r", ""), delimiter)]
        fields = tuple(name if name in CSV_COLUMNS and name != "extra" else None for name in names)
        known = [field for field in fields if field is not None]
        if first.endswith(b"\n") and _ID in known and len(set(known)) == len(known) >= _MIN_COLUMNS:
            found = headed_format(first)
            is_own = found is not None and first == header(found)
            return _Layout(delimiter, fields, is_own)
    return None


def _read_csv(
    lines: DecodedLines,
    name: str,
    layout: _Layout,
    start: int,
    each: Callable[[CallDetailRecord], object],
) -> Left:
    rows, left, began, size = CsvRows(layout.delimiter), Left(), start, 0
    for number, line in enumerate(lines, start):
        began, size = (began, size + len(line)) if rows.is_open else (number, len(line))
        try:
            row = rows.feed(number, line.removesuffix(b"\n"))
            cells = [] if row is None else _cells(row, layout)
            if not line.endswith(b"\n") and _is_torn(row, cells, layout):
                return Left(size, left.without_id)
            record = _record(cells, layout)
        except (PlivoError, ValueError, InputError) as error:
            message = f"{name}, line {began}: not a call detail record: {error}"
            raise NotAnExportError(message, began) from None
        if record is not None:
            each(record)
        elif any(map(str.strip, cells)) and not _is_header(cells, layout):
            left.without_id += 1
    if rows.is_open:
        left.torn = size
    return left


def _cells(row: bytes, layout: _Layout) -> list[str]:
    is_joined = b"\n" in row
    if is_joined and len(lines_with_id(row, layout.delimiter, layout.id_index)) > 1:
        raise ValueError("a stray quote joins it and the records below it")
    return csv_cells(row.decode("utf-8"), layout.delimiter, strict=is_joined)


def _is_torn(row: bytes | None, cells: list[str], layout: _Layout) -> bool:
    # The last row of an own file may look complete and still lack the end of its last cell.
    return row is None or layout.is_own or len(cells) < len(layout.fields)


def _record(cells: list[str], layout: _Layout) -> CallDetailRecord | None:
    """Return the record in a row; None for a row without a call UUID."""
    if any(map(str.strip, cells[len(layout.fields) :])):
        raise ValueError(f"{len(cells)} cells, expected {len(layout.fields)}")
    sent: dict[str, Any] = {}
    for field, cell in zip(layout.fields, cells, strict=False):
        if field is None or not cell:
            continue
        # A spreadsheet that saves a safe CSV drops the quotes in its header, and keeps the apostrophes.
        text = armed(cell)
        if field in INTEGER_FIELDS and text.isdecimal():
            sent[field] = int(text)
        elif field in _AMOUNTS and layout.delimiter != ",":
            sent[field] = _DECIMAL_COMMA.sub(r"\1.\2", text)
        else:
            sent[field] = text
    call_uuid = id_in(sent.get(_ID, ""))
    if not call_uuid or call_uuid.casefold() == _ID:
        return None
    return record_from_json(write_json({**sent, _ID: call_uuid}))


def _is_header(cells: list[str], layout: _Layout) -> bool:
    return len(cells) > layout.id_index and cells[layout.id_index].strip().casefold() == _ID
