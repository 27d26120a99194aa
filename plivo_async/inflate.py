"""Decompresses bodies piece by piece, within a limit. Pure: no I/O, no HTTP."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_STEP_BYTES = 64 * 1024
_GZIP_BITS = 31
_ZLIB_BITS = 15
_GZIP_MAGIC = b"\x1f\x8b"


class Inflater:
    """Undoes content codings; at most a step beyond the limit, because a small chunk may be a bomb.

    Args:
        codings: As in a Content-Encoding header, at least one.
        limit: How many bytes each coding may decompress to.

    Attributes:
        content: What is decompressed so far.
    """

    def __init__(self, codings: Sequence[str], limit: int) -> None:
        self._stages = [_Stage(coding, limit) for coding in reversed(codings)]
        self.content = bytearray()

    @property
    def size(self) -> int:
        """The largest number of bytes that one of the codings decompressed to."""
        return max(stage.size for stage in self._stages)

    @property
    def failure(self) -> str:
        """Why the rest cannot be decompressed; empty if it may be."""
        return next((stage.failure for stage in self._stages if stage.failure), "")

    @property
    def is_complete(self) -> bool:
        """Whether the end of every coding was reached."""
        return all(stage.is_complete for stage in self._stages)

    def feed(self, chunk: bytes) -> None:
        """Decompress the next chunk."""
        pieces: Iterable[bytes] = (chunk,)
        for stage in self._stages:
            pieces = chain.from_iterable(map(stage.feed, pieces))
        for piece in pieces:
            self.content += piece


class _Stage:
    """Undoes one content coding."""

    def __init__(self, coding: str, limit: int) -> None:
        self._is_gzip = coding != "deflate"
        self._limit = limit
        self._head = b""
        self._inflate = zlib.decompressobj(_GZIP_BITS)
        self.size = 0
        self.failure = ""

    @property
    def is_complete(self) -> bool:
        return not self.failure and (self._inflate.eof or not self._head)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what the next chunk decompresses to, in pieces of at most a step."""
        if len(self._head) < len(_GZIP_MAGIC):
            self._head += chunk
            if len(self._head) < len(_GZIP_MAGIC):
                return
            chunk = self._head
            if not self._is_gzip:
                self._inflate = zlib.decompressobj(_deflate_bits(chunk))
        is_pending = False
        while (chunk or is_pending) and not self.failure and self.size <= self._limit:
            if self._inflate.eof:
                chunk, is_pending = self._next_member(chunk), False
                continue
            try:
                piece = self._inflate.decompress(chunk, _STEP_BYTES)
            except zlib.error as error:
                self.failure = str(error)
                return
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data
            # All input may be consumed before all output is returned.
            is_pending = len(piece) == _STEP_BYTES
            self.size += len(piece)
            yield piece

    def _next_member(self, rest: bytes) -> bytes:
        """Return where the next member begins: a gzip body may have several, with zeros after them."""
        if self._is_gzip:
            rest = rest.lstrip(b"\0")
        if not rest:
            return rest
        if not self._is_gzip or not rest.startswith(_GZIP_MAGIC[:1]):
            self.failure = "bytes after its end"
        else:
            self._inflate = zlib.decompressobj(_GZIP_BITS)
        return rest


def _deflate_bits(head: bytes) -> int:
    """Return the window bits for a deflate body; some send it without the header of RFC 1950."""
    if head.startswith(_GZIP_MAGIC):
        return _GZIP_BITS
    is_zlib = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2]) % 31 == 0
    return _ZLIB_BITS if is_zlib else -_ZLIB_BITS
