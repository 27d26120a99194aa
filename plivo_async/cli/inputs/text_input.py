"""Parses text with call UUIDs in its lines. Pure."""

from __future__ import annotations

import re
import shlex

from plivo_async.cli.inputs.call_uuid_text import (
    has_uuid,
    id_in,
    ids_in_list,
    is_call_uuid_name,
    is_header,
    is_uuid,
)
from plivo_async.cli.inputs.lines import InputError, Row, decoded

DELIMITERS = ",;\t|"
# The lines of a table that a database program draws.
_RULE = re.compile(r"[-+=|\s]*[-=]{3}[-+=|\s]*")
_ROW_COUNT = re.compile(r"\([0-9]+ rows?(?: affected)?\)|[0-9]+ rows? in set.*")

_GREP = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class TextLines:
    """A parser for lines that are ids, with a header or without. Ids are not validated, the client does that.

    Args:
        head: The beginning of the text, with the first lines that have arrived.
    """

    def __init__(self, head: str = "") -> None:
        lines = [line.strip() for line in head.splitlines() if line.strip()][:3]
        self._is_table = any(map(is_table_frame, lines))
        self._next = lines[1] if len(lines) > 1 else ""
        self._is_first = True
        self._header = ""

    def __call__(self, number: int, line: bytes) -> Row:
        """Return the id or the ids in this line.

        Raises:
            InputError: The first line looks like NDJSON or CSV.
        """
        text = decoded(line)
        if is_uuid(text):
            self._is_first = False
            return text
        if not text or text.startswith("#") or (self._is_drawn and is_table_frame(text)):
            return None
        if self._is_table:
            text = text.strip("|").strip()
        ids = ids_in_list(text)
        if ids is not None:
            self._is_first = False
            return ids or None
        if self._is_first:
            self._is_first = False
            _check_first(number, text)
            if self._is_table or is_header(text) or self._is_title(text):
                self._header = text
        return None if text == self._header else id_in(text)

    @property
    def _is_drawn(self) -> bool:
        return self._is_table or self._header != ""

    def close(self) -> None:
        """Do nothing: each line was complete."""

    def _is_title(self, text: str) -> bool:
        return not any(map(str.isdigit, text)) and " " in text and is_uuid(id_in(self._next))


def is_table_frame(text: str) -> bool:
    """Whether a line is a rule of a drawn table, or the number of rows below it."""
    return bool(_RULE.fullmatch(text) or _ROW_COUNT.fullmatch(text))


def _check_first(number: int, text: str) -> None:
    if text.startswith("{") and not is_uuid(id_in(text)):
        key = next((name for name in re.findall(r'"(\w+)"', text) if is_call_uuid_name(name)), "call_uuid")
        form = "NDJSON" if text.endswith("}") and '"objects"' not in text else "JSON"
        raise InputError(f"line {number}: this looks like {form}; name the key that has the ids: --key {key}")
    if "=" in text and "&" in text:
        raise InputError(f"line {number}: this looks like the form of a callback; pass its call UUIDs alone")
    delimiter = max(DELIMITERS, key=text.count)
    names = [name.strip().strip('"') for name in text.split(delimiter)]
    at = next((place for place, name in enumerate(names, 1) if is_uuid(id_in(name))), None)
    if at is None and has_uuid(text) and not is_uuid(id_in(text)):
        raise InputError(
            f"line {number}: this is text with call UUIDs in it; "
            f"use: grep -Eoi '{_GREP}' FILE | plivo-async export -i - ..."
        )
    if len(names) > 1:
        column = next((shlex.quote(name) for name in names if is_call_uuid_name(name)), "NAME")
        raise InputError(
            f"line {number}: this looks like CSV; name the column that has the ids: "
            f"--column {column if at is None else at}"
        )
