"""Joins lines to rows of CSV, and splits rows into cells. Pure."""

from __future__ import annotations

import csv
import re

from plivo_async.cli.inputs.call_uuid_text import id_in, is_uuid
from plivo_async.cli.inputs.lines import MAX_LINE_BYTES, InputError


def csv_cells(
    row: str, delimiter: str = ",", *, strict: bool = False, escape: str | None = None
) -> list[str]:
    """Return the cells of one row.

    Args:
        row: The row without its newline.
        delimiter: The character between two cells.
        strict: Whether to refuse text after a closing quote.
        escape: The character that takes the meaning of a quote away; None if a quote is doubled instead.

    Raises:
        ValueError: The row is not CSV.
    """
    # The default limit is 128 KiB; the size of a line is limited elsewhere.
    csv.field_size_limit(2**31 - 1)
    try:
        return next(csv.reader([row], delimiter=delimiter, strict=strict, escapechar=escape), list[str]())
    except csv.Error as error:
        raise ValueError(str(error)) from None


def lines_with_id(row: bytes, delimiter: str, index: int) -> list[int]:
    """Return which lines of a row, from 0, would have a UUID in a column if each line were a row."""
    cells = [[*row_text(line).split(delimiter), *[""] * index][index] for line in row.split(b"\n")]
    return [at for at, cell in enumerate(cells) if is_uuid(id_in(cell))]


class CsvRows:
    """Joins lines into rows: a row ends at the end of a line outside quotes.

    A quote opens a quoted cell only where the cell begins.

    Args:
        delimiters: The characters that may end a cell.
    """

    def __init__(self, delimiters: str = ",") -> None:
        after = f"[^{re.escape(delimiters)}]*+"
        cell = rf'(?:"(?:[^"]|"")*+"|(?!")){after}'
        more = f"(?:[{re.escape(delimiters)}]{cell})*+"
        self._whole = re.compile(f"{cell}{more}".encode(), re.DOTALL)
        self._closing = re.compile(rf'(?:[^"]|"")*+"{after}{more}'.encode(), re.DOTALL)
        self._lines: list[bytes] = []
        self._began = 0
        self._size = 0

    def feed(self, number: int, line: bytes) -> bytes | None:
        """Return the row that ends with this line; None if the row continues.

        Raises:
            InputError: The row is longer than 1 MiB.
        """
        if not self._lines:
            if b'"' not in line or self._whole.fullmatch(line):
                return line
            self._began = number
        ends = bool(self._lines) and b'"' in line and self._closing.fullmatch(line) is not None
        self._lines.append(line)
        self._size += len(line)
        if ends:
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


def row_text(row: bytes) -> str:
    """Return the text of a row in UTF-8, or else in the encoding of Windows in the West."""
    try:
        return row.decode("utf-8")
    except UnicodeDecodeError:
        # A spreadsheet of Windows.
        return row.decode("cp1252", "backslashreplace")
