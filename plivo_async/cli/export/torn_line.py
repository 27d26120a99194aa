"""Recognises a line that the export began to write: only this may be removed from a file. Pure."""

from __future__ import annotations

import re

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


def is_torn_object(line: bytes, first_keys: tuple[str, ...] = ()) -> bool:
    """Whether a line is a proper beginning of a JSON object in ASCII.

    A power cut may leave NUL bytes in place of the rest, so they are allowed at the end.

    Args:
        line: The line, without a newline.
        first_keys: The keys of which one must be the first key; none for any key, or only NUL bytes.
    """
    line = line.rstrip(b"\0")
    if not line:
        return not first_keys
    starts = [f'{{"{key}":'.encode("ascii") for key in first_keys] or [b'{"']
    if not any(line.startswith(start) or start.startswith(line) for start in starts):
        return False
    at, depth = 0, 0
    while (token := _JSON_TOKEN.match(line, at)) is not None:
        depth += (token[0] in b"{[") - (token[0] in b"}]")
        at = token.end()
        if depth < 1:
            return False
    return _CUT_JSON_TOKEN.fullmatch(line, at) is not None


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
