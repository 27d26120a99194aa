"""Splits bytes into lines that end with LF, CRLF or CR. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol, TypeAlias

import click

from plivo_async.text import printable

MAX_LINE_BYTES = 1 << 20
# A line of the failed file holds the body of a response: up to 4 MiB, and JSON may write each byte as six.
MAX_JSON_LINE_BYTES = 32 << 20
_EXCERPT_CHARACTERS = 80
_BOM = b"\xef\xbb\xbf"
_FIRST_END = re.compile(rb"\r*\n|\r")
_ANY_END = re.compile(rb"\r\n|\r|\n")

# The id of a row, "" for a row without an id, None for no row; a tuple for a line with several ids.
Row: TypeAlias = str | tuple[str, ...] | None


class InputError(click.ClickException):
    """The input cannot be parsed; the message has the number of the line, where there is one."""


class LineParser(Protocol):
    """Converts lines to rows."""

    def __call__(self, number: int, line: bytes, /) -> Row:
        """Return the row that ends with this line."""
        ...

    def close(self) -> None:
        """Check that the input is complete, and has the column or the key.

        Raises:
            InputError: The input is cut short, or lacks the column or the key.
        """
        ...


class LineSplitter:
    """Splits chunks of bytes into lines, numbered from 1, without line ends and byte order mark.

    Lines end with LF or CRLF, or with a lone CR if the first line does.

    Args:
        max_bytes: The size of the longest line that is accepted, in bytes.

    Attributes:
        number: The number of lines so far.
        is_split_at_cr: Whether a lone CR ends a line; None while no line has ended.
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self.number = 0
        self.is_split_at_cr: bool | None = None
        self._max = max_bytes
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that end in this chunk. Exhaust the iterator before the next call.

        Raises:
            InputError: A line is too long.
        """
        if self.is_split_at_cr is None:
            before = self._rest[-1][-1:] if self._rest else b""
            self.is_split_at_cr = _is_split_at_cr(before + chunk)
        if self.is_split_at_cr:
            text = b"".join((*self._rest, chunk))
            # The LF of the last CR may be in the next chunk.
            cut = text[-1:] if text.endswith(b"\r") else b""
            *ended, rest = _ANY_END.split(text.removesuffix(b"\r"))
            self._rest, rest = [], rest + cut
        else:
            *ended, rest = chunk.split(b"\n")
            if ended:
                ended[0] = b"".join((*self._rest, ended[0]))
                self._rest = []
        for line in ended:
            yield self._numbered(line)
        self._size = len(rest) + (self._size if self._rest else 0)
        if rest:
            self._rest.append(rest)
        if self._size > self._max:
            raise self._too_long(self.number + 1)

    def close(self) -> Iterator[tuple[int, bytes]]:
        """Yield the last line if it lacks a newline."""
        if self._rest:
            yield self._numbered(b"".join(self._rest))

    def _numbered(self, line: bytes) -> tuple[int, bytes]:
        self.number += 1
        if len(line) > self._max:
            raise self._too_long(self.number)
        if self.number == 1:
            line = line.removeprefix(_BOM)
        return self.number, line.rstrip(b"\r")

    def _too_long(self, number: int) -> InputError:
        return InputError(f"line {number}: longer than {self._max:,} bytes; is this a file of call UUIDs?")


class LineReader:
    """Reads an input line by line."""

    def __init__(self, parse: LineParser, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._has_lists = False
        self._splitter = LineSplitter(max_bytes)
        self._parse = parse

    @property
    def has_row_per_line(self) -> bool:
        """Whether there are at most as many rows as lines that end with LF."""
        return not self._splitter.is_split_at_cr and not self._has_lists

    def feed(self, text: bytes) -> Iterator[str | None]:
        """Yield the rows that end in this text. Exhaust the iterator before the next call.

        Raises:
            InputError: A line cannot be parsed.
        """
        yield from self._rows(self._splitter.feed(text))

    def close(self) -> Iterator[str | None]:
        """Yield the row in a last line without a newline.

        Raises:
            InputError: The input is not complete, or it lacks the column or the key.
        """
        yield from self._rows(self._splitter.close())
        self._parse.close()

    def _rows(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[str | None]:
        for number, line in lines:
            row = self._parse(number, line)
            if isinstance(row, tuple):
                self._has_lists = True
                yield from row
            else:
                yield row


def excerpt(text: str) -> str:
    """Return a short piece of text for a message."""
    return printable(text, _EXCERPT_CHARACTERS)


def decoded(line: bytes) -> str:
    """Return the text of a line without surrounding space, bytes that are not UTF-8 escaped."""
    return line.decode("utf-8", "backslashreplace").strip()


def _is_split_at_cr(text: bytes) -> bool | None:
    first = _FIRST_END.search(text)
    # A CR at the end may be the first half of CRLF.
    return None if first is None or first[0] == text[first.start() :] == b"\r" else first[0] == b"\r"
