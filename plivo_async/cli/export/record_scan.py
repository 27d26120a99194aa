"""Reads an export back, record by record, up to a last line that may be incomplete."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import click
from attrs import frozen

from plivo_async.cli.export.id_parser import CsvRows
from plivo_async.cli.export.record_format import (
    CSV_HEADER,
    FileFormat,
    record_in_line,
    record_in_row,
)
from plivo_async.errors import PlivoError
from plivo_async.record.model import CallDetailRecord


@frozen
class Scan:
    """The result of reading an export.

    Attributes:
        file_format: The format, recognised by the first line.
        end: The size in bytes of all complete lines.
        lacks_newline: Whether the last line is complete except for its newline.
        torn: The size in bytes of an incomplete last line.
    """

    file_format: FileFormat
    end: int = 0
    lacks_newline: bool = False
    torn: int = 0


def scan(file: BinaryIO, name: str, each: Callable[[CallDetailRecord], object]) -> Scan:
    """Read an export from its start.

    Args:
        file: The export.
        name: Its name for error messages.
        each: Called with each record.

    Raises:
        ClickException: A line other than an incomplete last one is not a record; the message has its number.
    """
    first = file.readline()
    if first == CSV_HEADER:
        return _scan_csv(file, name, each)
    if first and CSV_HEADER.startswith(first):
        return Scan("csv", torn=len(first))
    return _scan_ndjson(first, file, name, each)


def _scan_ndjson(first: bytes, file: BinaryIO, name: str, each: Callable[[CallDetailRecord], object]) -> Scan:
    end, number, line = 0, 0, first
    while line:
        number += 1
        is_complete = line.endswith(b"\n")
        if line.strip():
            try:
                record = record_in_line(line)
            except PlivoError as error:
                if not is_complete:
                    return Scan("ndjson", end, torn=len(line))
                raise _not_a_record(name, number, error) from None
            each(record)
        end += len(line)
        if not is_complete:
            # The line is a JSON object, and no proper prefix of an object is one.
            return Scan("ndjson", end, lacks_newline=True)
        line = file.readline()
    return Scan("ndjson", end)


def _scan_csv(file: BinaryIO, name: str, each: Callable[[CallDetailRecord], object]) -> Scan:
    end = size = len(CSV_HEADER)
    rows = CsvRows()
    for number, line in enumerate(file, start=2):
        size += len(line)
        if not line.endswith(b"\n"):
            # It may look complete and still lack the end of its last cell.
            break
        row = rows.feed(number, line.removesuffix(b"\n"))
        if row is None:
            continue
        if row.strip():
            try:
                record = record_in_row(row)
            except (PlivoError, ValueError) as error:
                raise _not_a_record(name, number, error) from None
            each(record)
        end = size
    return Scan("csv", end, torn=size - end)


def _not_a_record(name: str, number: int, error: Exception) -> click.ClickException:
    return click.ClickException(f"{name}, line {number}: not a call detail record: {error}")
