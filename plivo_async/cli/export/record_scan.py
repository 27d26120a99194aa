"""Reads an export back, record by record, up to a last line that may be incomplete."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import click
from attrs import fields_dict, frozen

from plivo_async.cli.export.record_format import (
    CSV_COLUMNS,
    FileFormat,
    headed_format,
    header,
    record_in_row,
)
from plivo_async.cli.export.torn_line import is_torn_object, is_torn_record, is_torn_row
from plivo_async.cli.inputs.csv_rows import CsvRows
from plivo_async.cli.inputs.lines import InputError
from plivo_async.errors import PlivoError
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord
from plivo_async.text import printable

_EXCERPT_CHARACTERS = 80
# A header of CSV with the call UUIDs in any column.
_OTHER_CSV = re.compile(rb"(?:\xef\xbb\xbf)?[a-z0-9_\",;\t ]*\bcall_uuid\b[a-z0-9_\",;\t ]*\r?\n")
_KEYS = {*CSV_COLUMNS, *fields_dict(TrunkCallDetailRecord)}


class NotAnExportError(click.ClickException):
    """A line of a file is neither a record nor the beginning of one; the message has its number.

    Attributes:
        damaged: The number of the line that seems damaged; None if no record or header precedes it.
    """

    def __init__(self, message: str, damaged: int | None) -> None:
        super().__init__(message)
        self.damaged = damaged


@frozen
class Scan:
    """The result of reading an export.

    Attributes:
        file_format: The format, recognised by the first line.
        end: The size in bytes of all complete lines.
        lacks_newline: Whether the last line is complete except for its newline.
        torn: The size in bytes of an incomplete last line, which the export itself began to write.
    """

    file_format: FileFormat
    end: int = 0
    lacks_newline: bool = False
    torn: int = 0


class Lines(Protocol):
    """The lines of a file, each with its newline."""

    def readline(self) -> bytes:
        """Return the next line; empty at the end."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the lines that are left."""
        ...


def scan(
    file: Lines,
    name: str,
    each: Callable[[Any], object],
    kind: type[CallDetailRecord | TrunkCallDetailRecord] = CallDetailRecord,
) -> Scan:
    """Read an export from its start.

    A file without a complete record is an export only if it begins with the CSV header, or is the beginning
    of an object with documented keys of a record.

    Args:
        file: The export.
        name: Its name for error messages.
        each: Called with each record.
        kind: The class of the records; that of SIP-trunk calls is for NDJSON.

    Raises:
        NotAnExportError: A line is not a record, nor is it the last one and the beginning of a record.
    """
    first = file.readline()
    headed = headed_format(first)
    if headed is not None:
        is_whole = first == header(headed)
        return _scan_csv(file, name, headed, each) if is_whole else Scan(headed, torn=len(first))
    if _OTHER_CSV.match(first):
        raise NotAnExportError(
            f"{name}, line 1: not the header that this version writes; "
            "a spreadsheet or another version may have written it",
            None,
        )
    return _scan_ndjson(first, file, name, each, kind.from_json)


def _scan_ndjson(
    first: bytes, file: Lines, name: str, each: Callable[[Any], object], read: Callable[[bytes], Any]
) -> Scan:
    end, number, line, has_records = 0, 0, first, False
    while line:
        number += 1
        is_complete = line.endswith(b"\n")
        if line.strip():
            try:
                record = read(line)
            except PlivoError as error:
                if not is_complete:
                    # Without a record before it, any object could begin like this.
                    is_torn = is_torn_object(line) if has_records else is_torn_record(line, _KEYS)
                    if not is_torn:
                        damaged = number if has_records else None
                        raise _not_torn(name, number, line, damaged) from None
                    return Scan("ndjson", end, torn=len(line))
                damaged = number if has_records else None
                raise _not_a_record(name, number, error, damaged) from None
            each(record)
            has_records = True
        end += len(line)
        if not is_complete:
            # The line is a JSON object, and no proper prefix of an object is one.
            return Scan("ndjson", end, lacks_newline=True)
        line = file.readline()
    return Scan("ndjson", end)


def _scan_csv(
    file: Lines, name: str, file_format: FileFormat, each: Callable[[CallDetailRecord], object]
) -> Scan:
    end = size = len(header(file_format))
    is_safe = file_format == "safe-csv"
    rows, tail, number, began = CsvRows(), b"", 1, 2
    for number, line in enumerate(file, start=2):
        if not tail:
            began = number
        size += len(line)
        tail += line
        if not line.endswith(b"\n"):
            # It may look complete and still lack the end of its last cell.
            break
        try:
            row = rows.feed(number, line.removesuffix(b"\n"))
        except InputError as error:
            raise NotAnExportError(f"{name}, {error.message}", began) from None
        if row is None:
            continue
        if row.strip():
            if _joins_records(row):
                raise _joining(name, began)
            try:
                record = record_in_row(row, is_safe=is_safe)
            except (PlivoError, ValueError) as error:
                raise _not_a_record(name, number, error, began) from None
            each(record)
        end, tail = size, b""
    if _joins_records(tail):
        raise _joining(name, began)
    # A call UUID may begin with `-`.
    row = tail.removeprefix(b"'") if is_safe else tail
    if not is_torn_row(row, len(CSV_COLUMNS)):
        raise _not_torn(name, number, tail, began)
    return Scan(file_format, end, torn=size - end)


def _joins_records(row: bytes) -> bool:
    """Whether a line after the first one is a record by itself."""
    for line in row.split(b"\n")[1:]:
        try:
            record_in_row(line)
        except (PlivoError, ValueError):
            continue
        return True
    return False


def _joining(name: str, number: int) -> NotAnExportError:
    return NotAnExportError(
        f"{name}, line {number}: a stray quote joins this line and the records below it", number
    )


def _not_a_record(name: str, number: int, error: Exception, damaged: int | None) -> NotAnExportError:
    return NotAnExportError(f"{name}, line {number}: not a call detail record: {error}", damaged)


def _not_torn(name: str, number: int, line: bytes, damaged: int | None) -> NotAnExportError:
    text = printable(line.decode("utf-8", "backslashreplace"), _EXCERPT_CHARACTERS)
    return NotAnExportError(
        f"{name}, line {number}: not a call detail record, nor the beginning of one: {text}", damaged
    )
