"""Recognises an input by its first bytes. Pure."""

from __future__ import annotations

import json
import re

from attrs import frozen

from plivo_async.cli.inputs.call_uuid_text import ids_in_list, is_id

GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 512
_LONG_HEAD_BYTES = 1 << 16
_TAR_OFFSET_BYTES = 257
_SAMPLE_CHARACTERS = 32
_MIN_CONTROLS = 4
_FIRST_LINE = re.compile(rb"\s*+(\S[^\r\n]*+)(?=\r*\n|\r+[^\r])")
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c\x1d\x1f\x7f]")


@frozen
class Foreign:
    """A format that is not read.

    Attributes:
        name: The name of the format, with its article.
        command: The command that prints its text, with "{file}" in place of the file, or its call UUIDs, with
            "{column}" in place of their column; empty if there is none.
        advice: The way out if there is no command.
    """

    name: str
    command: tuple[str, ...] = ()
    advice: str = ""


_SHEET = "save it as CSV (UTF-8), and name the column that has the ids: --column NAME"
_TEXT = "save the call UUIDs as text, one per line"
_DUCKDB = ("duckdb", "-noheader", "-list", "-c", "select \"{column}\" from '{file}'")
_SQLITE = ("sqlite3", "{file}", 'select "{column}" from TABLE')
_BY_MAGIC: tuple[tuple[bytes, Foreign], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Foreign("an old Excel workbook", advice=_SHEET)),
    (b"BZh", Foreign("bzip2", ("bzcat", "{file}"))),
    (b"\xfd7zXZ\0", Foreign("xz", ("xzcat", "{file}"))),
    (b"\x28\xb5\x2f\xfd", Foreign("zstd", ("zstdcat", "{file}"))),
    (b"\x04\x22\x4d\x18", Foreign("LZ4", ("lz4cat", "{file}"))),
    (b"LZIP", Foreign("lzip", ("lzip", "-dc", "{file}"))),
    (b"\x1f\x9d", Foreign("compress (.Z)", ("zcat", "{file}"))),
    (b"7z\xbc\xaf\x27\x1c", Foreign("a 7-Zip archive", ("7z", "x", "-so", "{file}"))),
    (b"Rar!\x1a\x07", Foreign("a RAR archive", ("unrar", "p", "-inul", "{file}"))),
    (b"PAR1", Foreign("Parquet", _DUCKDB)),
    (b"ARROW1\0\0", Foreign("an Arrow file", advice=_TEXT)),
    (b"ORC", Foreign("ORC", advice=_TEXT)),
    (b"Obj\x01", Foreign("Avro", advice=_TEXT)),
    (b"SQLite format 3\0", Foreign("an SQLite database", _SQLITE)),
    (b"%PDF-", Foreign("a PDF", advice=_TEXT)),
    (b"\x89PNG", Foreign("a picture", advice=_TEXT)),
    (b"\xff\xd8\xff", Foreign("a picture", advice=_TEXT)),
    (b"{\\rtf", Foreign("formatted text (RTF)", advice=_TEXT)),
)
_BY_TAG: tuple[tuple[bytes, Foreign], ...] = (
    (b"<!doctype html", Foreign("a web page (HTML)", advice=_TEXT)),
    (b"<html", Foreign("a web page (HTML)", advice=_TEXT)),
    (b"<?xml", Foreign("XML", advice=_TEXT)),
)
_ZIPPED: tuple[tuple[bytes, Foreign], ...] = (
    (b"opendocument.spreadsheet", Foreign("a spreadsheet (.ods)", advice=_SHEET)),
    (b"Index/Document.iwa", Foreign("a Numbers spreadsheet", advice=_SHEET)),
    (b"word/", Foreign("a Word document", advice=_TEXT)),
    (b"xl/", Foreign("an Excel workbook (.xlsx)", advice=_SHEET)),
    (b"[Content_Types].xml", Foreign("an Excel workbook (.xlsx)", advice=_SHEET)),
)
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ZIP = Foreign("a zip archive", ("unzip", "-p", "{file}"))
_TAR = Foreign("a tar archive", ("tar", "-xOf", "{file}"))
_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def is_enough(head: bytes) -> bool:
    """Whether the first bytes that have arrived decide on the format."""
    return len(head) >= _HEAD_BYTES or (b"\n" in head and not head.startswith(_ZIP_MAGICS))


def foreign_format(head: bytes) -> Foreign | None:
    """Return the format of bytes that are not text."""
    if head.startswith(_ZIP_MAGICS):
        return next((found for part, found in _ZIPPED if part in head), _ZIP)
    if head[_TAR_OFFSET_BYTES:].startswith(b"ustar"):
        return _TAR
    start = head[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    known = [found for magic, found in _BY_MAGIC if head.startswith(magic)]
    known += [found for tag, found in _BY_TAG if start.startswith(tag)]
    if known:
        return known[0]
    start = head[:_HEAD_BYTES]
    controls = len(_CONTROL.findall(start))
    is_binary = controls >= _MIN_CONTROLS and controls * 10 > len(start)
    if is_binary or start.count(0) * 2 > len(start):
        return Foreign("binary data", advice=_TEXT)
    return None


def wide_encoding(head: bytes) -> str | None:
    """Return the codec of text in UTF-16 or UTF-32, which may lack a byte order mark; None for other text."""
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    even, odd = (head[at : 2 * _SAMPLE_CHARACTERS : 2] for at in (0, 1))
    if len(odd) < 2 or len(even) < 2:
        return None
    if not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if not any(even) and all(odd) else None


def first_line(head: bytes) -> bytes | None:
    """Return the first line that is not blank; None while it has not arrived."""
    found = _FIRST_LINE.match(head)
    if found:
        return found[1]
    return head.strip() if len(head) > _LONG_HEAD_BYTES else None


def has_first_lines(head: bytes) -> bool:
    """Whether the lines that decide on a text have arrived: one if it is an id, else the next one, too."""
    found = _FIRST_LINE.match(head)
    if found is None:
        return len(head) > _LONG_HEAD_BYTES
    # A line with space around it may be the header of a drawn table.
    return is_id(found[0]) or first_line(head[found.end() :]) is not None


def is_json_list(line: bytes) -> bool:
    """Whether a first line begins a JSON array, and no list of ids in apostrophes."""
    line = line.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_quoted = b"'" in line and ids_in_list(line.decode("utf-8", "replace")) is not None
    return line.startswith(b"[") and not is_quoted


def is_json_document(line: bytes) -> bool:
    """Whether a first line begins JSON that is not one object per line: an array, a list page, indented."""
    line = line.removeprefix(b"\xef\xbb\xbf").strip()
    # A record separator precedes each value of a JSON text sequence (RFC 7464).
    if line.startswith((b"[", b"\x1e")):
        return True
    if not line.startswith(b"{"):
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return isinstance(value.get("objects"), list)
