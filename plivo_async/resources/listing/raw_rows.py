"""The exact JSON of each row of a page, for a row that cannot be read and a page that has one."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any

_ROWS_KEY = "objects"
# Enough to find where a value ends, however deep it is and whatever numbers are in it.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)
_MEMBER = re.compile(r'("(?:[^"\\]|\\.)*")\s*:\s*(.*)', re.DOTALL)


def split_page(body: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return what is around the rows of a page, and the JSON of each row, which is not checked.

    Raises:
        ValueError: It is no object, or ends too early.
    """
    text = body.removeprefix(BOM_UTF8).decode("utf-8").strip()
    around: dict[str, Any] = {}
    rows: list[bytes] = []
    for member in _split(text, "{"):
        found = _MEMBER.fullmatch(member)
        if found is None:
            raise ValueError("a member of an object has no key")
        key, value = found.groups()
        if json.loads(key) == _ROWS_KEY and value.startswith("["):
            rows = [row.encode("utf-8", "surrogatepass") for row in _split(value, "[")]
        else:
            around[json.loads(key)] = _value(value)
    return around, rows


def _split(text: str, opening: str) -> Iterator[str]:
    """Yield the JSON of each member of an array or object that is the whole text."""
    if not text.startswith(opening):
        raise ValueError(f"expected {opening!r}")
    depth, begin = 0, 1
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in ("[", "{"):
            depth += 1
        elif sign in ("]", "}"):
            depth -= 1
        if depth == (1 if sign == "," else 0) and sign in (",", "]", "}"):
            member = text[begin : token.start()].strip()
            if member or sign == ",":
                yield member
            begin = token.end()
            if sign != ",":
                break
    if depth or begin != len(text):
        raise ValueError("it does not end where it should")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
