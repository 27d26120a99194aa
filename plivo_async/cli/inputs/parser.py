"""Parses one input of call UUIDs, in any form. Pure: parses bytes, does no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from plivo_async.cli.inputs.csv_input import CsvColumn
from plivo_async.cli.inputs.decoder import ForeignInputError, InputDecoder
from plivo_async.cli.inputs.json_document import JsonDocument
from plivo_async.cli.inputs.json_input import JsonKey, JsonTexts, NdjsonKey
from plivo_async.cli.inputs.lines import MAX_JSON_LINE_BYTES, InputError, LineReader
from plivo_async.cli.inputs.shape import (
    Foreign,
    first_line,
    has_first_lines,
    is_json_document,
    is_json_list,
)
from plivo_async.cli.inputs.text_input import TextLines
from plivo_async.cli.shell import path_word, shell_join


class _Reader(Protocol):
    @property
    def has_row_per_line(self) -> bool: ...

    def feed(self, text: bytes) -> Iterator[str | None]: ...

    def close(self) -> Iterator[str | None]: ...


class InputParser:
    """Converts the bytes of one file or pipe to call UUIDs.

    Args:
        name: The name of the input for error messages.
        column: The column of a CSV that has the ids, by its name or its number.
        key: The key of JSON that has the ids, in place of a column.
    """

    def __init__(self, name: str, *, column: str | None = None, key: str | None = None) -> None:
        self._name, self._column, self._key = name, column, key
        self._decoder = InputDecoder()
        self._head = b""
        self._reader: _Reader | None = None

    @property
    def has_row_per_line(self) -> bool:
        """Whether there are at most as many rows as newlines, as far as the input is known."""
        return self._decoder.is_as_found and (self._reader is None or self._reader.has_row_per_line)

    def feed(self, chunk: bytes) -> Iterator[str | None]:
        """Yield the id of each row that ends in this chunk: "" for a row without one, None for no row.

        Exhaust the iterator before the next call.

        Raises:
            InputError: A line cannot be parsed; the message has its number. Or the format is not read; the
                message names it, and a command that prints its text.
        """
        try:
            for text in self._decoder.feed(chunk):
                yield from self._rows(text)
        except (InputError, ForeignInputError) as error:
            raise self._named(error) from None

    def close(self) -> Iterator[str | None]:
        """Yield what is left at the end of the input.

        Raises:
            InputError: The input ends early, or it has no ids where they were expected.
        """
        try:
            for text in self._decoder.close():
                yield from self._rows(text)
            if self._reader is None:
                yield from self._begin(self._head).feed(self._head)
            assert self._reader is not None  # noqa: S101 - for the type checkers
            yield from self._reader.close()
        except (InputError, ForeignInputError) as error:
            raise self._named(error) from None

    def _rows(self, text: bytes) -> Iterator[str | None]:
        if self._reader is not None:
            yield from self._reader.feed(text)
            return
        self._head += text
        line = first_line(self._head)
        is_plain = self._column is None and self._key is None
        if line is not None and (not is_plain or has_first_lines(self._head)):
            yield from self._begin(line).feed(self._head)

    def _begin(self, line: bytes) -> _Reader:
        """Choose the reader by the first line that is not blank."""
        if self._column is not None:
            self._reader = LineReader(CsvColumn(self._column))
        elif self._key is not None and is_json_document(line):
            self._reader = JsonDocument(JsonKey(self._key))
        elif self._key is not None:
            self._reader = LineReader(NdjsonKey(self._key), MAX_JSON_LINE_BYTES)
        elif is_json_list(line):
            self._reader = JsonDocument(JsonTexts())
        else:
            self._reader = LineReader(TextLines(self._head.decode("utf-8", "replace")))
        return self._reader

    def _named(self, error: InputError | ForeignInputError) -> InputError:
        text = self._advice(error.foreign) if isinstance(error, ForeignInputError) else error.message
        return InputError(f"{self._name}{': ' if text.startswith(('this ', 'the ')) else ', '}{text}")

    def _advice(self, foreign: Foreign) -> str:
        if not foreign.command:
            return f"this is {foreign.name}; {foreign.advice}"
        file = "FILE" if self._name == "stdin" else path_word(Path(self._name))
        values = {"column": self._column or self._key or "call_uuid", "file": file}
        # A quote within the quotes of SQL is doubled.
        in_sql = {"column": values["column"].replace('"', '""'), "file": file.replace("'", "''")}
        prints = shell_join(
            word.format(**(in_sql if word.startswith("select ") else values)) for word in foreign.command
        )
        words = ["plivo-async", "export", "-i", "-"]
        if not any("{column}" in word for word in foreign.command):
            words += [] if self._column is None else ["--column", self._column]
            words += [] if self._key is None else ["--key", self._key]
        return f"this is {foreign.name}; use: {prints} | {shell_join(words)} ..."
