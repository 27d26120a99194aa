"""Decompresses and decodes an input to text in UTF-8, piece by piece. Pure: no I/O."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from typing import Protocol

from plivo_async.cli.inputs.lines import InputError
from plivo_async.cli.inputs.shape import (
    GZIP_MAGIC,
    Foreign,
    foreign_format,
    is_enough,
    wide_encoding,
)

_PIECE_BYTES = 1 << 16
_GZIP_BITS = 31


class ForeignInputError(Exception):
    """The input has a format that is not read."""

    def __init__(self, foreign: Foreign) -> None:
        super().__init__(foreign.name)
        self.foreign = foreign


class _Stage(Protocol):
    def feed(self, chunk: bytes) -> Iterator[bytes]: ...

    def close(self) -> Iterator[bytes]: ...


class InputDecoder:
    """Recognises gzip, UTF-16 and UTF-32, and passes other text on.

    Attributes:
        is_as_found: Whether the text is the bytes of the input themselves.
    """

    def __init__(self, *, is_inside_gzip: bool = False) -> None:
        self.is_as_found = True
        self._is_inside_gzip = is_inside_gzip
        self._head = b""
        self._stage: _Stage | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the text in this chunk, in pieces. Exhaust the iterator before the next call.

        Raises:
            ForeignInputError: The format is not read.
            InputError: The compressed data is damaged.
        """
        if self._stage is not None:
            yield from self._stage.feed(chunk)
            return
        self._head += chunk
        if is_enough(self._head):
            yield from self._begin().feed(self._head)

    def close(self) -> Iterator[bytes]:
        """Yield what is left at the end.

        Raises:
            ForeignInputError: The format is not read.
            InputError: The compressed data is cut short.
        """
        if self._stage is None:
            yield from self._begin().feed(self._head)
        assert self._stage is not None  # noqa: S101 - for the type checkers
        yield from self._stage.close()

    def _begin(self) -> _Stage:
        codec = wide_encoding(self._head)
        if self._head.startswith(GZIP_MAGIC):
            if self._is_inside_gzip:
                raise ForeignInputError(Foreign("gzip inside gzip", ("zcat", "{file}")))
            self._stage = _Gzip()
        elif codec is not None:
            self._stage = _WideText(codec)
        else:
            foreign = foreign_format(self._head)
            if foreign is not None:
                raise ForeignInputError(foreign)
            self._stage = _Text()
        self.is_as_found = isinstance(self._stage, _Text)
        return self._stage


class _Text:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def close(self) -> Iterator[bytes]:
        return iter(())


class _WideText:
    """Converts UTF-16 or UTF-32 to UTF-8."""

    def __init__(self, codec: str) -> None:
        self._decoder = codecs.getincrementaldecoder(codec)("replace")

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield self._decoder.decode(chunk).encode()

    def close(self) -> Iterator[bytes]:
        yield self._decoder.decode(b"", True).encode()


class _Gzip:
    """Decompresses members of gzip, in pieces of bounded size, because a small chunk may be a bomb."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_BITS)
        self._text = InputDecoder(is_inside_gzip=True)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            for piece in self._pieces(chunk):
                yield from self._text.feed(piece)
        except zlib.error:
            raise InputError("the gzip data is damaged, or something else follows it") from None

    def close(self) -> Iterator[bytes]:
        if not self._member.eof:
            # The last line may be cut short, too, so it is not an id.
            raise InputError("the gzip data ends early: was the file cut short?")
        yield from self._text.close()

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        while True:
            if self._member.eof:
                # Padding may follow a member.
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._member = zlib.decompressobj(_GZIP_BITS)
            piece = self._member.decompress(chunk, _PIECE_BYTES)
            yield piece
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not chunk and len(piece) < _PIECE_BYTES:
                return
