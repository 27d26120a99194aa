"""Converts a record to a line of NDJSON or a row of CSV, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

import attrs

from plivo_async.cli.export.safe_cell import armed, disarmed
from plivo_async.cli.inputs.csv_rows import csv_cells
from plivo_async.record.converter import record_from_json
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import parse_json, write_json
from plivo_async.record.trunk_call import TrunkCallDetailRecord

# `safe-csv` is CSV without formulas. The quotes in its header tell it apart.
FileFormat: TypeAlias = Literal["ndjson", "csv", "safe-csv"]

_FIELDS = tuple(
    name for name in attrs.fields_dict(CallDetailRecord) if name not in ("extra", "wire_keys", "wire_values")
)
# All documented fields, and a column of JSON for all other keys.
CSV_COLUMNS = (*_FIELDS, "extra")
CSV_HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"
SAFE_CSV_HEADER = ",".join(f'"{name}"' for name in CSV_COLUMNS).encode() + b"\n"
INTEGER_FIELDS = {"call_duration", "bill_duration", "billed_duration", "hangup_cause_code"}
_QUOTED = re.compile(r'[",\r\n]|\A\s|\s\Z')

Encode: TypeAlias = Callable[[Any], bytes]


def ndjson_line(record: CallDetailRecord | TrunkCallDetailRecord) -> bytes:
    """Return the record as Plivo sent it, with a newline."""
    return record.to_json().encode("ascii") + b"\n"


def csv_row(record: CallDetailRecord) -> bytes:
    """Return the values of `CSV_COLUMNS`, with a newline.

    A null or absent value is an empty cell, an empty string is `""`: databases distinguish them.
    """
    cells = [_cell(getattr(record, name)) for name in _FIELDS]
    cells.append(_cell(write_json(record.extra)) if record.extra else "")
    # UTF-8 cannot encode a lone surrogate.
    return (",".join(cells) + "\n").encode("utf-8", "backslashreplace")


def safe_csv_row(record: CallDetailRecord) -> bytes:
    """Return the values of `CSV_COLUMNS` with a newline, and no text that a spreadsheet would run."""
    cells = [_safe_cell(getattr(record, name)) for name in _FIELDS]
    cells.append(_safe_cell(write_json(record.extra)) if record.extra else "")
    return (",".join(cells) + "\n").encode("utf-8", "backslashreplace")


_ENCODERS: dict[FileFormat, Encode] = {"ndjson": ndjson_line, "csv": csv_row, "safe-csv": safe_csv_row}
_HEADERS: dict[FileFormat, bytes] = {"ndjson": b"", "csv": CSV_HEADER, "safe-csv": SAFE_CSV_HEADER}


def encoder(file_format: FileFormat) -> Encode:
    """Return the function that converts a record to this format."""
    return _ENCODERS[file_format]


def header(file_format: FileFormat) -> bytes:
    """Return the first line of a file in this format; empty if it has no header."""
    return _HEADERS[file_format]


def headed_format(line: bytes) -> FileFormat | None:
    """Return the format of CSV with this header, which may be cut short; None for any other line."""
    for found, first in _HEADERS.items():
        if line and first.startswith(line):
            return found
    return None


def record_in_line(line: bytes) -> CallDetailRecord:
    """Return the record in a line of NDJSON.

    Raises:
        DecodeError: The line is not a record.
    """
    return record_from_json(line)


def record_in_row(row: bytes, *, is_safe: bool = False) -> CallDetailRecord:
    """Return the record in a row of `csv_row` or `safe_csv_row`; an empty string is read as None.

    Raises:
        DecodeError: A cell has a value that its field rejects.
        ValueError: The row is not CSV, or has another number of cells.
    """
    cells = csv_cells(row.decode("utf-8"))
    if is_safe:
        cells = [armed(cell) for cell in cells]
    if len(cells) != len(CSV_COLUMNS):
        raise ValueError(f"{len(cells)} cells, expected {len(CSV_COLUMNS)}")
    if "\0" in cells[0]:
        # A power cut may leave NUL bytes before a row, which are no part of its first cell.
        raise ValueError("NUL bytes in the call UUID")
    sent: dict[str, Any] = {}
    for name, cell in zip(_FIELDS, cells, strict=False):
        if cell:
            sent[name] = int(cell) if name in INTEGER_FIELDS else cell
    if cells[-1]:
        rest = parse_json(cells[-1])
        if not isinstance(rest, dict):
            raise ValueError("the last cell is not a JSON object")
        # A key of the last column must not override a field.
        sent = {**cast("dict[str, Any]", rest), **sent}
    return record_from_json(write_json(sent))


def _safe_cell(value: Any) -> str:
    return _cell(disarmed(str(value)) if isinstance(value, str) else value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    if text and not _QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'
