"""Recognises a line that the export began to write: only this may be removed from a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise, zip_longest

_JSON_TOKEN = re.compile(
    rb'"(?:[ !#-\[\]-~]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
    # A number that is cut short is a token, too.
    rb"|-?[0-9][-+.0-9eE]*|true|false|null|[][{}:, ]"
)
_CUT_JSON_TOKEN = re.compile(
    rb'(?:"(?:[ !#-\[\]-~]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*(?:\\(?:u[0-9a-fA-F]{0,3})?)?'
    rb"|-|t|tr|tru|f|fa|fal|fals|n|nu|nul)?"
)
_CSV_CELL = re.compile(rb'(?:"(?:[^"]|"")*"|[^",\r\n]*),')
_CUT_CSV_CELL = re.compile(rb'"(?:[^"]|"")*"?|[^",\r\n]*')
_CUT_ID = re.compile(rb"[A-Za-z0-9_-]{0,128}(?:,.*)?", re.DOTALL)


def is_torn_object(line: bytes) -> bool:
    """Whether a line is a proper beginning of a JSON object in ASCII.

    A power cut may leave NUL bytes in place of the rest, or of the whole line.

    Args:
        line: The line, without a newline.
    """
    line = line.rstrip(b"\0")
    return not line or ((line.startswith(b'{"') or line == b"{") and _tokens(line) is not None)


def is_torn_record(line: bytes, keys: Collection[str]) -> bool:
    """Whether a line is a proper beginning of a record, even if no record precedes it.

    There is no space between its tokens, and its first two keys are documented ones. Later keys may be new.

    Args:
        line: The line, without a newline.
        keys: The documented keys.
    """
    found = _compact_keys(line)
    quoted = [f'"{key}"'.encode("ascii") for key in keys]
    # The last one may be cut short.
    return found is not None and all(any(key.startswith(token) for key in quoted) for token in found[:2])


def is_torn_failure(line: bytes, keys: Sequence[str]) -> bool:
    """Whether a line is a proper beginning of an object with these keys in this order and no other.

    There is no space between its tokens.

    Args:
        line: The line, without a newline.
        keys: The keys.
    """
    found = _compact_keys(line)
    return found is not None and all(
        key is not None and f'"{key}"'.encode("ascii").startswith(token)
        for key, token in zip_longest(keys[: len(found)], found)
    )


def _compact_keys(line: bytes) -> list[bytes] | None:
    """Return the keys at the beginning of an object without spaces; None for any other line."""
    tokens = _tokens(line.rstrip(b"\0"))
    if not tokens or tokens[0] != b"{" or b" " in tokens:
        return None
    depth, found = 0, list[bytes]()
    for before, token in pairwise((b"", *tokens)):
        if depth == 1 and before in (b"{", b","):
            found.append(token)
        depth += _deeper(token)
    return found


def _tokens(line: bytes) -> list[bytes] | None:
    """Return the tokens of a beginning of JSON, the last one as far as it goes; None for any other line."""
    at, depth, tokens = 0, 0, list[bytes]()
    while (match := _JSON_TOKEN.match(line, at)) is not None:
        at = match.end()
        tokens.append(match[0])
        depth += _deeper(match[0])
        if depth < 1:
            return None
    rest = line[at:]
    return tokens + [rest] * bool(rest) if _CUT_JSON_TOKEN.fullmatch(rest) else None


def _deeper(token: bytes) -> int:
    return (token in (b"{", b"[")) - (token in (b"}", b"]"))


def is_torn_row(row: bytes, cells: int) -> bool:
    """Whether bytes are the beginning of a row of CSV that begins with a call UUID.

    A power cut may leave NUL bytes in place of the rest, so they are allowed at the end.

    Args:
        row: The bytes; quoted cells may have newlines.
        cells: The number of cells of a complete row.
    """
    row = row.rstrip(b"\0")
    if not _CUT_ID.fullmatch(row):
        return False
    at = 0
    for _ in range(cells - 1):
        cell = _CSV_CELL.match(row, at)
        if cell is None:
            break
        at = cell.end()
    return _CUT_CSV_CELL.fullmatch(row, at) is not None
