"""Bounds the head of a response before h11 reads it.

The regular expression that h11 reads a header line by takes quadratic time for spaces before a character that
no value may hold: a line of 20,000 would block the event loop for more than a second.
"""

from __future__ import annotations

import re

MAX_HEAD_BYTES = 16 * 1024

# As h11 ends a head.
_BLANK_LINE = re.compile(rb"\n\r?\n")
# Whitespace and NUL, which no line of a head may hold: h11 refuses them too, but may take long to.
_FORBIDDEN = re.compile(rb"[\0\v\f]|\r[^\n]")


class InvalidHeadError(Exception):
    """A head that is too long, or that HTTP does not allow."""


def find_head(received: bytearray) -> int:
    """Return how many bytes h11 may read now: a whole head, or what can be none; 0 if more have to arrive.

    Raises:
        InvalidHeadError: The head is too long, or holds a character that it must not.
    """
    blank = _BLANK_LINE.search(received, 0, MAX_HEAD_BYTES)
    size = min(blank.end() if blank else len(received), MAX_HEAD_BYTES)
    if _FORBIDDEN.search(received, 0, size):
        raise InvalidHeadError("illegal character in the head of the response")
    if blank:
        return size
    if size == MAX_HEAD_BYTES:
        raise InvalidHeadError(f"the head of the response is longer than {MAX_HEAD_BYTES} bytes")
    # No status line starts with a space or a control character, but a TLS record does: why wait for its end?
    return size if received[:1] <= b" " else 0
