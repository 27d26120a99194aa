"""The exact JSON of each row of a page, for a row that cannot be read and a page that has one."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from typing import Any

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_ROWS_KEY = "objects"


def split_page(body: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return what is around the rows of a page, and the JSON of each row.

    It reads what Python's parser reads, which is more than strict JSON: NaN, and two values under one key.

    Raises:
        ValueError: Even that cannot read it, or it is no object.
    """
    text = body.removeprefix(BOM_UTF8).decode("utf-8")
    around: dict[str, Any] = {}
    rows: list[bytes] = []
    place = _expect(text, "{", 0)
    while True:
        key, place = _value(text, place)
        place = _expect(text, ":", place)
        if key == _ROWS_KEY and text.startswith("[", place):
            rows, place = _elements(text, place)
        else:
            around[str(key)], place = _value(text, place)
        if text.startswith("}", place):
            return around, rows
        place = _expect(text, ",", place)


def _elements(text: str, place: int) -> tuple[list[bytes], int]:
    rows: list[bytes] = []
    place = _expect(text, "[", place)
    while not text.startswith("]", place):
        if rows:
            place = _expect(text, ",", place)
        begin = place
        _, place = _DECODER.raw_decode(text, begin)
        rows.append(text[begin:place].encode("utf-8", "surrogatepass"))
        place = _after_space(text, place)
    return rows, _after_space(text, place + 1)


def _value(text: str, place: int) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(text, place)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value, _after_space(text, end)


def _expect(text: str, sign: str, place: int) -> int:
    place = _after_space(text, place)
    if not text.startswith(sign, place):
        raise ValueError(f"expected {sign!r} at character {place}")
    return _after_space(text, place + 1)


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()
