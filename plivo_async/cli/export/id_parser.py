"""Call UUIDs out of text: lines, a column of CSV, or a key of NDJSON. Pure: bytes are handed in."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import click

from plivo_async.text import printable

MAX_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t"

# The id in a line of this number; None where the line holds none.
LineParser: TypeAlias = Callable[[int, bytes], str | None]


class InputError(click.ClickException):
    """A line of the input cannot be read; the message names it."""


class LineSplitter:
    """Lines out of chunks, numbered from 1, without their ends; a byte order mark is dropped.

    Raises: InputError for a line longer than 1 MiB, and for UTF-16.
    """

    def __init__(self) -> None:
        self.number = 0
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines that end in this chunk; all of them must be taken before the next one is fed."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            yield self._numbered(line)
        if len(self._rest) > MAX_LINE:
            raise _too_long(self.number + 1)

    def close(self) -> Iterator[tuple[int, bytes]]:
        """The last line, where no newline ends it."""
        if self._rest:
            yield self._numbered(self._rest)

    def _numbered(self, line: bytes) -> tuple[int, bytes]:
        self.number += 1
        if len(line) > MAX_LINE:
            raise _too_long(self.number)
        if self.number == 1:
            if line.startswith(_UTF_16):
                raise InputError("line 1: this is UTF-16; save it as UTF-8")
            line = line.removeprefix(_BOM)
        return self.number, line.removesuffix(b"\r")


def plain_line(number: int, line: bytes) -> str | None:
    """A line is an id. What is none fails for itself, unless the first line looks like another format.

    Raises: InputError.
    """
    text = line.strip().decode("utf-8", "backslashreplace")
    if number == 1 and text.startswith("{"):
        raise InputError("line 1: this looks like NDJSON; name the key that holds the ids: --key call_uuid")
    if number == 1 and any(delimiter in text for delimiter in _DELIMITERS):
        raise InputError("line 1: this looks like CSV; name the column that holds the ids: --column NAME")
    return text or None


def ndjson_key(key: str) -> LineParser:
    """A line is a JSON object with the id under this key.

    Raises: InputError.
    """

    def parse(number: int, line: bytes) -> str | None:
        if not line.strip():
            return None
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise InputError(f"line {number}: this is not JSON: {_quoted(line)}") from None
        value = cast("dict[str, Any]", found).get(key) if isinstance(found, dict) else None
        if not isinstance(value, str):
            raise InputError(f"line {number}: no text under the key {key!r}: {_quoted(line)}")
        return value.strip() or None

    return parse


class CsvColumn:
    """Rows of CSV whose first one names the columns. A row may span lines, within quotes.

    Raises: InputError.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._index = -1
        self._delimiter = ","
        self._rows = CsvRows()

    def __call__(self, number: int, line: bytes) -> str | None:
        row = self._rows.feed(number, line)
        if row is None or not row.strip():
            return None
        text = row.decode("utf-8", "backslashreplace")
        if self._index < 0:
            self._delimiter = max(_DELIMITERS, key=text.count)
            names = [name.strip() for name in self._cells(number, text)]
            if self._column not in names:
                listed = printable(", ".join(names))
                raise InputError(f"line {number}: no column {self._column!r}, there are: {listed}")
            self._index = names.index(self._column)
            return None
        cells = self._cells(number, text)
        if len(cells) <= self._index:
            raise InputError(f"line {number}: the row ends before the column {self._column!r}")
        return cells[self._index].strip() or None

    def close(self) -> None:
        """Raises InputError where a quote is still open."""
        self._rows.close()

    def _cells(self, number: int, row: str) -> list[str]:
        try:
            return csv_cells(row, self._delimiter)
        except ValueError as error:
            raise InputError(f"line {number}: this is not CSV: {error}") from None


def csv_cells(row: str, delimiter: str = ",") -> list[str]:
    """The cells of one row.

    Raises: ValueError.
    """
    # The default stops at 128 KiB, a bound that the size of a line already sets.
    csv.field_size_limit(2**31 - 1)
    try:
        return next(csv.reader([row], delimiter=delimiter), list[str]())
    except csv.Error as error:
        raise ValueError(str(error)) from None


class CsvRows:
    """Rows out of lines: a row ends with a line at whose end no quote is open."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._began = 0
        self._size = 0

    def feed(self, number: int, line: bytes) -> bytes | None:
        """The row that ends with this line.

        Raises: InputError for a row longer than 1 MiB.
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
        if self._size > MAX_LINE:
            self.close()
        return None

    @property
    def is_open(self) -> bool:
        """Whether a row has begun and not ended."""
        return bool(self._lines)

    def close(self) -> None:
        """Raises InputError where a row has not ended."""
        if self.is_open:
            raise InputError(f"line {self._began}: a quote that opens in this line is never closed")


def _too_long(number: int) -> InputError:
    return InputError(f"line {number}: longer than {MAX_LINE:,} bytes; is this a file of call UUIDs?")


def _quoted(line: bytes) -> str:
    text = printable(line.decode("utf-8", "backslashreplace"))
    return text if len(text) <= 80 else text[:80] + "…"
