"""A record as a line of NDJSON or a row of CSV, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

import attrs

from plivo_async.cli.export.id_parser import csv_cells
from plivo_async.record.converter import record_from_json
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import parse_json, write_json

FileFormat: TypeAlias = Literal["ndjson", "csv"]

_FIELDS = tuple(name for name in attrs.fields_dict(CallDetailRecord) if name not in ("extra", "wire_keys"))
# Every documented field, and one column of JSON for whatever else Plivo sends.
CSV_COLUMNS = (*_FIELDS, "extra")
CSV_HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"
_INTEGERS = {"call_duration", "bill_duration", "billed_duration", "hangup_cause_code"}
_QUOTED = re.compile(r'[",\r\n]|\A\s|\s\Z')

Encode: TypeAlias = Callable[[CallDetailRecord], bytes]


def ndjson_line(record: CallDetailRecord) -> bytes:
    """The record as Plivo sent it, with its newline."""
    return record.to_json().encode("ascii") + b"\n"


def csv_row(record: CallDetailRecord) -> bytes:
    """The record under `CSV_COLUMNS`, with its newline.

    What is null or absent is empty, an empty text is `""`: databases tell them apart.
    """
    cells = [_cell(getattr(record, name)) for name in _FIELDS]
    cells.append(_cell(write_json(record.extra)) if record.extra else "")
    # A lone surrogate has no UTF-8 form.
    return (",".join(cells) + "\n").encode("utf-8", "backslashreplace")


def encoder(file_format: FileFormat) -> Encode:
    """What makes a line of a record."""
    return csv_row if file_format == "csv" else ndjson_line


def header(file_format: FileFormat) -> bytes:
    """What the file begins with."""
    return CSV_HEADER if file_format == "csv" else b""


def record_in_line(line: bytes) -> CallDetailRecord:
    """The record in a line of NDJSON.

    Raises: DecodeError.
    """
    return record_from_json(line)


def record_in_row(row: bytes) -> CallDetailRecord:
    """The record in a row that `csv_row` made; an empty text comes back as None.

    Raises: DecodeError, ValueError.
    """
    cells = csv_cells(row.decode("utf-8"))
    if len(cells) != len(CSV_COLUMNS):
        raise ValueError(f"{len(cells)} cells, where {len(CSV_COLUMNS)} are expected")
    sent: dict[str, Any] = {}
    for name, cell in zip(_FIELDS, cells, strict=False):
        if cell:
            sent[name] = int(cell) if name in _INTEGERS else cell
    if cells[-1]:
        rest = parse_json(cells[-1])
        if not isinstance(rest, dict):
            raise ValueError("the last cell is no JSON object")
        # Nothing that is a field may come out of the column for the rest.
        sent = {**cast("dict[str, Any]", rest), **sent}
    return record_from_json(write_json(sent))


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
