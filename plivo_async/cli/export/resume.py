"""An export as its own checkpoint: what a file holds already, and the repair of a last line cut short."""

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
    """What a file of records holds.

    end: bytes up to the end of the last whole line.
    lacks_newline: the last line is whole but for its newline.
    torn: bytes of a last line cut short.
    """

    file_format: FileFormat
    end: int = 0
    lacks_newline: bool = False
    torn: int = 0


def scan(file: BinaryIO, name: str, each: Callable[[CallDetailRecord], object]) -> Scan:
    """Read an export from its beginning, record by record; the format shows in the first line.

    Raises: ClickException, naming a line that is no record; the last one may be cut short.
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
        is_whole = line.endswith(b"\n")
        if line.strip():
            try:
                record = record_in_line(line)
            except PlivoError as error:
                if not is_whole:
                    return Scan("ndjson", end, torn=len(line))
                raise _no_record(name, number, error) from None
            each(record)
        end += len(line)
        if not is_whole:
            # No beginning of a JSON object is one.
            return Scan("ndjson", end, lacks_newline=True)
        line = file.readline()
    return Scan("ndjson", end)


def _scan_csv(file: BinaryIO, name: str, each: Callable[[CallDetailRecord], object]) -> Scan:
    end = size = len(CSV_HEADER)
    rows = CsvRows()
    for number, line in enumerate(file, start=2):
        size += len(line)
        if not line.endswith(b"\n"):
            # Whole as it may look: what is missing may be the rest of its last cell.
            break
        row = rows.feed(number, line.removesuffix(b"\n"))
        if row is None:
            continue
        if row.strip():
            try:
                record = record_in_row(row)
            except (PlivoError, ValueError) as error:
                raise _no_record(name, number, error) from None
            each(record)
        end = size
    return Scan("csv", end, torn=size - end)


def _no_record(name: str, number: int, error: Exception) -> click.ClickException:
    return click.ClickException(f"{name}, line {number}: no call detail record: {error}")
