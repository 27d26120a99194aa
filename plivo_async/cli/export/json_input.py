"""Parses JSON with call UUIDs under a key: one object per line, or in any other arrangement. Pure."""

from __future__ import annotations

import codecs
import json
import re
import shlex
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, cast

from plivo_async.cli.export.call_uuid_text import id_in, is_call_uuid_name, is_uuid, plain_name
from plivo_async.cli.export.input_lines import MAX_JSON_LINE_BYTES, InputError, Row, excerpt
from plivo_async.text import printable

_MAX_VALUE_CHARACTERS = 80
_MAX_KNOWN_KEYS = 200
_MAX_DEPTH = 4
_LIST_KEY = "objects"
# An object that is longer is read member by member, because it may be a list.
_MAX_KEPT_CHARACTERS = 1 << 20
_LONG_CHARACTERS = 1 << 16
# Commas are not checked: `{..},` per line is read, too.
_GAP = re.compile(r"[\s,\x1e\ufeff]*")
_COLON = re.compile(r"\s*:\s*")
# A literal or an escape that is cut short.
_CUT_CHARACTERS = 12


class JsonKey:
    """The call UUIDs of JSON values: under a key of an object, or of each object of a page of a list.

    A value without the key, or with null under it, is a row without an id, unless it is a call UUID itself.
    Another value than a string is returned as JSON, which the client refuses.

    Args:
        key: The key, or the keys of nested objects with dots between them.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._path = key.split(".")
        self._has_key = self._has_row = False
        self._known: dict[str, None] = {}
        self._list = ""

    def rows(self, value: Any) -> Iterator[str]:
        """Yield the id of each row in a value."""
        if isinstance(value, dict):
            page = cast("dict[str, Any]", value)
            if isinstance(page.get(_LIST_KEY), list) and self._key not in page:
                for item in cast("list[Any]", page[_LIST_KEY]):
                    yield self._id(item)
                return
        yield self._id(value)

    def close(self) -> None:
        """Check that the key is right.

        Raises:
            InputError: No line has it.
        """
        if self._has_row and not self._has_key:
            raise InputError(
                f"no line has the key {self._key!r}: name another one with --key{self._suggestion()}"
            )

    def _id(self, value: Any) -> str:
        self._has_row = True
        if isinstance(value, str) and is_uuid(id_in(value)):
            self._has_key = True
            return id_in(value)
        found: Any = value
        if isinstance(value, dict) and self._key in value:
            found = cast("dict[str, Any]", value)[self._key]
        else:
            for key in self._path:
                if not isinstance(found, dict) or key not in found:
                    self._learn(value, "", 1)
                    return ""
                found = cast("dict[str, Any]", found)[key]
        self._has_key = True
        if found is None:
            return ""
        return id_in(found) if isinstance(found, str) else json.dumps(found)[:_MAX_VALUE_CHARACTERS]

    def _learn(self, value: Any, prefix: str, depth: int) -> None:
        """Remember the keys of a value, to suggest one of them."""
        if not isinstance(value, dict) or depth > _MAX_DEPTH or self._has_key:
            return
        for key, inner in cast("dict[str, Any]", value).items():
            if len(self._known) < _MAX_KNOWN_KEYS:
                self._known[prefix + key] = None
                self._learn(inner, f"{prefix}{key}.", depth + 1)
                if isinstance(inner, list) and inner and self._has(inner[0]):
                    self._list = prefix + key

    def _has(self, value: Any) -> bool:
        return isinstance(value, dict) and self._key in value

    def _suggestion(self) -> str:
        if self._list:
            program, key = shlex.quote(f".{self._list}[]"), shlex.quote(self._key)
            return f"; use: jq -c {program} FILE | plivo-async export -i - --key {key} ..."
        wanted = plain_name(self._path[-1])
        by_plain_name = {plain_name(known.rpartition(".")[2]): known for known in reversed(self._known)}
        close = get_close_matches(wanted, by_plain_name, 1)
        if close:
            return f"; did you mean --key {by_plain_name[close[0]]}?"
        return f"; the keys are: {printable(', '.join(self._known))}" if self._known else ""


class JsonTexts:
    """The call UUIDs of JSON texts, such as the items of an array."""

    def rows(self, value: Any) -> Iterator[str]:
        """Yield the id of a text.

        Raises:
            InputError: The value is an object.
        """
        if isinstance(value, dict):
            key = next(filter(is_call_uuid_name, cast("dict[str, Any]", value)), "NAME")
            raise InputError(f"this is JSON with objects; name the key that has the ids: --key {key}")
        match value:
            # A row of a query with one column may be an array.
            case str(text) | [str(text)]:
                yield id_in(text)
            case None | [None]:
                yield ""
            case _:
                yield json.dumps(value)[:_MAX_VALUE_CHARACTERS]

    def close(self) -> None:
        """Do nothing: no key was asked for."""


class NdjsonKey:
    """A parser for lines that are JSON objects with the id under a key."""

    def __init__(self, key: str) -> None:
        self._ids = JsonKey(key)

    def __call__(self, number: int, line: bytes) -> Row:
        """Return the id in this line, if any.

        Raises:
            InputError: The line is not JSON.
        """
        if not line.strip():
            return None
        try:
            value = json.loads(line.decode("utf-8", "replace").rstrip(" \t,"))
        except (ValueError, RecursionError):
            text = line.decode("utf-8", "backslashreplace")
            hint = _hint(text) if number == 1 else ""
            raise InputError(f"line {number}: not JSON: {excerpt(text)}{hint}") from None
        rows = tuple(self._ids.rows(value))
        return rows[0] if len(rows) == 1 else rows

    def close(self) -> None:
        """Check that the key is right.

        Raises:
            InputError: No line has it.
        """
        self._ids.close()


def _hint(text: str) -> str:
    if is_uuid(id_in(text)):
        return "; if each line is a call UUID, leave out --key"
    return "; if this is CSV, name its column: --column NAME" if "," in text else ""


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
        if key == _LIST_KEY and self._text[self._at : self._at + 1] == "[":
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
        return iter(()) if _LIST_KEY in members else self._ids.rows(members)

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
