"""Finds the call UUIDs in values of JSON; parses lines with one value each. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any, cast

from plivo_async.cli.inputs.call_uuid_text import id_in, is_call_uuid_name, is_uuid, plain_name
from plivo_async.cli.inputs.lines import InputError, Row, excerpt
from plivo_async.text import printable

_MAX_VALUE_CHARACTERS = 80
_MAX_KNOWN_KEYS = 200
_MAX_DEPTH = 4
LIST_KEY = "objects"


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
            if isinstance(page.get(LIST_KEY), list) and self._key not in page:
                for item in cast("list[Any]", page[LIST_KEY]):
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
        # Imported late: only an error needs it.
        from difflib import get_close_matches

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
