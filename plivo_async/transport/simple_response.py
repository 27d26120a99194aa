"""Reads a response that needs no interpretation, in a few regular expressions. Pure: bytes in, value out.

h11 reads everything else, and decides what such a response means. This reader declines whatever could mean
anything but what h11 takes it for, so that it is only ever faster, never laxer or stricter.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from plivo_async.transport.response_head import MAX_HEAD_BYTES

Headers = list[tuple[bytes, bytes]]

# A packet of many small chunks is left to h11, between whose events other tasks have their turn.
_MAX_CHUNKS = 32

# Possessive quantifiers never go back: no response, however odd, takes more than linear time.
_HEAD = re.compile(
    rb"HTTP/1\.1 ([245][0-9]{2}) ([!-~]*+(?: [!-~]++)*+)\r\n"
    rb"((?:[-!#$%&'*+.^_`|~0-9A-Za-z]++: [!-~]++(?: ++[!-~]++)*+\r\n)++)\r\n"
)
_LENGTH = re.compile(rb"[0-9]{1,9}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,6})\r\n")
_NO_BODY = b"204"
_INTERPRETED = frozenset({b"content-length", b"transfer-encoding", b"connection", b"upgrade"})


class SimpleResponse(NamedTuple):
    """A final HTTP/1.1 response: `content` is the body so far, `missing` the bytes still to arrive."""

    status_code: int
    reason: bytes
    headers: Headers
    content: bytes
    missing: int


def read_simple_response(data: bytes) -> SimpleResponse | None:
    """Read a response to a GET; None if h11 has to read it.

    Args:
        data: Everything received since the request was sent.
    """
    head = _HEAD.match(data)
    if head is None or head.end() > MAX_HEAD_BYTES or head[1] == _NO_BODY:
        return None
    headers: Headers = []
    framing: Headers = []
    for line in head[3].split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        headers.append((name, value))
        name = name.lower()
        if name not in _INTERPRETED:
            continue
        if name != b"connection":
            framing.append((name, value))
        elif value.lower() != b"keep-alive":
            return None
    if len(framing) != 1:
        return None
    framed_by, value = framing[0]
    content: bytes | None
    if framed_by == b"content-length" and _LENGTH.fullmatch(value):
        content = data[head.end() :]
        missing = int(value) - len(content)
    elif framed_by == b"transfer-encoding" and value == b"chunked":
        content = _join_chunks(data, head.end())
        missing = 0
    else:
        return None
    if content is None or missing < 0:
        return None
    return SimpleResponse(int(head[1]), head[2], headers, content, missing)


def _join_chunks(data: bytes, start: int) -> bytes | None:
    """The body, if all chunks are here, with neither extensions, nor trailers, nor bytes behind them."""
    chunks: list[bytes] = []
    while len(chunks) < _MAX_CHUNKS:
        line = _CHUNK_SIZE.match(data, start)
        if line is None:
            return None
        size = int(line[1], 16)
        start = line.end() + size
        if not size:
            return b"".join(chunks) if data[start:] == b"\r\n" else None
        if data[start : start + 2] != b"\r\n":
            return None
        chunks.append(data[line.end() : start])
        start += 2
    return None
