"""The lines of a file, decompressed and decoded while it is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from plivo_async.cli.inputs.decoder import ForeignInputError, InputDecoder
from plivo_async.cli.inputs.lines import MAX_JSON_LINE_BYTES, InputError, LineSplitter

_CHUNK_BYTES = 1 << 16


class DecodedLines:
    """The lines of gzip, UTF-16 or UTF-8, each with LF; the last one without, if it lacks a newline.

    Args:
        file: The file.
        name: Its name for error messages.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._lines = _lines(file, name)
        self._ahead: deque[bytes] = deque()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._ahead.popleft() if self._ahead else next(self._lines)

    def readline(self) -> bytes:
        """Return the next line; empty at the end.

        Raises:
            InputError: The file is compressed in another way, damaged, or has a line of more than 32 MiB.
        """
        return next(self, b"")

    def put_back(self, line: bytes) -> None:
        """Let the next line be this one."""
        self._ahead.appendleft(line)


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        splitter = LineSplitter(MAX_JSON_LINE_BYTES)
        for text in _texts(file):
            for _, line in splitter.feed(text):
                yield line + b"\n"
        for _, line in splitter.close():
            yield line
    except ForeignInputError as error:
        raise InputError(f"{name}: this is {error.foreign.name}, not an export") from None
    except InputError as error:
        raise InputError(f"{name}: {error.message}") from None


def _texts(file: BinaryIO) -> Iterator[bytes]:
    decoder = InputDecoder()
    while chunk := file.read(_CHUNK_BYTES):
        yield from decoder.feed(chunk)
    yield from decoder.close()
