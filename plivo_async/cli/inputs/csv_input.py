"""Parses a column of CSV with any delimiter. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from plivo_async.cli.inputs.call_uuid_text import id_in, is_header, is_uuid, plain_name
from plivo_async.cli.inputs.csv_rows import CsvRows, csv_cells, lines_with_id, row_text
from plivo_async.cli.inputs.lines import InputError
from plivo_async.cli.inputs.text_input import DELIMITERS, is_table_frame
from plivo_async.text import printable

_MAX_ROWS_ABOVE = 30
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_JSON = re.compile(r'\s*[\[{]\s*(?:["\[{]|\Z)')


class CsvColumn:
    """A parser for one column of CSV. A quoted cell may span lines.

    Args:
        column: The name in the header, or the number of the column, from 1. The header may be below a title,
            and with a number there may be none. Letter case, space and punctuation of a name do not matter,
            unless two columns would match.
    """

    def __init__(self, column: str) -> None:
        self._column = column.strip()
        self._number = int(column) if re.fullmatch("[1-9][0-9]{0,3}", column) else None
        self._index = -1
        self._width = 0
        self._header = ""
        self._delimiter = ""
        self._rows = CsvRows(DELIMITERS)
        self._above: list[tuple[int, list[str]]] = []

    def __call__(self, number: int, line: bytes) -> str | None:
        """Return the id in the row that ends with this line.

        Raises:
            InputError: The row is not CSV, or no row has the column.
        """
        row = self._rows.feed(number, line)
        if row is None:
            return None
        text = row_text(row)
        if not text.strip() or is_table_frame(text.strip()):
            return None
        if self._index < 0:
            return self._begin(number, text)
        cells = self._cells(number, text, self._delimiter)
        if len(cells) != self._width and '\\"' in text:
            cells = self._with_backslashes(text) or cells
        if b"\n" in row:
            self._check_joined(number, row)
        # A row that ends early, such as a total below the table, has no id.
        cell = cells[self._index] if len(cells) > self._index else ""
        # The header is repeated where files are joined.
        return None if cell and cell == self._header else id_in(cell)

    def close(self) -> None:
        """Check that the last row is complete, and that there was a header.

        Raises:
            InputError: A quote is not closed, or no row has the column.
        """
        self._rows.close()
        if self._above:
            raise self._no_column()

    def _begin(self, number: int, text: str) -> str | None:
        """Find the column in the first rows; return the id if the row has one instead of a name."""
        separator = _SEPARATOR.fullmatch(text.strip())
        if separator:
            self._delimiter = separator[1]
            return None
        if not self._above and _JSON.match(text):
            raise InputError(
                f"line {number}: this looks like JSON; name the key that has the ids: --key NAME"
            )
        choices = sorted(self._delimiter or DELIMITERS, key=text.count, reverse=True)
        split: dict[str, list[str]] = {}
        for choice in choices:
            with suppress(InputError):
                split[choice] = self._cells(number, text, choice)
        if not split:
            self._cells(number, text, choices[0])
        for choice, cells in split.items():
            if self._number is not None and self._number <= len(cells):
                cell = id_in(cells[self._number - 1])
                if is_uuid(cell):
                    self._use(choice, self._number - 1, len(cells))
                    return cell
        # A row with a call UUID is no header, even if another cell is like the name, as `1` is like `-1`.
        has_id = any(is_uuid(id_in(cell)) for cells in split.values() for cell in cells)
        if not has_id and self._finds_name(number, split):
            return None
        best = max(split, key=lambda choice: len(split[choice]))
        if self._number is not None and self._number <= len(split[best]):
            self._use(best, self._number - 1, len(split[best]))
            cell = split[best][self._index]
            if is_header(cell) or " " in cell:
                self._header = cell
                return None
            return id_in(cell)
        self._above.append((number, split[best]))
        if len(self._above) == _MAX_ROWS_ABOVE:
            raise self._no_column()
        return None

    def _finds_name(self, number: int, split: dict[str, list[str]]) -> bool:
        """Whether the row is the header."""
        forms: tuple[Callable[[str], str], ...] = (str, plain_name)
        for form in forms:
            wanted = form(self._column)
            for choice, cells in split.items():
                found = [index for index, name in enumerate(cells) if wanted and form(name) == wanted]
                if len(found) > 1:
                    places = " or ".join(str(index + 1) for index in found)
                    raise InputError(
                        f"line {number}: {len(found)} columns are named {self._column!r}; "
                        f"name one by its number: --column {places}"
                    )
                if found:
                    self._use(choice, found[0], len(cells))
                    self._header = cells[found[0]]
                    return True
        return False

    def _use(self, delimiter: str, index: int, width: int) -> None:
        self._delimiter, self._index, self._width, self._above = delimiter, index, width, []
        self._rows = CsvRows(delimiter)

    def _with_backslashes(self, text: str) -> list[str] | None:
        """Return the cells of a row whose quotes have backslashes; None if they do not fit the header."""
        cells = csv_cells(text, self._delimiter, escape="\\")
        return cells if len(cells) == self._width else None

    def _no_column(self) -> InputError:
        number, names = max(self._above, key=lambda row: (len(row[1]), -row[0]))
        text = f"line {number}: no column {self._column!r}; the columns are: {printable(', '.join(names))}"
        by_plain_name = {plain_name(name): name for name in names}
        # Imported late: only an error needs it.
        from difflib import get_close_matches

        close = get_close_matches(plain_name(self._column), by_plain_name, 1)
        at = next((place for place, name in enumerate(names, 1) if is_uuid(id_in(name))), None)
        if at is not None:
            text += f"; without a header, name the column by its number: --column {at}"
        elif close:
            text += f"; did you mean {by_plain_name[close[0]]!r}?"
        return InputError(text)

    def _check_joined(self, number: int, row: bytes) -> None:
        """Refuse a row of several lines if more than one of them has an id: a stray quote joined them."""
        joined = lines_with_id(row, self._delimiter, self._index)
        if len(joined) > 1:
            at = number - row.count(b"\n") + joined[1]
            raise InputError(
                f"line {at}: this row is inside a quote that an earlier line opens; close that quote"
            )

    def _cells(self, number: int, text: str, delimiter: str) -> list[str]:
        if delimiter == "|":
            text = text.strip().removeprefix("|").removesuffix("|")
        try:
            # A stray quote joins the rows up to the next one, which must not pass for one row.
            cells = csv_cells(text, delimiter, strict="\n" in text)
        except ValueError as error:
            raise InputError(f"line {number}: not CSV: {error}") from None
        return [cell.strip("\ufeff \t\xa0") for cell in cells]
