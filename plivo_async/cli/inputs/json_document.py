"""Reads JSON that is not one object per line, in bounded memory. Pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, cast

from plivo_async.cli.inputs.json_input import LIST_KEY, JsonKey, JsonTexts
from plivo_async.cli.inputs.lines import MAX_JSON_LINE_BYTES, InputError, excerpt

# An object that is longer is read member by member, because it may be a list.
_MAX_KEPT_CHARACTERS = 1 << 20
_LONG_CHARACTERS = 1 << 16
# Commas are not checked: `{..},` per line is read, too.
_GAP = re.compile(r"[\s,\x1e\ufeff]*")
_COLON = re.compile(r"\s*:\s*")
# A literal or an escape that is cut short.
_CUT_CHARACTERS = 12


class _IncompleteError(Exception):
    """The rest of a value is still to arrive."""


class JsonDocument:
    """Reads JSON that is not one object per line: arrays, pages of a list, indented or joined values.

    It keeps one row at a time, and none longer than 32 MiB.
    """

    def __init__(self, ids: JsonKey | JsonTexts) -> None:
        self.has_row_per_line = False
        self._ids = ids
        self._utf_8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._line = 1
        self._open: list[str] = []
        self._members: dict[str, Any] = {}
        self._passed = 0
        self._arrived: list[str] = []
        self._size = 0
        self._next_try = 0
        self._is_last = False

    def feed(self, text: bytes) -> Iterator[str | None]:
        """Yield the rows that end in this text. Exhaust the iterator before the next call.

        Raises:
            InputError: The text is not JSON, or a row is longer than 32 MiB.
        """
        self._arrived.append(self._utf_8.decode(text))
        self._size += len(self._arrived[-1])
        if self._size >= self._next_try:
            yield from self._rows()

    def close(self) -> Iterator[str | None]:
        """Yield the rows that are left.

        Raises:
            InputError: The JSON is cut short, or no row has the key.
        """
        self._is_last = True
        yield from self._rows()
        if self._open:
            raise InputError(f"the JSON ends early, without a closing {self._open[-1]}: was it cut short?")
        self._ids.close()

    def _rows(self) -> Iterator[str | None]:
        self._line += self._text.count("\n", 0, self._at)
        self._text = "".join((self._text[self._at :], *self._arrived))
        self._at, self._arrived, self._next_try = 0, [], 0
        while self._skip(_GAP) < len(self._text):
            began = self._at
            try:
                rows = self._step()
            except _IncompleteError:
                self._at = began
                if self._enters(len(self._text) - began):
                    continue
                break
            yield from rows
        self._size = len(self._text) - self._at

    def _step(self) -> Iterator[str | None]:
        """Pass one value, or the beginning or end of an array or an object."""
        character, inside = self._text[self._at], self._open[-1] if self._open else ""
        if character == inside:
            self._at += 1
            self._open.pop()
            return iter(()) if character == "]" else self._end_members()
        if character == "[" and not inside:
            self._at += 1
            self._open.append("]")
            return iter(())
        if inside == "}":
            self._member()
            return iter(())
        value = self._value()
        try:
            return iter(tuple(self._ids.rows(value)))
        except InputError as error:
            raise self._error(error.message) from None

    def _enters(self, size: int) -> bool:
        """Go into an object that is long; return False to wait for more of another value.

        Args:
            size: The number of characters that have arrived of the value.
        """
        if size > MAX_JSON_LINE_BYTES:
            raise self._too_long()
        if self._open or self._text[self._at] != "{" or size <= _MAX_KEPT_CHARACTERS:
            # Each try begins anew, so wait for twice as much if it is long.
            self._next_try = min(2 * size, MAX_JSON_LINE_BYTES + 1) if size > _LONG_CHARACTERS else 0
            return False
        self._at += 1
        self._open.append("}")
        self._members, self._passed = {}, 0
        return True

    def _member(self) -> None:
        """Pass a member of a long object, or go into its list."""
        began = self._at
        key = str(self._value())
        self._skip(_COLON)
        if key == LIST_KEY and self._text[self._at : self._at + 1] == "[":
            self._at += 1
            self._open.append("]")
            self._members[key] = None
            return
        self._members[key] = self._value()
        self._passed += self._at - began
        if self._passed > MAX_JSON_LINE_BYTES:
            raise self._too_long()

    def _end_members(self) -> Iterator[str]:
        members, self._members = self._members, {}
        # The rows of a page were in its list.
        return iter(()) if LIST_KEY in members else self._ids.rows(members)

    def _value(self) -> Any:
        try:
            value, end = self._decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            is_cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _CUT_CHARACTERS
            if is_cut and not self._is_last:
                raise _IncompleteError from None
            self._at = error.pos if error.pos < len(self._text) else self._at
            raise self._error(f"not JSON: {excerpt(self._text[self._at : self._at + 200])}") from None
        except (ValueError, RecursionError):
            raise self._error(f"not JSON: {excerpt(self._text[self._at : self._at + 200])}") from None
        # A number may go on.
        if end == len(self._text) and not self._is_last and not isinstance(value, str | list | dict):
            raise _IncompleteError
        self._at = end
        return cast("Any", value)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        self._at = self._at if found is None else found.end()
        return self._at

    def _too_long(self) -> InputError:
        return self._error(f"a value is longer than {MAX_JSON_LINE_BYTES:,} bytes")

    def _error(self, message: str) -> InputError:
        return InputError(f"line {self._line + self._text.count(chr(10), 0, self._at)}: {message}")
