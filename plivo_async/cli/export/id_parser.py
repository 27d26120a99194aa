"""Parses call UUIDs: plain lines, a column of CSV, or a key of NDJSON. Pure: takes bytes, does no I/O."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import click

from plivo_async.text import printable

MAX_LINE_BYTES = 1 << 20
# A line of the failed file holds the body of a response: up to 4 MiB, and JSON may write each byte as six.
MAX_JSON_LINE_BYTES = 32 << 20
_EXCERPT_CHARACTERS = 80
_BOM = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t"

# Takes the number and the bytes of a line; returns its id, "" for a row without an id, or None for no row.
LineParser: TypeAlias = Callable[[int, bytes], str | None]


class InputError(click.ClickException):
    """A line of the input cannot be parsed; the message has its number."""


class LineSplitter:
    """Splits chunks of bytes into lines, numbered from 1, without line ends and byte order mark.

    Args:
        max_bytes: The size of the longest line that is accepted, in bytes.
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self.number = 0
        self._max = max_bytes
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that end in this chunk. Exhaust the iterator before the next call.

        Raises:
            InputError: A line is too long, or the text is UTF-16.
        """
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join((*self._rest, ended[0]))
            self._rest, self._size = [], 0
            for line in ended:
                yield self._numbered(line)
        self._rest.append(rest)
        self._size += len(rest)
        if self._size > self._max:
            raise self._too_long(self.number + 1)

    def close(self) -> Iterator[tuple[int, bytes]]:
        """Yield the last line if it lacks a newline.

        Raises:
            InputError: The text is UTF-16.
        """
        if self._size:
            yield self._numbered(b"".join(self._rest))

    def _numbered(self, line: bytes) -> tuple[int, bytes]:
        self.number += 1
        if len(line) > self._max:
            raise self._too_long(self.number)
        if self.number == 1:
            if line.startswith(_UTF_16_MARKS):
                raise InputError("line 1: this is UTF-16; save it as UTF-8")
            line = line.removeprefix(_BOM)
        return self.number, line.removesuffix(b"\r")

    def _too_long(self, number: int) -> InputError:
        return InputError(f"line {number}: longer than {self._max:,} bytes; is this a file of call UUIDs?")


def plain_line(number: int, line: bytes) -> str | None:
    """Parse a line that is an id. It is not validated: the client rejects an invalid one on its own.

    Raises:
        InputError: The first line looks like NDJSON or CSV.
    """
    text = line.strip().decode("utf-8", "backslashreplace")
    if number == 1 and text.startswith("{"):
        raise InputError("line 1: this looks like NDJSON; name the key that has the ids: --key call_uuid")
    if number == 1 and any(delimiter in text for delimiter in _DELIMITERS):
        raise InputError("line 1: this looks like CSV; name the column that has the ids: --column NAME")
    return text or None


class NdjsonKey:
    """A parser for lines that are JSON objects with the id under a key.

    A value without the key, or with null under it, is a row without an id. Another value than a string is
    returned as JSON, which the client refuses.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._has_key = self._has_row = False

    def __call__(self, number: int, line: bytes) -> str | None:
        """Return the id in this line, if any.

        Raises:
            InputError: The line is not JSON.
        """
        if not line.strip():
            return None
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise InputError(f"line {number}: not JSON: {_excerpt(line)}") from None
        self._has_row = True
        if not isinstance(found, dict) or self._key not in found:
            return ""
        self._has_key = True
        value = cast("dict[str, Any]", found)[self._key]
        if value is None:
            return ""
        return value.strip() if isinstance(value, str) else json.dumps(value)[:_EXCERPT_CHARACTERS]

    def close(self) -> None:
        """Check that the key is right.

        Raises:
            InputError: No line has it.
        """
        if self._has_row and not self._has_key:
            raise InputError(f"no line has the key {self._key!r}: name another one with --key")


class CsvColumn:
    """A parser for CSV whose first row has the names of the columns. A quoted cell may span lines."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._index = -1
        self._delimiter = ","
        self._rows = CsvRows()

    def __call__(self, number: int, line: bytes) -> str | None:
        """Return the id in the row that ends with this line, if any.

        Raises:
            InputError: The row is not CSV, or the header lacks the column.
        """
        row = self._rows.feed(number, line)
        if row is None or not row.strip():
            return None
        text = row.decode("utf-8", "backslashreplace")
        if self._index < 0:
            self._delimiter = max(_DELIMITERS, key=text.count)
            names = [name.strip() for name in self._cells(number, text)]
            if self._column not in names:
                listed = printable(", ".join(names))
                raise InputError(f"line {number}: no column {self._column!r}; the columns are: {listed}")
            self._index = names.index(self._column)
            return None
        cells = self._cells(number, text)
        # A row that ends early, such as a total below the table, has no id.
        return cells[self._index].strip() if len(cells) > self._index else ""

    def close(self) -> None:
        """Check that the last row is complete.

        Raises:
            InputError: A quote is not closed.
        """
        self._rows.close()

    def _cells(self, number: int, row: str) -> list[str]:
        try:
            # A stray quote joins the rows up to the next one, which must not pass for one row.
            return csv_cells(row, self._delimiter, strict="\n" in row)
        except ValueError as error:
            raise InputError(f"line {number}: not CSV: {error}") from None


def csv_cells(row: str, delimiter: str = ",", *, strict: bool = False) -> list[str]:
    """Return the cells of one row.

    Args:
        row: The row without its newline.
        delimiter: The character between two cells.
        strict: Whether to refuse text after a closing quote.

    Raises:
        ValueError: The row is not CSV.
    """
    # The default limit is 128 KiB; the size of a line is limited elsewhere.
    csv.field_size_limit(2**31 - 1)
    try:
        return next(csv.reader([row], delimiter=delimiter, strict=strict), list[str]())
    except csv.Error as error:
        raise ValueError(str(error)) from None


class CsvRows:
    """Joins lines into rows: a row ends at the end of a line outside quotes."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._began = 0
        self._size = 0

    def feed(self, number: int, line: bytes) -> bytes | None:
        """Return the row that ends with this line; None if the row continues.

        Raises:
            InputError: The row is longer than 1 MiB.
        """
        is_odd = line.count(b'"') % 2 == 1
        if not self._lines and not is_odd:
            return line
        if not self._lines:
            self._began = number
        self._lines.append(line)
        self._size += len(line)
        if len(self._lines) > 1 and is_odd:
            row = b"\n".join(self._lines)
            self._lines, self._size = [], 0
            return row
        if self._size > MAX_LINE_BYTES:
            self.close()
        return None

    @property
    def is_open(self) -> bool:
        """Whether a row has begun but not ended."""
        return bool(self._lines)

    def close(self) -> None:
        """Check that the last row is complete.

        Raises:
            InputError: A quote is not closed.
        """
        if self.is_open:
            raise InputError(f"line {self._began}: the quote opened in this line is never closed")


def _excerpt(line: bytes) -> str:
    return printable(line.decode("utf-8", "backslashreplace"), _EXCERPT_CHARACTERS)
