"""Parses one input of call UUIDs, whatever its form. Pure: takes bytes, does no I/O."""

from __future__ import annotations

from collections.abc import Iterator

from plivo_async.cli.export.id_parser import (
    MAX_JSON_LINE_BYTES,
    MAX_LINE_BYTES,
    CsvColumn,
    InputError,
    LineParser,
    LineSplitter,
    NdjsonKey,
    plain_line,
)


class InputParser:
    """Converts the bytes of one file or pipe to call UUIDs.

    Args:
        name: The name of the input for error messages.
        column: The column of a CSV that has the ids.
        key: The key of JSON that has the ids, in place of a column.
    """

    def __init__(self, name: str, *, column: str | None = None, key: str | None = None) -> None:
        self._name = name
        self._parse = _line_parser(column, key)
        self._splitter = LineSplitter(MAX_LINE_BYTES if key is None else MAX_JSON_LINE_BYTES)

    def feed(self, chunk: bytes) -> Iterator[str | None]:
        """Yield the id of each row that ends in this chunk: "" for a row without one, None for no row.

        Exhaust the iterator before the next call.

        Raises:
            InputError: A line cannot be parsed; the message has its number.
        """
        yield from self._rows(self._splitter.feed(chunk))

    def close(self) -> Iterator[str | None]:
        """Yield what is left at the end of the input.

        Raises:
            InputError: The input ends early, or it has no ids where they were expected.
        """
        yield from self._rows(self._splitter.close())
        if isinstance(self._parse, CsvColumn | NdjsonKey):
            try:
                self._parse.close()
            except InputError as error:
                raise self._named(error) from None

    def _rows(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[str | None]:
        try:
            for number, line in lines:
                yield self._parse(number, line)
        except InputError as error:
            raise self._named(error) from None

    def _named(self, error: InputError) -> InputError:
        return InputError(f"{self._name}, {error.message}")


def _line_parser(column: str | None, key: str | None) -> LineParser:
    if column is not None:
        return CsvColumn(column)
    return plain_line if key is None else NdjsonKey(key)
